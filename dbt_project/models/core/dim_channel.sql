-- Grain: one row per channel that a source names, of whatever kind; the unknown channel; and that of costs for none.
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
    where channel is not null and channel not in ('unknown', 'not_applicable')
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        channel,
        max(case when kind = 'sales' then 1 else 0 end) = 1 as has_sales,
        max(case when kind = 'contacts' then 1 else 0 end) = 1 as has_contacts,
        max(case when kind = 'campaigns' then 1 else 0 end) = 1 as has_campaigns,
        max(case when kind = 'consents' then 1 else 0 end) = 1 as has_consents,
        max(case when kind = 'costs' then 1 else 0 end) = 1 as has_costs
    from named
    group by channel
    {%- for member in ['unknown', 'not_applicable'] %}
    union all
    select
        '{{ member }}' as channel,
        false as has_sales,
        false as has_contacts,
        false as has_campaigns,
        false as has_consents,
        false as has_costs
    {%- endfor %}
)

select * from final
