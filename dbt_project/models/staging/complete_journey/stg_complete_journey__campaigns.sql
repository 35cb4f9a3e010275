-- Grain: one row per campaign.
with campaign_descriptions as (
    select * from {{ landed('campaign_descriptions') }}
)

{{ stage('campaigns', 'campaign_descriptions', columns={
    'campaign_id': 'campaign_id',
    'channel': "'mail'",
    'offer': 'campaign_type',
    'start_date': 'start_date',
    'end_date': 'end_date',
}) }}
