-- Grain: one row per line of an invoice that is no cancellation.
with sold as (
    select * from {{ ref('base_online_retail_ii__lines') }}
    where not is_cancellation
)

{{ stage('order_lines', 'sold', columns={
    'order_id': 'invoice',
    'line_number': 'line_number',
    'product_id': 'stock_code',
    'line_type': 'line_type',
    'quantity': 'quantity',
    'unit_price': 'price',
    'net_amount': 'amount',
    'is_exact_repeat': 'is_exact_repeat',
    'ordered_at': 'invoiced_at',
}) }}
