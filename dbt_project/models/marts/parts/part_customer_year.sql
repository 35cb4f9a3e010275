-- Grain: one row per customer with a purchase in the 365 days to the as-of date, with what they brought in these
-- days. gross_margin is null where the cost of a part of the goods is not known; contribution_margin, too, and where
-- no source provides costs. Sales without a customer are in no row.
{% set money = contract_type('decimal') %}
{% set first_day = add_days(as_of_date(), -364) %}

with orders as (
    select
        customer_id,
        sum(case when is_purchase then 1 else 0 end) as purchases,
        sum(net_sales) as net_sales,
        case when count(cost_amount) = count(*) then sum(cost_amount) end as cost_amount
    from {{ ref('fct_order') }}
    where order_date >= {{ first_day }} and {{ by_as_of('order_date') }}
    group by customer_id
),

refunds as (
    select
        customer_id,
        sum({{ measure('fct_return', 'refunds') }}) as refund_amount,
        sum({{ measure('fct_return', 'recovered') }}) as recovered_amount
    from {{ ref('fct_return') }}
    where return_date >= {{ first_day }} and {{ by_as_of('return_date') }}
    group by customer_id
),

costs as (
    select
        customer_id,
        sum(amount) as customer_costs
    from {{ ref('fct_cost_allocation') }}
    where cost_date >= {{ first_day }} and {{ by_as_of('cost_date') }}
    group by customer_id
),

joined as (
    select
        orders.customer_id,
        orders.purchases,
        orders.net_sales - coalesce(refunds.refund_amount, 0) as net_revenue,
        orders.net_sales - coalesce(refunds.refund_amount, 0) + coalesce(refunds.recovered_amount, 0)
        - orders.cost_amount as gross_margin,
        {{ 'coalesce(costs.customer_costs, 0)' if var('providers').get('costs') else 'null' }} as customer_costs
    from orders
    left join refunds on orders.customer_id = refunds.customer_id
    left join costs on orders.customer_id = costs.customer_id
    where orders.purchases > 0 and orders.customer_id <> 'unknown'
)

select
    customer_id,
    cast(purchases as bigint) as purchases,
    cast(net_revenue as {{ money }}) as net_revenue,
    cast(gross_margin as {{ money }}) as gross_margin,
    cast(gross_margin - customer_costs as {{ money }}) as contribution_margin
from joined
