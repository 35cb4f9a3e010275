-- Grain: one row per delivery of a recipient's record.
with recipients as (
    select * from {{ landed('recipients') }}
)

{{ stage('customers', 'recipients', columns={
    'source_customer_id': 'recipient_no',
    'kind': "'person'",
    'full_name': 'name',
    'email': 'email',
    'phone': 'phone',
    'created_at': 'created_at',
}) }}
