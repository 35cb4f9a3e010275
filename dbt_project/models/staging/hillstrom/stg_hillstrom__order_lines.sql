-- Grain: one row per order of base_hillstrom__orders, which does not say what was bought.
with orders as (
    select * from {{ ref('base_hillstrom__orders') }}
)

{{ stage('order_lines', 'orders', derived=true, columns={
    'order_id': 'order_id',
    'line_number': '1',
    'net_amount': 'amount',
    'ordered_at': 'order_date',
}) }}
