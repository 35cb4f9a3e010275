-- Grain: one row per (source system, status) of current orders: what the status says of them (macros/order_status.sql).
with words as (
    select distinct
        {{ status_key('word') }} as status_key,
        meaning
    from (
        values
        {%- for word, meaning in order_status_keys().items() %}
        ('{{ word }}', '{{ meaning }}'){{ ',' if not loop.last }}
        {%- endfor %}
    ) as listed (word, meaning) -- noqa: AL05
),

statuses as (
    select distinct
        source_system,
        status
    from {{ ref('int_orders__versions') }}
    where _is_current and status is not null
)

select
    statuses.source_system,
    statuses.status,
    coalesce(words.meaning, 'unlisted') as meaning
from statuses
left join words on {{ status_key('statuses.status') }} = words.status_key
