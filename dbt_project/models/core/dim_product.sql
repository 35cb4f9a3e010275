-- Grain: one row per product_id, and two members for lines that are of no known product.
with products as (
    select * from {{ ref('int_products') }}
),

known as (
    select
        source_system || ':' || product_id as product_id,
        source_system,
        product_id as source_product_id,
        product_name,
        department,
        category,
        brand,
        list_price,
        unit_cost
    from products
),

members as (
    select
        'unknown' as product_id,
        'Product in no product file' as product_name
    union all
    select
        'not_applicable' as product_id,
        'Not a product: postage, discount, adjustment, fee' as product_name
),

final as (
    select * from known
    union all
    select
        product_id,
        'unknown' as source_system,
        null as source_product_id,
        product_name,
        null as department,
        null as category,
        null as brand,
        null as list_price,
        null as unit_cost
    from members
)

select * from final
