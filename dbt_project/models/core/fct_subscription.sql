-- Grain: one row per subscription. Key: subscription_id.
-- Subscribed on a day: start_date <= day, and end_date is null or later. price is per billing_period: do not sum it.
with subscriptions as (
    select * from {{ ref('int_subscriptions') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

final as (
    select
        subscriptions.source_system || ':' || subscriptions.subscription_id as subscription_id,
        coalesce(source_customers.customer_id, 'unknown') as customer_id,
        subscriptions.source_system,
        subscriptions.plan,
        subscriptions.billing_period,
        subscriptions.end_reason,
        subscriptions.price,
        {{ local_date('subscriptions.started_at') }} as start_date,
        {{ local_date('subscriptions.ended_at') }} as end_date,
        {{ local_date('coalesce(subscriptions._known_from, subscriptions.started_at)') }} as known_date,
        subscriptions.started_at,
        subscriptions.ended_at
    from subscriptions
    left join source_customers
        on
            subscriptions.source_system = source_customers.source_system
            and subscriptions.source_customer_id = source_customers.source_customer_id
)

{{ with_version('customer', 'final', 'start_date') }}
