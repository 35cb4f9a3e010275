-- Grain: one row per row of the file. It accounts for the row; all else that the row says is derived from it.
with customers as (
    select * from {{ landed('customers') }}
)

{{ stage('customers', 'customers', columns={
    'source_customer_id': 'cast(_position as ' ~ contract_type('text') ~ ')',
    'kind': "'person'",
}) }}
