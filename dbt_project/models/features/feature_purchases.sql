-- Grain: one row per (customer_id, as_of_date), for customers who had bought by then. Key: both.
-- A purchase is a day with at least one purchase. Nothing here happened, or became known, after as_of_date.

with feature_dates as (
    select * from {{ ref('feature_dates') }}
),

orders as (
    select * from {{ ref('fct_order') }}
    where is_purchase and customer_id <> 'unknown'
),

-- Customers of whom an order became known after a feature date on which it would have counted. What they had bought is
-- numbered for each date by itself (only_as_of); of all others, once for all dates.
late as (
    select distinct orders.customer_id
    from orders
    inner join feature_dates
        on orders.order_date <= feature_dates.as_of_date and orders.known_date > feature_dates.as_of_date
    where orders.known_date > orders.order_date
),

late_dates as (
    select
        late.customer_id,
        feature_dates.as_of_date as only_as_of
    from late
    cross join feature_dates
),

purchase_days as (
    select
        orders.customer_id,
        orders.order_date,
        late_dates.only_as_of,
        count(*) as purchases,
        sum(orders.quantity) as quantity,
        sum(orders.net_sales) as net_sales,
        sum(orders.list_amount) as list_amount,
        sum(orders.discount_amount + orders.coupon_discount_amount) as discounts
    from orders
    left join late_dates on orders.customer_id = late_dates.customer_id
    where
        late_dates.only_as_of is null
        or (orders.order_date <= late_dates.only_as_of and orders.known_date <= late_dates.only_as_of)
    group by orders.customer_id, orders.order_date, late_dates.only_as_of
),

numbered as (
    select
        *,
        row_number() over (partition by customer_id, only_as_of order by order_date) as purchase_number,
        {{ days_between(
            'lag(order_date) over (partition by customer_id, only_as_of order by order_date)', 'order_date'
        ) }} as gap_days
    from purchase_days
),

-- Once for a purchase, not for each of its dates.
measured as (
    select
        *,
        cast(ln(gap_days) as decimal(18, 9)) as gap_log
    from numbered
),

sequenced as (
    select
        measured.*,
        feature_dates.as_of_date,
        {{ days_between('measured.order_date', 'feature_dates.as_of_date') }} as days_ago
    from measured
    inner join feature_dates
        on
            measured.order_date <= feature_dates.as_of_date
            and feature_dates.as_of_date = coalesce(measured.only_as_of, feature_dates.as_of_date)
),

final as (
    select
        customer_id,
        as_of_date,
        min(order_date) as first_purchase_date,
        max(order_date) as last_purchase_date,
        count(*) as purchase_days,
        sum(purchases) as purchases,
        sum(quantity) as quantity,
        sum(net_sales) as net_sales,
        sum(list_amount) as list_amount,
        sum(discounts) as discounts,
        sum(case when net_sales > 0 then 1 else 0 end) as spend_days,
        sum(case when net_sales > 0 then net_sales else 0 end) as spend_amount,
        sum(case when net_sales > 0 and purchase_number > 1 then 1 else 0 end) as repeat_spend_days,
        sum(case when net_sales > 0 and purchase_number > 1 then net_sales else 0 end) as repeat_spend_amount,
        sum(case when days_ago between 28 and 55 then 1 else 0 end) as purchase_days_prior_28d,
        sum(case when days_ago < 28 then 1 else 0 end) as purchase_days_28d,
        sum(case when days_ago < 28 then net_sales else 0 end) as net_sales_28d,
        sum(case when days_ago < 84 then 1 else 0 end) as purchase_days_84d,
        sum(case when days_ago < 84 then net_sales else 0 end) as net_sales_84d,
        sum(case when days_ago < 365 then 1 else 0 end) as purchase_days_365d,
        sum(case when days_ago < 365 then net_sales else 0 end) as net_sales_365d,
        count(gap_days) as gaps,
        sum(gap_days) as gap_sum,
        sum(gap_days * gap_days) as gap_square_sum,
        sum(gap_log) as gap_log_sum
    from sequenced
    group by customer_id, as_of_date
)

select * from final
