-- Grain: one row per purchase: the file does not say which discs were bought, only how many.
with purchases as (
    select
        *,
        {{ occurrence_key(['customer_id', 'date', 'number_of_cds', 'dollar_value']) }} as purchase_key
    from {{ landed('purchases') }}
)

{{ stage('order_lines', 'purchases', columns={
    'order_id': 'purchase_key',
    'line_number': '1',
    'quantity': 'number_of_cds',
    'net_amount': 'dollar_value',
}) }}
