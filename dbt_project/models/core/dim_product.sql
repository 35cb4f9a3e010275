-- Grain: one row per product_id, and two members for lines that are of no known product.
-- A product that its source deleted keeps what it was, so that its sales do.
with versions as (
    select
        *,
        row_number() over (
            partition by source_system, product_id order by is_deleted asc, valid_from desc
        ) as recency,
        max(case when valid_to = {{ end_of_time() }} and is_deleted then 1 else 0 end) over (
            partition by source_system, product_id
        ) = 1 as has_ended
    from {{ ref('int_product_history') }}
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
        unit_cost,
        has_ended as is_deleted
    from versions
    where recency = 1 and not is_deleted
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
        null as unit_cost,
        false as is_deleted
    from members
)

select * from final
