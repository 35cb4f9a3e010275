-- Grain: one row per returned or cancelled line. Key: return_id. A refund is dated on the refund, not on the order.
-- refund_amount is without the tax in it, at the rate of the day of the refund; original_refund_amount is as booked.
-- Of an order that is not paid or was cancelled nothing was sold, and its refund takes no sales back: 0, and no sale.
with returned as (
    select
        *,
        coalesce(line_type, 'product') in ({{ text_list(sale_line_types()) }}) as is_of_sales,
        {{ local_date('returned_at') }} as return_date
    from {{ ref('int_returns') }}
    where {{ only_changed(ref('return_facts_changed'), ['return_id'], ["source_system || ':' || return_id"]) }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

order_references as (
    select source_system, source_id as source_order_id, core_id as order_id from {{ ref('int_references') }}
    where entity = 'orders'
),

orders as (
    select
        order_id,
        customer_id,
        {{ is_unsold('status_meaning') }} as is_unsold
    from {{ ref('fct_order') }}
),

final as (
    select
        returned.source_system || ':' || returned.return_id as return_id,
        coalesce(orders.order_id, 'not_in_data') as order_id,
        coalesce(source_customers.customer_id, orders.customer_id, 'unknown') as customer_id,
        case
            when coalesce(returned.line_type, 'product') not in ({{ text_list(goods_line_types()) }})
                then 'not_applicable'
            else coalesce(products.product_id, 'unknown')
        end as product_id,
        returned.source_system,
        coalesce(returned.line_type, 'product') as line_type,
        returned.reason,
        coalesce(returned.currency, '{{ var("currency") }}') as original_currency,
        returned.quantity,
        case
            when returned.is_of_sales and orders.is_unsold then 0
            else {{ converted('(returned.refund_amount - coalesce(returned.tax_amount, 0))') }}
        end as refund_amount,
        case
            when returned.is_of_sales and orders.is_unsold then 0
            else {{ converted('coalesce(returned.tax_amount, 0)') }}
        end as tax_amount,
        returned.refund_amount as original_refund_amount,
        returned.recovered_amount,
        returned.is_of_sales and not coalesce(orders.is_unsold, false) as is_sale,
        coalesce(returned.is_exact_repeat, false) as is_exact_repeat,
        returned.return_date,
        coalesce({{ local_date('returned._known_from') }}, returned.return_date) as known_date,
        returned.returned_at
    from returned
    left join order_references
        on
            returned.source_system = order_references.source_system
            and returned.order_id = order_references.source_order_id
    left join orders on order_references.order_id = orders.order_id
    left join source_customers
        on
            returned.source_system = source_customers.source_system
            and returned.source_customer_id = source_customers.source_customer_id
    left join products
        on returned.source_system = products.source_system and returned.product_id = products.source_product_id
    {{ exchange_rates_on('returned.currency', 'returned.return_date') }}
),

with_product as (
    {{ with_version('product', 'final', 'return_date') }}
)

{{ with_version('customer', 'with_product', 'return_date') }}
