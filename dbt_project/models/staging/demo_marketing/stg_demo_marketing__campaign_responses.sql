-- Grain: one row per response.
with responses as (
    select * from {{ landed('responses') }}
)

{{ stage('campaign_responses', 'responses', columns={
    'response_id': 'response_no',
    'campaign_id': 'campaign_code',
    'source_customer_id': 'recipient_no',
    'kind': 'kind',
    'responded_at': 'responded_at',
}) }}
