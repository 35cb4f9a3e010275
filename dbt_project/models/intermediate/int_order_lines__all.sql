-- Grain: one row per (source system, order, line): the source's lines, and those that an order's header stands for.
-- Line 0: the total of an order that has no lines. Line -1: its shipping. Line -2: its order-level discount. The tax in
-- line 0 is the order's less that of the other two.
-- A line of an order that is not paid or was cancelled is worth nothing: its amounts are 0, and what it would bring is
-- its unsold_amount. Fees and bad debt are booked all the same.
with orders as (
    select *
    from {{ ref('int_orders') }}
    where {{ only_changed(ref('int_orders_changed'), ['source_system', 'order_id']) }}
),

order_lines as (
    select *
    from {{ ref('int_order_lines') }}
    where {{ only_changed(ref('int_orders_changed'), ['source_system', 'order_id']) }}
),

orders_with_lines as (
    select distinct source_system, order_id from order_lines
),

-- The header's amounts as lines. An amount that is not there has no tax.
header_amounts as (
    select
        orders.*,
        case when shipping_amount <> 0 then coalesce(shipping_tax_amount, 0) else 0 end as shipping_tax,
        case when discount_amount <> 0 then coalesce(discount_tax_amount, 0) else 0 end as discount_tax,
        orders_with_lines.order_id is not null as has_lines
    from orders
    left join orders_with_lines
        on orders.source_system = orders_with_lines.source_system and orders.order_id = orders_with_lines.order_id
),

header_lines as (
    select
        source_system,
        order_id,
        0 as line_number,
        'product' as line_type,
        total_amount - coalesce(shipping_amount, 0) + coalesce(discount_amount, 0) as net_amount,
        tax_amount - shipping_tax + discount_tax as tax_amount,
        is_exact_repeat,
        _known_from
    from header_amounts
    where not has_lines and total_amount is not null
    union all
    select
        source_system,
        order_id,
        -1 as line_number,
        'shipping' as line_type,
        shipping_amount as net_amount,
        shipping_tax as tax_amount,
        is_exact_repeat,
        _known_from
    from header_amounts
    where shipping_amount <> 0
    union all
    select
        source_system,
        order_id,
        -2 as line_number,
        'discount' as line_type,
        -discount_amount as net_amount,
        -discount_tax as tax_amount,
        is_exact_repeat,
        _known_from
    from header_amounts
    where discount_amount <> 0
),

listed as (
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
        coalesce(tax_amount, 0) as tax_amount,
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
        coalesce(tax_amount, 0) as tax_amount,
        null as unit_cost,
        coalesce(is_exact_repeat, false) as is_exact_repeat,
        _known_from
    from header_lines
),

-- Where prices include tax, the tax is taken out of the line; discounts lose the same share.
without_tax as (
    select
        listed.*,
        orders.currency,
        listed.line_type in ({{ text_list(goods_line_types()) }}) as is_goods,
        listed.line_type in ({{ text_list(sale_line_types()) }}) as is_of_sales,
        {{ is_unsold('orders.status_meaning') }} as is_unsold,
        {{ local_date('orders.ordered_at') }} as order_date,
        cast(
            listed.net_amount - case when orders.prices_include_tax then listed.tax_amount else 0 end
            as {{ contract_type('decimal') }}
        ) as original_net_amount,
        orders.prices_include_tax and listed.net_amount <> 0 as is_tax_taken_out
    from listed
    inner join orders on listed.source_system = orders.source_system and listed.order_id = orders.order_id
),

booked as (
    select
        *,
        case
            when is_tax_taken_out then {{ proportion('discount_amount', 'original_net_amount', 'net_amount') }}
            else discount_amount
        end as discount_without_tax,
        case
            when is_tax_taken_out then {{ proportion('coupon_discount_amount', 'original_net_amount', 'net_amount') }}
            else coupon_discount_amount
        end as coupon_discount_without_tax,
        case
            when is_tax_taken_out
                then {{ proportion('manufacturer_coupon_amount', 'original_net_amount', 'net_amount') }}
            else manufacturer_coupon_amount
        end as manufacturer_coupon_without_tax,
        is_of_sales and not is_unsold as is_sale,
        case when is_of_sales and is_unsold then 0 else 1 end as sold
    from without_tax
),

final as (
    select
        booked.source_system,
        booked.order_id,
        booked.line_number,
        booked.product_id,
        booked.line_type,
        coalesce(booked.currency, '{{ var("currency") }}') as currency,
        booked.quantity,
        booked.unit_price,
        {{ converted('booked.sold * booked.discount_without_tax') }} as discount_amount,
        {{ converted('booked.sold * booked.coupon_discount_without_tax') }} as coupon_discount_amount,
        {{ converted('booked.sold * booked.manufacturer_coupon_without_tax') }} as manufacturer_coupon_amount,
        {{ converted('booked.sold * booked.original_net_amount') }} as net_amount,
        {{ converted('booked.sold * booked.tax_amount') }} as tax_amount,
        {{ converted('(1 - booked.sold) * booked.original_net_amount') }} as unsold_amount,
        booked.original_net_amount,
        {{ converted('booked.unit_cost') }} as unit_cost,
        cast(coalesce(rates.rate, 1) as {{ contract_type('rate') }}) as exchange_rate,
        booked.is_goods,
        booked.is_sale,
        booked.is_exact_repeat,
        booked._known_from
    from booked
    {{ exchange_rates_on('booked.currency', 'booked.order_date') }}
)

select * from final
