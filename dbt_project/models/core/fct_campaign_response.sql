-- Grain: one row per response. Key: response_id.
with responses as (
    select * from {{ ref('int_campaign_responses') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

campaigns as (
    select source_system, source_id as source_campaign_id, core_id as campaign_id from {{ ref('int_references') }}
    where entity = 'campaigns'
),

final as (
    select
        responses.source_system || ':' || responses.response_id as response_id,
        coalesce(campaigns.campaign_id, 'unknown') as campaign_id,
        responses.campaign_id as source_campaign_id,
        source_customers.customer_id,
        responses.source_system,
        responses.kind,
        {{ local_date('responses.responded_at') }} as response_date,
        {{ local_date('coalesce(responses._known_from, responses.responded_at)') }} as known_date,
        responses.responded_at
    from responses
    inner join source_customers
        on
            responses.source_system = source_customers.source_system
            and responses.source_customer_id = source_customers.source_customer_id
    left join campaigns
        on responses.source_system = campaigns.source_system and responses.campaign_id = campaigns.source_campaign_id
)

{{ with_version('customer', 'final', 'response_date') }}
