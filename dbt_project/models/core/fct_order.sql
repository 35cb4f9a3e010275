-- Grain: one row per order. Key: order_id.
-- Amounts are sums of the order's lines. net_amount = net_sales + other_amount (fees, bad debt: booked, but no sale).
-- is_purchase: something was bought (goods of zero or more pieces); manual bookings and write-offs are none, nor is an
-- order whose status says that it is not paid or was cancelled. What such an order would bring is its unsold_amount.
-- depends_on: {{ ref('order_customers_before') }}
{% set of_changed_orders = only_changed(
    ref('order_facts_changed'), ['source_system', 'source_order_id'], ['source_system', 'order_id']
) %}

with order_lines as (
    select *
    from {{ ref('fct_order_line') }}
    where {{ rows_of_changed(ref('fct_order_line'), ref('order_facts_changed'), 'order_id') }}
),

orders as (
    select *
    from {{ ref('int_orders') }}
    where {{ of_changed_orders }}
),

campaigns as (
    select source_system, source_id as source_campaign_id, core_id as campaign_id from {{ ref('int_references') }}
    where entity = 'campaigns'
),

summed as (
    select
        order_id,
        min(customer_id) as customer_id,
        min(source_system) as source_system,
        min(original_currency) as original_currency,
        count(*) as lines,
        sum(case when is_goods and is_sale then quantity when is_goods then 0 * quantity end) as quantity,
        sum(case when is_goods then list_amount else 0 end) as list_amount,
        sum(case when is_goods then discount_amount else 0 end) as discount_amount,
        sum(case when is_goods then coupon_discount_amount else 0 end) as coupon_discount_amount,
        sum(case when is_goods then manufacturer_coupon_amount else 0 end) as manufacturer_coupon_amount,
        sum(case when is_goods then net_amount else 0 end) as goods_amount,
        sum(case when line_type = 'shipping' then net_amount else 0 end) as shipping_amount,
        sum(case when line_type in ('discount', 'adjustment') then net_amount else 0 end) as adjustment_amount,
        sum(order_discount_amount) as order_discount_amount,
        sum(case when is_sale then net_amount else 0 end) as net_sales,
        sum(case when is_sale then 0 else net_amount end) as other_amount,
        sum(net_amount) as net_amount,
        sum(tax_amount) as tax_amount,
        sum(unsold_amount) as unsold_amount,
        case
            when count(case when is_goods then 1 end) = count(case when is_goods then cost_amount end)
                then sum(case when is_goods then cost_amount else 0 end)
        end as cost_amount,
        max(case when is_goods and coalesce(quantity, 1) >= 0 then 1 else 0 end) = 1 as has_goods,
        min(order_date) as order_date,
        max(known_date) as known_date,
        min(ordered_at) as ordered_at
    from order_lines
    group by order_id
),

final as (
    select
        summed.order_id,
        summed.customer_id,
        coalesce(campaigns.campaign_id, 'unknown') as campaign_id,
        summed.source_system,
        orders.order_id as source_order_id,
        coalesce(orders.channel, 'unknown') as channel,
        orders.seller_channel,
        orders.status,
        orders.status_meaning,
        '{{ var("currency") }}' as currency,
        summed.original_currency,
        summed.lines,
        cast(summed.quantity as {{ contract_type('decimal') }}) as quantity,
        {%- for column in [
            'list_amount', 'discount_amount', 'coupon_discount_amount', 'manufacturer_coupon_amount', 'goods_amount',
            'shipping_amount', 'adjustment_amount', 'order_discount_amount', 'net_sales', 'other_amount', 'net_amount',
            'tax_amount', 'unsold_amount', 'cost_amount',
        ] %}
        cast(summed.{{ column }} as {{ contract_type('decimal') }}) as {{ column }},
        {%- endfor %}
        summed.has_goods and not {{ is_unsold('orders.status_meaning') }} as is_purchase,
        coalesce(orders.is_exact_repeat, false) as is_exact_repeat,
        summed.order_date,
        summed.known_date,
        summed.ordered_at
    from summed
    inner join orders on summed.order_id = orders.source_system || ':' || orders.order_id
    left join campaigns
        on orders.source_system = campaigns.source_system and orders.campaign_id = campaigns.source_campaign_id
)

{{ with_version('customer', 'final', 'order_date') }}
