-- Grain: one row per channel that a source names, of whatever kind, and the unknown channel.
{% set kinds = {
    'sales': 'orders',
    'contacts': 'contacts',
    'campaigns': 'campaigns',
    'consents': 'consents',
    'costs': 'costs',
} %}

with named as (
    {%- for kind, entity in kinds.items() %}
    select distinct
        channel,
        '{{ kind }}' as kind
    from {{ ref('int_' ~ entity) }}
    where channel is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        channel,
        {%- for kind in kinds %}
        max(case when kind = '{{ kind }}' then 1 else 0 end) = 1 as has_{{ kind }}{{ ',' if not loop.last }}
        {%- endfor %}
    from named
    group by channel
    union all
    select
        'unknown' as channel,
        {%- for kind in kinds %}
        false as has_{{ kind }}{{ ',' if not loop.last }}
        {%- endfor %}
)

select * from final
