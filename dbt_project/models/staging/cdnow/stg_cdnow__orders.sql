-- Grain: one row per purchase. The file has no purchase number: equal rows are different purchases of one day.
-- The amount stands on the purchase's line, which accounts for the landed row.
with purchases as (
    select
        *,
        {{ occurrence_key(['customer_id', 'date', 'number_of_cds', 'dollar_value']) }} as purchase_key,
        {{ occurrence(['customer_id', 'date', 'number_of_cds', 'dollar_value']) }} > 1 as is_exact_repeat
    from {{ landed('purchases') }}
)

{{ stage('orders', 'purchases', derived=true, columns={
    'order_id': 'purchase_key',
    'source_customer_id': 'customer_id',
    'channel': "'web'",
    'currency': "'USD'",
    'is_exact_repeat': 'is_exact_repeat',
    'ordered_at': "substr(date, 1, 4) || '-' || substr(date, 5, 2) || '-' || substr(date, 7, 2)",
}) }}
