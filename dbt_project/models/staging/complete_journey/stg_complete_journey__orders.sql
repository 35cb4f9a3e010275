-- Grain: one row per basket. Household, time and channel are the same on all lines of a basket.
with baskets as (
    select
        basket_id,
        min(household_id) as household_id,
        min(transaction_timestamp) as transaction_timestamp,
        {{ lineage_of_group() }}
    from {{ landed('transactions') }}
    group by basket_id
)

{{ stage('orders', 'baskets', derived=true, columns={
    'order_id': 'basket_id',
    'source_customer_id': 'household_id',
    'channel': "'store'",
    'currency': "'USD'",
    'ordered_at': 'transaction_timestamp',
}) }}
