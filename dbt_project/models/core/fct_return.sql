-- Grain: one row per returned or cancelled line. Key: return_id. A refund is dated on the refund, not on the order.
with returned as (
    select * from {{ ref('int_returns') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

orders as (
    select * from {{ ref('fct_order') }}
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
        returned.quantity,
        returned.refund_amount,
        returned.recovered_amount,
        coalesce(returned.line_type, 'product') in ({{ text_list(sale_line_types()) }}) as is_sale,
        coalesce(returned.is_exact_repeat, false) as is_exact_repeat,
        {{ local_date('returned.returned_at') }} as return_date,
        {{ local_date('coalesce(returned._known_from, returned.returned_at)') }} as known_date,
        returned.returned_at
    from returned
    left join orders on returned.source_system || ':' || returned.order_id = orders.order_id
    left join source_customers
        on
            returned.source_system = source_customers.source_system
            and returned.source_customer_id = source_customers.source_customer_id
    left join products
        on returned.source_system = products.source_system and returned.product_id = products.source_product_id
)

select * from final
