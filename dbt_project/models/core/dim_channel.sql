-- Grain: one row per channel that a source names, of whatever kind; the unknown channel; and that of costs for none.
with named as (
    select
        channel,
        'sales' as kind
    from {{ ref('int_orders') }}
    union
    select
        channel,
        'contacts' as kind
    from {{ ref('int_contacts') }}
    union
    select
        channel,
        'campaigns' as kind
    from {{ ref('int_campaigns') }}
    union
    select
        channel,
        'campaigns' as kind
    from {{ ref('int_campaign_assignments') }}
    union
    select
        channel,
        'consents' as kind
    from {{ ref('int_consents') }}
    union
    select
        channel,
        'costs' as kind
    from {{ ref('int_costs') }}
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
    where channel not in ('unknown', 'not_applicable')
    group by channel
    union all
    select
        'unknown' as channel,
        false as has_sales,
        false as has_contacts,
        false as has_campaigns,
        false as has_consents,
        false as has_costs
    union all
    select
        'not_applicable' as channel,
        false as has_sales,
        false as has_contacts,
        false as has_campaigns,
        false as has_consents,
        false as has_costs
)

select * from final
