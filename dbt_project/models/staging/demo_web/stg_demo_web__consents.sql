-- Grain: one row per delivery of a change of consent.
with consents as (
    select * from {{ landed('consents') }}
)

{{ stage('consents', 'consents', columns={
    'source_customer_id': 'user_id',
    'channel': 'channel',
    'purpose': 'purpose',
    'status': 'status',
    'changed_at': 'ts',
}) }}
