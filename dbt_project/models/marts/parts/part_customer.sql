-- Grain: one row per customer known on the as-of date, with sums of the facts. Other marts start from it.
with orders as (
    select
        customer_id,
        count(*) as orders,
        sum(case when is_purchase then 1 else 0 end) as purchases,
        min(case when is_purchase then order_date end) as first_order_date,
        max(case when is_purchase then order_date end) as last_order_date,
        sum(net_sales) as net_sales,
        sum(net_amount) as net_amount,
        sum(case when is_purchase then net_sales end) as purchase_sales
    from {{ ref('fct_order') }}
    where {{ by_as_of('order_date') }}
    group by customer_id
),

refunds as (
    select
        customer_id,
        sum({{ measure('fct_return', 'refunds') }}) as refund_amount
    from {{ ref('fct_return') }}
    where {{ by_as_of('return_date') }}
    group by customer_id
)

select
    customers.customer_id,
    customers.source_system,
    customers.kind,
    customers.country,
    customers.acquisition_channel,
    customers.is_left_truncated and orders.first_order_date is not null as is_left_truncated,
    coalesce(orders.orders, 0) as orders,
    cast(coalesce(orders.purchases, 0) as bigint) as purchases,
    orders.first_order_date,
    orders.last_order_date,
    coalesce(orders.net_sales, 0) as net_sales,
    coalesce(orders.net_amount, 0) as net_amount,
    orders.purchase_sales,
    coalesce(refunds.refund_amount, 0) as refund_amount
from {{ ref('dim_customer') }} as customers
left join orders on customers.customer_id = orders.customer_id
left join refunds on customers.customer_id = refunds.customer_id
where
    not customers.is_unknown
    and (
        orders.customer_id is not null
        or refunds.customer_id is not null
        or customers.first_seen_at is null
        or {{ local_date('customers.first_seen_at') }} <= {{ as_of_date() }}
    )
