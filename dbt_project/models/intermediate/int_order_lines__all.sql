-- Grain: one row per (source system, order, line): the source's lines, and those that an order's header stands for.
-- Line 0: the total of an order that has no lines. Line -1: its shipping. Line -2: its order-level discount.
with orders as (
    select * from {{ ref('int_orders') }}
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
),

orders_with_lines as (
    select distinct source_system, order_id from order_lines
),

header_totals as (
    select orders.*
    from orders
    left join orders_with_lines
        on orders.source_system = orders_with_lines.source_system and orders.order_id = orders_with_lines.order_id
    where orders_with_lines.order_id is null and orders.total_amount is not null
),

{# The header's amounts as lines: number, type, amount, the orders they come from. #}
{% set headers = [
    (0, 'product', 'total_amount - coalesce(shipping_amount, 0) + coalesce(discount_amount, 0)', 'header_totals', 'true'),
    (-1, 'shipping', 'shipping_amount', 'orders', 'shipping_amount <> 0'),
    (-2, 'discount', '-discount_amount', 'orders', 'discount_amount <> 0'),
] %}
header_lines as (
    {%- for number, type, amount, relation, condition in headers %}
    select
        source_system,
        order_id,
        {{ number }} as line_number,
        '{{ type }}' as line_type,
        cast({{ amount }} as {{ contract_type('decimal') }}) as net_amount,
        is_exact_repeat,
        _known_from
    from {{ relation }}
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        source_system,
        order_id,
        line_number,
        product_id,
        coalesce(line_type, 'product') as line_type,
        quantity,
        unit_price,
        coalesce(discount_amount, 0) as discount_amount,
        coalesce(coupon_discount_amount, 0) as coupon_discount_amount,
        coalesce(manufacturer_coupon_amount, 0) as manufacturer_coupon_amount,
        net_amount,
        unit_cost,
        coalesce(is_exact_repeat, false) as is_exact_repeat,
        _known_from
    from order_lines
    union all
    select
        source_system,
        order_id,
        line_number,
        null as product_id,
        line_type,
        null as quantity,
        null as unit_price,
        0 as discount_amount,
        0 as coupon_discount_amount,
        0 as manufacturer_coupon_amount,
        net_amount,
        null as unit_cost,
        coalesce(is_exact_repeat, false) as is_exact_repeat,
        _known_from
    from header_lines
)

select * from final
