-- Grain: one row per delivery of an account: the company, not who speaks for it.
with accounts as (
    select * from {{ landed('accounts') }}
)

{{ stage('customers', 'accounts', columns={
    'source_customer_id': 'account_no',
    'kind': "'organisation'",
    'full_name': 'company',
    'email': 'email',
    'phone': 'phone',
    'account_ref': 'account_no',
    'created_at': 'created_at',
}) }}
