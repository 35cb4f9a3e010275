-- Grain: one row per delivery of a user's record.
with users as (
    select * from {{ landed('users') }}
)

{{ stage('customers', 'users', columns={
    'source_customer_id': 'user_id',
    'kind': "'person'",
    'full_name': 'name',
    'email': 'email',
    'birth_date': 'birth_date',
    'created_at': 'created_at',
}) }}
