-- Grain: one row per campaign_id, and the unknown campaign.
with campaigns as (
    select * from {{ ref('int_campaigns') }}
),

final as (
    select
        source_system || ':' || campaign_id as campaign_id,
        source_system,
        campaign_id as source_campaign_id,
        objective,
        coalesce(channel, 'unknown') as channel,
        offer,
        budget,
        unit_cost,
        control_share,
        start_date,
        end_date
    from campaigns
    union all
    select
        'unknown' as campaign_id,
        'unknown' as source_system,
        null as source_campaign_id,
        null as objective,
        'unknown' as channel,
        null as offer,
        null as budget,
        null as unit_cost,
        null as control_share,
        cast(null as date) as start_date,
        cast(null as date) as end_date
)

select * from final
