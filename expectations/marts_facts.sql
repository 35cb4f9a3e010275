-- Grain: one row. The same money and the same customers, counted in each place that holds them; differences are exact.
-- Marts hold what was known on the as-of date, and 360 no sales to the unknown customer; the statement holds both.
with lines as (
    select
        sum(net_amount) as net_amount,
        sum(net_amount) filter (is_sale) as net_sales,
        count(*) filter (net_amount is null) as without_amount,
        count(*) as lines
    from core.fct_order_line
),

orders as (
    select
        sum(net_amount) as net_amount,
        sum(net_sales) as net_sales,
        sum(lines) as lines
    from core.fct_order
),

known_orders as (
    select
        sum(net_amount) as net_amount,
        sum(net_sales) filter (customer_id <> 'unknown') as net_sales
    from core.fct_order
    where order_date <= getvariable('as_of') and known_date <= getvariable('as_of')
),

refunds as (
    select sum(refund_amount) as refund_amount
    from core.fct_return
),

known_refunds as (
    select sum(refund_amount) - coalesce(sum(recovered_amount) filter (is_sale), 0) as refund_amount
    from core.fct_return
    where return_date <= getvariable('as_of') and known_date <= getvariable('as_of')
),

months as (
    select
        sum(net_amount) as net_amount,
        sum(net_sales) as net_sales,
        sum(refund_amount + other_refund_amount) as refund_amount,
        sum(acquisition_cost) as acquisition_cost,
        sum(selling_cost) as selling_cost,
        sum(service_cost) as service_cost,
        sum(retention_cost) as retention_cost
    from core.fct_customer_month
),

costs as (
    select
        (select sum(amount) from core.fct_cost) as booked,
        sum(amount) filter (source = 'booked') as carried,
        sum(amount) as amount,
        sum(amount) filter (cost_date <= getvariable('as_of') and known_date <= getvariable('as_of')) as known_amount
    from core.fct_cost_allocation
),

statement as (
    select sum(amount) as net_amount
    from marts.clv_statement
    where part = 'historic' and line <> 'cost_of_goods'
),

customers as (
    select
        (select sum(net_sales) from marts.customer_360) as net_sales,
        (
            select count(*) from core.dim_customer
            where is_unknown
        ) as unknown_members,
        (
            select count(*)
            from core.dim_customer as dim
            cross join marts.release as known_in
            where
                not is_unknown
                and coalesce(
                    cast(timezone(known_in.time_zone, timezone('UTC', first_seen_at)) as date) <= getvariable('as_of'),
                    true
                )
                and not exists (
                    select 1 from marts.customer_360 as mart
                    where mart.customer_id = dim.customer_id
                )
        ) as missing,
        (select count(*) from marts.customer_360) as in_360,
        (select count(*) from marts.customer_segments) as in_segments,
        (select count(*) from marts.customer_clv) as in_clv,
        (select count(*) from marts.customer_churn) as in_churn
)

select
    'all' as scope,
    lines.without_amount as lines_without_amount,
    coalesce(orders.lines, 0) - lines.lines as order_lines_difference,
    cast(coalesce(lines.net_amount, 0) - coalesce(orders.net_amount, 0) as double) as net_amount_lines_less_orders,
    cast(coalesce(orders.net_amount, 0) - coalesce(months.net_amount, 0) as double) as net_amount_orders_less_months,
    cast(coalesce(lines.net_sales, 0) - coalesce(orders.net_sales, 0) as double) as net_sales_lines_less_orders,
    cast(coalesce(orders.net_sales, 0) - coalesce(months.net_sales, 0) as double) as net_sales_orders_less_months,
    cast(coalesce(refunds.refund_amount, 0) - coalesce(months.refund_amount, 0) as double) as refunds_less_months,
    cast(coalesce(known_orders.net_sales, 0) - coalesce(customers.net_sales, 0) as double) as net_sales_orders_less_360,
    cast(
        coalesce(known_orders.net_amount, 0) - coalesce(known_refunds.refund_amount, 0)
        - coalesce(costs.known_amount, 0) - coalesce(statement.net_amount, 0) as double
    ) as net_amount_less_statement,
    cast(coalesce(costs.booked, 0) - coalesce(costs.carried, 0) as double) as booked_costs_less_carried,
    cast(
        coalesce(costs.amount, 0) - coalesce(months.acquisition_cost, 0) - coalesce(months.selling_cost, 0)
        - coalesce(months.service_cost, 0) - coalesce(months.retention_cost, 0) as double
    ) as costs_less_months,
    customers.unknown_members,
    customers.missing as customers_missing,
    customers.in_360 - customers.in_segments as customers_less_segments,
    customers.in_360 - customers.in_clv as customers_less_clv,
    customers.in_360 - customers.in_churn as customers_less_churn
from lines, orders, known_orders, refunds, known_refunds, months, costs, statement, customers
