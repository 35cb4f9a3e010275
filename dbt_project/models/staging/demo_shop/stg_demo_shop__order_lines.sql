-- Grain: one row per (order, line).
-- amount includes tax and is after the discount; the order's header says so and in which currency.
with order_lines as (
    select * from {{ landed('order_lines') }}
)

{{ stage('order_lines', 'order_lines', columns={
    'order_id': 'order_no',
    'line_number': 'line_no',
    'product_id': 'sku',
    'line_type': 'line_type',
    'quantity': 'quantity',
    'unit_price': 'unit_price',
    'discount_amount': 'discount',
    'net_amount': 'amount',
    'tax_amount': 'tax',
}) }}
