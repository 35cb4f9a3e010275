-- Grain: one row per (mailing, customer drawn for it). A visit to the shop counts as a response, in both arms: the file
-- says of both whether they came.
with drawn as (
    select * from {{ ref('base_hillstrom__customers') }}
)

{{ stage('campaign_contacts', 'drawn', derived=true, columns={
    'campaign_id': 'campaign_id',
    'source_customer_id': 'customer_number',
    'arm': 'arm',
    'sent_at': 'sent_on',
    'responded_at': "case when visit = '1' then sent_on end",
}) }}
