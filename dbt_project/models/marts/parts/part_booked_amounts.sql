-- Grain: one row per customer, the unknown one included: what was booked beside the goods at list value.
-- Costs (acquisition, selling, service, retention) are negative, and null where no active source provides that kind.
with orders as (
    select
        customer_id,
        sum(case when is_purchase then list_amount else 0 end) as goods_at_list,
        sum(case when is_purchase then goods_amount - list_amount else 0 end) as goods_discounts,
        sum(case when is_purchase then 0 else goods_amount end) as goods_outside_purchases,
        sum(shipping_amount) as shipping_income,
        case
            when count(case when is_purchase then 1 end) = count(case when is_purchase then cost_amount end)
                then -sum(case when is_purchase then cost_amount else 0 end)
        end as cost_of_goods
    from {{ ref('fct_order') }}
    where {{ by_as_of('order_date') }}
    group by customer_id
),

lines as (
    select
        customer_id,
        sum(case when line_type = 'discount' then net_amount else 0 end) as invoice_discounts,
        sum(case when line_type = 'adjustment' then net_amount else 0 end) as adjustments,
        sum(case when line_type = 'fee' then net_amount else 0 end) as fees,
        sum(case when line_type = 'bad_debt' then net_amount else 0 end) as bad_debt
    from {{ ref('fct_order_line') }}
    where
        order_id in (
            select order_id from {{ ref('fct_order') }}
            where {{ by_as_of('order_date') }}
        )
    group by customer_id
),

refunds as (
    select
        customer_id,
        -sum({{ measure('fct_return', 'refunds') }} - {{ measure('fct_return', 'recovered') }}) as returned,
        -sum(case when line_type = 'fee' then {{ measure('fct_return', 'other_refunds') }} else 0 end) as refunded_fees,
        -sum(case when line_type = 'bad_debt' then {{ measure('fct_return', 'other_refunds') }} else 0 end)
            as refunded_bad_debt
    from {{ ref('fct_return') }}
    where {{ by_as_of('return_date') }}
    group by customer_id
),

costs as (
    select
        -sum(case when kind = 'acquisition' then amount else 0 end) as acquisition,
        -sum(case when kind = 'selling' then amount else 0 end) as selling,
        -sum(case when kind = 'service' then amount else 0 end) as service,
        -sum(case when kind = 'retention' then amount else 0 end) as retention,
        customer_id
    from {{ ref('fct_cost_allocation') }}
    where {{ by_as_of('cost_date') }}
    group by customer_id
),

known_kinds as (
    select
        {{ known_cost_kinds() }}
    from {{ ref('fct_cost_allocation') }}
    where {{ by_as_of('cost_date') }}
),

customers as (
    select customer_id from orders
    union
    select customer_id from refunds
    union
    select customer_id from costs
    union
    select customer_id from {{ ref('part_customer') }}
)

select
    customers.customer_id,
    coalesce(orders.goods_at_list, 0) as goods_at_list,
    coalesce(orders.goods_discounts + lines.invoice_discounts, 0) as price_realisation,
    coalesce(orders.shipping_income, 0) as shipping_income,
    coalesce(lines.adjustments + orders.goods_outside_purchases, 0) as adjustments,
    coalesce(lines.fees, 0) + coalesce(refunds.refunded_fees, 0) as fees,
    coalesce(lines.bad_debt, 0) + coalesce(refunds.refunded_bad_debt, 0) as bad_debt,
    coalesce(refunds.returned, 0) as returned,
    case when known_kinds.has_acquisition then coalesce(costs.acquisition, 0) end as acquisition,
    case when known_kinds.has_selling then coalesce(costs.selling, 0) end as selling,
    case when known_kinds.has_service then coalesce(costs.service, 0) end as service,
    case when known_kinds.has_retention then coalesce(costs.retention, 0) end as retention,
    case
        when orders.customer_id is not null then orders.cost_of_goods
        when count(orders.cost_of_goods) over () > 0 then 0
    end as cost_of_goods
from customers
cross join known_kinds
left join orders on customers.customer_id = orders.customer_id
left join lines on customers.customer_id = lines.customer_id
left join refunds on customers.customer_id = refunds.customer_id
left join costs on customers.customer_id = costs.customer_id
