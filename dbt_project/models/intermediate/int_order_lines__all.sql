-- Grain: one row per (source system, order, line): the source's lines, and those that an order's header stands for.
-- Line 0: the total of an order that has no lines. Line -1: its shipping. Line -2: its order-level discount. The tax in
-- line 0 is the order's less that of the other two.
-- A line of an order that is not paid or was cancelled is worth nothing: its amounts are 0, and what it would bring is
-- its unsold_amount. Fees and bad debt are booked all the same.
with orders as (
    select *
    from {{ ref('int_orders') }}
    where {{ only_changed(ref('int_changed_orders'), ['source_system', 'order_id']) }}
),

order_lines as (
    select *
    from {{ ref('int_order_lines') }}
    where {{ only_changed(ref('int_changed_orders'), ['source_system', 'order_id']) }}
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

{# An amount that is not there has no tax. #}
{% set shipping_tax = 'case when shipping_amount <> 0 then coalesce(shipping_tax_amount, 0) else 0 end' %}
{% set discount_tax = 'case when discount_amount <> 0 then coalesce(discount_tax_amount, 0) else 0 end' %}
{# The header's amounts as lines: number, type, amount, tax in it, the orders they come from. #}
{% set headers = [
    (0, 'product', 'total_amount - coalesce(shipping_amount, 0) + coalesce(discount_amount, 0)',
     'tax_amount - ' ~ shipping_tax ~ ' + ' ~ discount_tax, 'header_totals', 'true'),
    (-1, 'shipping', 'shipping_amount', shipping_tax, 'orders', 'shipping_amount <> 0'),
    (-2, 'discount', '-discount_amount', '-' ~ discount_tax, 'orders', 'discount_amount <> 0'),
] %}
header_lines as (
    {%- for number, type, amount, tax, relation, condition in headers %}
    select
        source_system,
        order_id,
        {{ number }} as line_number,
        '{{ type }}' as line_type,
        cast({{ amount }} as {{ contract_type('decimal') }}) as net_amount,
        cast({{ tax }} as {{ contract_type('decimal') }}) as tax_amount,
        is_exact_repeat,
        _known_from
    from {{ relation }}
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
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
        case
            when
                listed.line_type in ({{ text_list(sale_line_types()) }}) and {{ is_unsold('orders.status_meaning') }}
                then 0
            else 1
        end as sold,
        {{ local_date('orders.ordered_at') }} as order_date,
        cast(
            listed.net_amount - case when orders.prices_include_tax then listed.tax_amount else 0 end
            as {{ contract_type('decimal') }}
        ) as original_net_amount,
        case
            when orders.prices_include_tax and listed.net_amount <> 0
                then cast(listed.net_amount - listed.tax_amount as double) / cast(listed.net_amount as double)
            else 1
        end as share_without_tax
    from listed
    inner join orders on listed.source_system = orders.source_system and listed.order_id = orders.order_id
),

final as (
    select
        without_tax.source_system,
        without_tax.order_id,
        without_tax.line_number,
        without_tax.product_id,
        without_tax.line_type,
        coalesce(without_tax.currency, '{{ var("currency") }}') as currency,
        without_tax.quantity,
        without_tax.unit_price,
        {%- for column in ['discount_amount', 'coupon_discount_amount', 'manufacturer_coupon_amount'] %}
        {{ converted(
            'cast(round(without_tax.sold * without_tax.' ~ column ~ ' * without_tax.share_without_tax, 4) as '
            ~ contract_type('decimal') ~ ')'
        ) }} as {{ column }},
        {%- endfor %}
        {{ converted('without_tax.sold * without_tax.original_net_amount') }} as net_amount,
        {{ converted('without_tax.sold * without_tax.tax_amount') }} as tax_amount,
        {{ converted('(1 - without_tax.sold) * without_tax.original_net_amount') }} as unsold_amount,
        without_tax.original_net_amount,
        {{ converted('without_tax.unit_cost') }} as unit_cost,
        cast(coalesce(rates.rate, 1) as {{ contract_type('rate') }}) as exchange_rate,
        without_tax.is_exact_repeat,
        without_tax._known_from
    from without_tax
    {{ exchange_rates_on('without_tax.currency', 'without_tax.order_date') }}
)

select * from final
