-- Grain: one row per delivery of a caller's record.
with customers as (
    select * from {{ landed('customers') }}
)

{{ stage('customers', 'customers', columns={
    'source_customer_id': 'service_no',
    'kind': "'person'",
    'full_name': 'name',
    'email': 'email',
    'phone': 'phone',
    'loyalty_id': 'loyalty_no',
    'created_at': 'created_at',
}) }}
