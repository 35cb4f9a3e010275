-- Grain: one row per (customer_id, as_of_date) of feature_purchases: whether a subscription ran on that day. Key: both.
-- It is known from its first row on: the row that ends it does not take it away from the days before.
with feature_dates as (
    select * from {{ ref('feature_dates') }}
),

running as (
    select
        subscriptions.customer_id,
        feature_dates.as_of_date,
        true as has_subscription
    from {{ ref('fct_subscription') }} as subscriptions
    inner join feature_dates
        on
            subscriptions.start_date <= feature_dates.as_of_date
            and subscriptions.known_date <= feature_dates.as_of_date
            and coalesce(subscriptions.end_date > feature_dates.as_of_date, true)
    where subscriptions.customer_id <> 'unknown'
    group by subscriptions.customer_id, feature_dates.as_of_date
),

final as (
    select
        purchases.customer_id,
        purchases.as_of_date,
        {{ feature('has_subscription', 'subscriptions', 'boolean', 'false') }}
    from {{ ref('feature_purchases') }} as purchases
    left join running
        on purchases.customer_id = running.customer_id and purchases.as_of_date = running.as_of_date
)

select * from final
