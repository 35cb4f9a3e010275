-- Grain: one row per line of a cancellation (invoice number with C). The invoice that it cancels is not in the data.
with cancelled as (
    select * from {{ ref('base_online_retail_ii__lines') }}
    where is_cancellation
)

{{ stage('returns', 'cancelled', columns={
    'return_id': "invoice || '-' || line_number",
    'source_customer_id': 'source_customer_id',
    'product_id': 'stock_code',
    'line_type': 'line_type',
    'quantity': '-quantity',
    'refund_amount': '-amount',
    'is_exact_repeat': 'is_exact_repeat',
    'returned_at': 'invoiced_at',
}) }}
