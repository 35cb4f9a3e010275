-- Grain: one row per (kind, related_id, month_start_date) in which something was booked. Key: the three. Related to a
-- customer, or to the household or account whose members' amounts are summed; do not add kinds.
-- Nothing here happened, or became known, after the as-of date: the month of the as-of date ends with it.
-- Summed over all months, contribution is clv_historic of customer_clv, and null where that is of net sales.
{% set money = contract_type('decimal') %}

with orders as (
    select * from {{ ref('fct_order') }}
    where {{ by_as_of('order_date') }}
),

booked as (
    select
        customer_id,
        order_date as booked_on,
        net_sales as revenue,
        net_amount - case when is_purchase then coalesce(cost_amount, 0) else 0 end as contribution,
        case when is_purchase then order_date end as purchase_date
    from orders
    union all
    select
        customer_id,
        return_date as booked_on,
        -{{ measure('fct_return', 'refunds') }} as revenue,
        {{ measure('fct_return', 'recovered') }} - {{ measure('fct_return', 'all_refunds') }} as contribution,
        cast(null as date) as purchase_date
    from {{ ref('fct_return') }}
    where {{ by_as_of('return_date') }}
    union all
    select
        customer_id,
        cost_date as booked_on,
        0 as revenue,
        -amount as contribution,
        cast(null as date) as purchase_date
    from {{ ref('fct_cost_allocation') }}
    where {{ by_as_of('cost_date') }}
),

of_customers as (
    select
        customer_id,
        cast(date_trunc('month', booked_on) as date) as month_start_date,
        sum(revenue) as net_revenue,
        sum(contribution) as contribution,
        max(purchase_date) as last_purchase_date
    from booked
    where customer_id <> 'unknown'
    group by customer_id, date_trunc('month', booked_on)
),

related as (
    select
        'customer' as kind,
        customer_id as related_id,
        month_start_date,
        net_revenue,
        contribution,
        last_purchase_date
    from of_customers
    union all
    select
        bridge.kind,
        bridge.related_id,
        of_customers.month_start_date,
        of_customers.net_revenue,
        of_customers.contribution,
        of_customers.last_purchase_date
    from of_customers
    inner join {{ ref('bridge_customer_relationship') }} as bridge on of_customers.customer_id = bridge.customer_id
    where bridge.is_counted and bridge.kind in ('household', 'account')
),

known as (
    select count(*) = count(cost_amount) as has_costs
    from orders
    where is_purchase
)

select
    {{ as_of_date() }} as as_of_date,
    related.kind,
    related.related_id,
    related.month_start_date,
    cast(sum(related.net_revenue) as {{ money }}) as net_revenue,
    case when min(known.has_costs) then cast(sum(related.contribution) as {{ money }}) end as contribution,
    max(related.last_purchase_date) as last_purchase_date
from related
cross join known
group by related.kind, related.related_id, related.month_start_date
