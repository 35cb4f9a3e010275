-- Grain: one row per (order, line). Key: order_line_id.
-- net_amount is what the source books for the line; list_amount adds back the retailer's own discounts.
-- manufacturer_coupon_amount is part of net_amount: the maker refunds it.
-- order_discount_amount is the line's part of the order's discount lines (int_order_discounts), which are lines of
-- their own: net_amount - order_discount_amount of goods is what the customer paid for them.
-- Amounts are without tax, in the reporting currency; tax_amount stands beside them, original_net_amount is as booked.
-- Lines of an order that is not paid or was cancelled are no sales: amounts and cost are 0, and unsold_amount says what
-- they would bring.
{% set of_changed_orders = only_changed(
    ref('order_facts_changed'), ['source_system', 'source_order_id'], ['source_system', 'order_id']
) %}

with order_lines as (
    select *
    from {{ ref('int_order_lines__all') }}
    where {{ of_changed_orders }}
),

orders as (
    select
        source_system,
        order_id,
        source_customer_id,
        ordered_at,
        {{ local_date('ordered_at') }} as order_date
    from {{ ref('int_orders') }}
    where {{ of_changed_orders }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

final as (
    select
        order_lines.source_system || ':' || order_lines.order_id || ':' || order_lines.line_number as order_line_id,
        order_lines.source_system || ':' || order_lines.order_id as order_id,
        coalesce(source_customers.customer_id, 'unknown') as customer_id,
        case
            when order_lines.is_goods then coalesce(products.product_id, 'unknown')
            else 'not_applicable'
        end as product_id,
        order_lines.source_system,
        order_lines.product_id as source_product_id,
        order_lines.line_type,
        order_lines.currency as original_currency,
        order_lines.line_number,
        order_lines.quantity,
        order_lines.unit_price,
        cast(
            order_lines.net_amount + order_lines.discount_amount + order_lines.coupon_discount_amount
            as {{ contract_type('decimal') }}
        ) as list_amount,
        order_lines.discount_amount,
        order_lines.coupon_discount_amount,
        order_lines.manufacturer_coupon_amount,
        coalesce(order_discounts.order_discount_amount, 0) as order_discount_amount,
        order_lines.net_amount,
        order_lines.tax_amount,
        order_lines.unsold_amount,
        order_lines.original_net_amount,
        order_lines.exchange_rate,
        case
            when order_lines.is_goods and not order_lines.is_sale then 0
            else cast(
                {{ product('coalesce(order_lines.unit_cost, products.unit_cost)', 'order_lines.quantity') }}
                as {{ contract_type('decimal') }}
            )
        end as cost_amount,
        order_lines.is_sale,
        order_lines.is_goods,
        order_lines.is_exact_repeat,
        orders.order_date,
        coalesce({{ local_date('order_lines._known_from') }}, orders.order_date) as known_date,
        orders.ordered_at
    from order_lines
    inner join orders
        on order_lines.source_system = orders.source_system and order_lines.order_id = orders.order_id
    left join source_customers
        on
            orders.source_system = source_customers.source_system
            and orders.source_customer_id = source_customers.source_customer_id
    left join {{ ref('int_order_discounts') }} as order_discounts
        on
            order_lines.source_system = order_discounts.source_system
            and order_lines.order_id = order_discounts.order_id
            and order_lines.line_number = order_discounts.line_number
    left join products
        on order_lines.source_system = products.source_system and order_lines.product_id = products.source_product_id
),

with_product as (
    {{ with_version('product', 'final', 'order_date') }}
)

{{ with_version('customer', 'with_product', 'order_date') }}
