-- Grain: one row per campaign_id, and the unknown campaign.
-- The exported lists of a campaign and a month are a campaign of the source system 'perennial', once a source names one
-- of them; a campaign of a source that has the id of a list is that campaign.
with assignments as (
    select * from {{ ref('int_campaign_assignments') }}
),

campaigns as (
    select * from {{ ref('int_campaigns') }}
    where campaign_id not in (select list_id from assignments)
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
        cast(null as int) as horizon_days,
        start_date,
        end_date
    from campaigns
    union all
    select
        campaign_id,
        'perennial' as source_system,
        substr(campaign_id, 11) as source_campaign_id,
        max_by(objective, list_id) filter (where objective is not null) as objective,
        max_by(channel, list_id) filter (where channel is not null) as channel,
        max_by(offer, list_id) filter (where offer is not null) as offer,
        null as budget,
        max_by(unit_cost, list_id) filter (where unit_cost is not null) as unit_cost,
        max_by(control_share, list_id) filter (where control_share is not null) as control_share,
        max_by(horizon_days, list_id) filter (where horizon_days is not null) as horizon_days,
        min(assigned_date) as start_date,
        max(assigned_date) as end_date
    from assignments
    group by campaign_id
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
        null as horizon_days,
        cast(null as date) as start_date,
        cast(null as date) as end_date
)

select * from final
