-- Grain: one row per (customer_id, product_id, purchase_date) of the last two years. Key: these.
-- What the mining job offers ranks. Products that are in no product file have no name to offer, and are left out.
select
    {{ as_of_date() }} as as_of_date,
    lines.customer_id,
    lines.product_id,
    max(products.category) as category,
    lines.order_date as purchase_date,
    min(lines.known_date) as known_date
from {{ ref('fct_order_line') }} as lines
inner join {{ ref('dim_product') }} as products on lines.product_id = products.product_id
where
    lines.is_sale and lines.is_goods and coalesce(lines.quantity, 1) > 0
    and lines.customer_id <> 'unknown' and products.source_product_id is not null
    and lines.order_date > {{ add_days(as_of_date(), -730) }}
    and {{ by_as_of('lines.order_date') }}
group by lines.customer_id, lines.product_id, lines.order_date
