-- Grain: one row per order of base_hillstrom__orders.
with orders as (
    select * from {{ ref('base_hillstrom__orders') }}
)

{{ stage('orders', 'orders', derived=true, columns={
    'order_id': 'order_id',
    'source_customer_id': 'customer_number',
    'channel': 'channel',
    'ordered_at': 'order_date',
}) }}
