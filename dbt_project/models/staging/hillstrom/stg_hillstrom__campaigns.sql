-- Grain: one row per mailing.
with mailings as (
    select * from {{ landed('mailings') }}
)

{{ stage('campaigns', 'mailings', columns={
    'campaign_id': 'campaign_id',
    'channel': "'email'",
    'offer': 'offer',
    'start_date': 'sent_on',
    'end_date': 'ends_on',
}) }}
