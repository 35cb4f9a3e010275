-- Grain: one row per segment_name. Shares are of all customers who have bought.
-- Figures of small segments are withheld (docs/decisions.md).
with customers as (
    select * from {{ ref('customer_360') }}
    where segment_name is not null
),

summed as (
    select
        segment_id,
        segment_name,
        count(*) as customers,
        sum(purchases) as purchases,
        sum({{ days_between('last_order_date', as_of_date()) }}) as recency_days,
        sum(net_sales) as net_sales,
        sum(net_revenue) as net_revenue,
        sum(clv_future) as clv_future,
        count(churn_probability) as scored_customers,
        -- Six digits are exact in decimal, so that the average is the same in any order of rows.
        sum(cast(churn_probability as decimal(18, 6))) as churn_sum
    from customers
    group by segment_id, segment_name
),

shared as (
    select
        *,
        {{ is_withheld('customers', "'all'", 'segment_id asc') }} as is_withheld,
        {{ rounded('cast(customers as double) / sum(customers) over ()', 6) }} as customer_share,
        -- A share of a sum that has parts below zero is no share.
        case
            when min(net_sales) over () >= 0
                then {{ rounded('cast(net_sales as double) / nullif(cast(sum(net_sales) over () as double), 0)', 6) }}
        end as net_sales_share
    from summed
),

-- Segments whose figures are published.
shown as (
    select * from shared
    where not is_withheld
)

select
    shared.segment_id,
    shared.segment_name,
    case when shared.is_withheld then 'of too few customers' end as unavailable_reason,
    segments.segment_rank,
    segments.description,
    segments.advice,
    shared.customers,
    cast(shown.purchases as bigint) as purchases,
    cast(shown.net_sales as {{ contract_type('total') }}) as net_sales,
    cast(shown.net_revenue as {{ contract_type('total') }}) as net_revenue,
    cast(shown.clv_future as {{ contract_type('total') }}) as clv_future,
    shared.customer_share,
    shown.net_sales_share,
    {{ rounded('cast(shown.purchases as double) / shown.customers', 6) }} as average_purchases,
    cast({{ quotient('shown.net_sales', 'shown.customers', currency_digits()) }} as {{ contract_type('decimal') }})
        as average_net_sales,
    {{ rounded('cast(shown.recency_days as double) / shown.customers', 6) }} as average_recency_days,
    {{ rounded('cast(shown.churn_sum as double) / nullif(shown.scored_customers, 0)', 6) }} as average_churn_probability
from shared
left join shown on shared.segment_id = shown.segment_id
left join {{ ref('segments') }} as segments on shared.segment_id = segments.segment_id
