-- Grain: one row per (source system, status) of current orders: what the status says of them.
with words as (
    select distinct
        {{ status_key('status') }} as status_key,
        meaning
    from {{ ref('order_status_words') }}
),

statuses as (
    select distinct
        source_system,
        status
    from {{ ref('int_orders__rows') }}
    where _is_current and status is not null
)

select
    statuses.source_system,
    statuses.status,
    coalesce(words.meaning, 'unlisted') as meaning
from statuses
left join words on {{ status_key('statuses.status') }} = words.status_key
