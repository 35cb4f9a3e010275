-- Grain: one row per (as_of_date, purchase_date) with a purchase known by the as-of date. Key: both.
-- What the season is learned from: purchase days of all customers. Nothing here became known after as_of_date.
with feature_dates as (
    select * from {{ ref('feature_dates') }}
),

purchase_days as (
    select
        customer_id,
        order_date,
        min(known_date) as known_date
    from {{ ref('fct_order') }}
    where is_purchase and customer_id <> 'unknown'
    group by customer_id, order_date
),

days as (
    select
        order_date,
        known_date,
        count(*) as customers
    from purchase_days
    group by order_date, known_date
),

bought as (
    select
        feature_dates.as_of_date,
        days.order_date as purchase_date,
        sum(days.customers) as customers
    from days
    inner join feature_dates
        on days.order_date <= feature_dates.as_of_date and days.known_date <= feature_dates.as_of_date
    group by feature_dates.as_of_date, days.order_date
),

begun as (
    select
        as_of_date,
        first_purchase_date as purchase_date,
        count(*) as customers
    from {{ ref('feature_purchases') }}
    group by as_of_date, first_purchase_date
),

final as (
    select
        bought.as_of_date,
        bought.purchase_date,
        cast(coalesce(begun.customers, 0) as bigint) as first_purchases,
        cast(bought.customers - coalesce(begun.customers, 0) as bigint) as repeat_purchases
    from bought
    left join begun on bought.as_of_date = begun.as_of_date and bought.purchase_date = begun.purchase_date
)

select * from final
