-- Grain: one row per (campaign_id, other_campaign_id) of campaigns that contacted the same customers. Key: both.
-- Control groups were not contacted. Each pair is there twice, once from either side.
with contacts as (
    select
        campaign_id,
        customer_id,
        min(contact_date) as contact_date
    from {{ ref('fct_campaign_contact') }}
    where arm <> 'control' and customer_id <> 'unknown' and {{ by_as_of('contact_date') }}
    group by campaign_id, customer_id
),

sizes as (
    select
        campaign_id,
        count(*) as customers
    from contacts
    group by campaign_id
),

final as (
    select
        first.campaign_id,
        others.campaign_id as other_campaign_id,
        {{ as_of_date() }} as as_of_date,
        min(sizes.customers) as contacted_customers,
        count(*) as shared_customers,
        cast({{ rounded('count(*) / cast(min(sizes.customers) as double)', 6) }} as double) as shared_share,
        min(abs({{ days_between('first.contact_date', 'others.contact_date') }})) as fewest_days_between
    from contacts as first
    inner join contacts as others
        on
            first.customer_id = others.customer_id
            and first.campaign_id <> others.campaign_id
            and others.contact_date between {{ add_days('first.contact_date', -30) }}
            and {{ add_days('first.contact_date', 30) }}
    inner join sizes on first.campaign_id = sizes.campaign_id
    group by first.campaign_id, others.campaign_id
)

select * from final
