-- Grain: one row per (customer_id, as_of_date), for customers who had bought by then. Key: both.
-- Nothing here happened, or became known, after as_of_date. A purchase is a day with at least one purchase.
-- What is no purchase behaviour comes with all columns of its model: a new feature needs no line here (hence AM04).
{% set money = contract_type('decimal') %}

with purchases as (
    select * from {{ ref('feature_purchases') }}
),

customers as (
    select * from {{ ref('dim_customer') }}
),

behaviour as (
    select
        purchases.customer_id,
        purchases.as_of_date,
        purchases.first_purchase_date,
        purchases.last_purchase_date,
        purchases.purchase_days,
        cast({{ days_between('purchases.last_purchase_date', 'purchases.as_of_date') }} as bigint) as recency_days,
        cast({{ days_between('purchases.first_purchase_date', 'purchases.as_of_date') }} as bigint) as tenure_days,
        cast({{ days_between('purchases.first_purchase_date', 'purchases.last_purchase_date') }} as bigint)
            as active_span_days,
        cast(purchases.purchases as bigint) as purchases,
        cast(purchases.quantity as double) as quantity,
        cast(purchases.net_sales as {{ money }}) as net_sales,
        cast(purchases.spend_amount as {{ money }}) as spend_amount,
        cast(purchases.repeat_spend_amount as {{ money }}) as repeat_spend_amount,
        cast(purchases.net_sales_28d as {{ money }}) as net_sales_28d,
        cast(purchases.net_sales_84d as {{ money }}) as net_sales_84d,
        cast(purchases.net_sales_365d as {{ money }}) as net_sales_365d,
        cast(purchases.spend_days as bigint) as spend_days,
        cast(purchases.repeat_spend_days as bigint) as repeat_spend_days,
        cast(purchases.purchase_days_28d as bigint) as purchase_days_28d,
        cast(purchases.purchase_days_84d as bigint) as purchase_days_84d,
        cast(purchases.purchase_days_365d as bigint) as purchase_days_365d,
        cast(purchases.purchase_days_prior_28d as bigint) as purchase_days_prior_28d,
        case when purchases.gaps > 0 then {{ rounded('purchases.gap_sum / cast(purchases.gaps as double)', 6) }} end
            as gap_mean_days,
        case when purchases.gaps > 1 then {{ rounded(
            'sqrt(
                (purchases.gap_square_sum * purchases.gaps - purchases.gap_sum * purchases.gap_sum)
                / cast(purchases.gaps * (purchases.gaps - 1) as double)
            )', 6
        ) }} end as gap_stddev_days,
        case when purchases.gaps > 0 then {{ rounded('cast(purchases.gap_log_sum as double) / purchases.gaps', 6) }} end
            as gap_log_mean,
        case
            when purchases.list_amount > 0
                then {{ rounded('cast(purchases.discounts as double) / cast(purchases.list_amount as double)', 6) }}
        end as discount_share,
        customers.acquisition_channel,
        customers.is_left_truncated
    from purchases
    inner join customers on purchases.customer_id = customers.customer_id
),

final as (
    select *
    from behaviour
    inner join {{ ref('feature_goods') }} using (customer_id, as_of_date)
    inner join {{ ref('feature_campaigns') }} using (customer_id, as_of_date)
    inner join {{ ref('feature_contacts') }} using (customer_id, as_of_date)
    inner join {{ ref('feature_cases') }} using (customer_id, as_of_date)
    inner join {{ ref('feature_surveys') }} using (customer_id, as_of_date)
    inner join {{ ref('feature_web_sessions') }} using (customer_id, as_of_date)
    inner join {{ ref('feature_subscriptions') }} using (customer_id, as_of_date)
)

select * from final  -- noqa: AM04
