-- Grain: one row per delivery of a (campaign, recipient).
-- Of the control arm, to which nothing is sent, sent_at is the moment of the draw.
with contacts as (
    select * from {{ landed('contacts') }}
)

{{ stage('campaign_contacts', 'contacts', columns={
    'campaign_id': 'campaign_code',
    'source_customer_id': 'recipient_no',
    'arm': 'arm',
    'sent_at': 'sent_at',
    'opened_at': 'opened_at',
    'clicked_at': 'clicked_at',
}) }}
