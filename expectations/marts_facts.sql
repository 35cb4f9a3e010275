-- Grain: one row. The same money and the same customers, counted in each place that holds them; differences are exact.
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

refunds as (
    select sum(refund_amount) as refund_amount
    from core.fct_return
),

months as (
    select
        sum(net_amount) as net_amount,
        sum(net_sales) as net_sales,
        sum(refund_amount) as refund_amount
    from core.fct_customer_month
),

customers as (
    select
        (select count(*) from core.dim_customer where not is_unknown) as known,
        (select count(*) from core.dim_customer where is_unknown) as unknown_members,
        (select count(*) from marts.customer_360) as in_360,
        (select count(*) from marts.customer_segments) as in_segments,
        (select count(*) from marts.customer_clv) as in_clv,
        (select count(*) from marts.customer_churn) as in_churn
)

select
    'all orders' as scope,
    lines.without_amount as lines_without_amount,
    coalesce(orders.lines, 0) - lines.lines as order_lines_difference,
    cast(coalesce(lines.net_amount, 0) - coalesce(orders.net_amount, 0) as double) as net_amount_lines_less_orders,
    cast(coalesce(orders.net_amount, 0) - coalesce(months.net_amount, 0) as double) as net_amount_orders_less_months,
    cast(coalesce(lines.net_sales, 0) - coalesce(orders.net_sales, 0) as double) as net_sales_lines_less_orders,
    cast(coalesce(orders.net_sales, 0) - coalesce(months.net_sales, 0) as double) as net_sales_orders_less_months,
    cast(coalesce(refunds.refund_amount, 0) - coalesce(months.refund_amount, 0) as double) as refunds_less_months,
    customers.unknown_members,
    customers.known - customers.in_360 as customers_less_360,
    customers.known - customers.in_segments as customers_less_segments,
    customers.known - customers.in_clv as customers_less_clv,
    customers.known - customers.in_churn as customers_less_churn
from lines, orders, refunds, months, customers
