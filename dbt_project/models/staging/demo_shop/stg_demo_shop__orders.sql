-- Grain: one row per order.
-- What an order is worth stands on its lines. campaign_code is a code of the marketing system.
with orders as (
    select * from {{ landed('orders') }}
)

{{ stage('orders', 'orders', columns={
    'order_id': 'order_no',
    'source_customer_id': 'customer_no',
    'channel': 'channel',
    'seller_channel': 'seller_channel',
    'status': 'status',
    'currency': 'currency',
    'campaign_id': 'campaign_code',
    'prices_include_tax': 'prices_include_tax',
    'ordered_at': 'placed_at',
}) }}
