-- Grain: one row per delivery of a campaign.
with campaigns as (
    select * from {{ landed('campaigns') }}
)

{{ stage('campaigns', 'campaigns', columns={
    'campaign_id': 'campaign_code',
    'objective': 'objective',
    'channel': 'channel',
    'offer': 'offer',
    'budget': 'budget',
    'unit_cost': 'unit_cost',
    'control_share': 'control_share',
    'start_date': 'start_date',
    'end_date': 'end_date',
}) }}
