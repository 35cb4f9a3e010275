-- Grain: one row per (campaign, household) that the campaign was sent to. There is no control group and no send date.
with campaigns as (
    select * from {{ landed('campaigns') }}
)

{{ stage('campaign_contacts', 'campaigns', columns={
    'campaign_id': 'campaign_id',
    'source_customer_id': 'household_id',
}) }}
