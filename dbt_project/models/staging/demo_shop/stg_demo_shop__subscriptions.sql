-- Grain: one row per subscription.
with subscriptions as (
    select * from {{ landed('subscriptions') }}
)

{{ stage('subscriptions', 'subscriptions', columns={
    'subscription_id': 'subscription_no',
    'source_customer_id': 'customer_no',
    'plan': 'plan',
    'billing_period': 'period',
    'end_reason': 'end_reason',
    'price': 'price',
    'started_at': 'started_at',
    'ended_at': 'ended_at',
}) }}
