-- Grain: one row per segment_name. Shares are of all customers who have bought.
with customers as (
    select * from {{ ref('customer_360') }}
    where segment_name is not null
),

profiled as (
    select
        customers.segment_id,
        customers.segment_name,
        segments.segment_rank,
        count(*) as customers,
        sum(purchases) as purchases,
        sum(net_sales) as net_sales,
        sum(net_revenue) as net_revenue,
        sum(clv_future) as clv_future,
        count(churn_probability) as scored_customers,
        -- Six digits are exact in decimal, so that the average is the same in any order of rows.
        sum(cast(churn_probability as decimal(18, 6))) as churn_sum
    from customers
    left join {{ ref('segments') }} as segments on customers.segment_id = segments.segment_id
    group by customers.segment_id, customers.segment_name, segments.segment_rank
)

select
    segment_id,
    segment_name,
    segment_rank,
    customers,
    cast(purchases as bigint) as purchases,
    cast(net_sales as {{ contract_type('total') }}) as net_sales,
    cast(net_revenue as {{ contract_type('total') }}) as net_revenue,
    cast(clv_future as {{ contract_type('total') }}) as clv_future,
    round(cast(customers as double) / sum(customers) over (), 6) as customer_share,
    -- A share of a sum that has parts below zero is no share.
    case
        when min(net_sales) over () >= 0
            then round(cast(net_sales as double) / nullif(cast(sum(net_sales) over () as double), 0), 6)
    end as net_sales_share,
    round(cast(churn_sum as double) / nullif(scored_customers, 0), 6) as average_churn_probability
from profiled
