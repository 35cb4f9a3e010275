-- Grain: one row per returned line.
-- refund includes tax, in the order's currency; recovered is in SGD, without tax.
with returns as (
    select * from {{ landed('returns') }}
)

{{ stage('returns', 'returns', columns={
    'return_id': 'return_no',
    'order_id': 'order_no',
    'line_number': 'line_no',
    'source_customer_id': 'customer_no',
    'product_id': 'sku',
    'reason': 'reason',
    'currency': 'currency',
    'quantity': 'quantity',
    'refund_amount': 'refund',
    'tax_amount': 'tax',
    'recovered_amount': 'recovered',
    'returned_at': 'returned_at',
}) }}
