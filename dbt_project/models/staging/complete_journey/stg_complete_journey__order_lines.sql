-- Grain: one row per (basket, product), as landed.
-- sales_value is what the retailer receives: after its own discounts, before the maker's coupon (the maker refunds it).
-- Amounts are doubles with noise in the 15th digit: they are rounded to the cents that the till printed.
with transactions as (
    select * from {{ landed('transactions') }}
)

{{ stage('order_lines', 'transactions', columns={
    'order_id': 'basket_id',
    'line_number': 'row_number() over (partition by basket_id order by product_id, _position)',
    'product_id': 'product_id',
    'quantity': 'quantity',
    'discount_amount': 'round(cast(retail_disc as decimal(18, 4)), 2)',
    'coupon_discount_amount': 'round(cast(coupon_match_disc as decimal(18, 4)), 2)',
    'manufacturer_coupon_amount': 'round(cast(coupon_disc as decimal(18, 4)), 2)',
    'net_amount': 'round(cast(sales_value as decimal(18, 4)), 2)',
    'ordered_at': 'transaction_timestamp',
}) }}
