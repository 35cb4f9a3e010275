-- Grain: one row per (customer_id, order_date) with goods of a known category: the main category of the day, of
-- which most was bought, by amount, and that of the customer's purchase day before.
with bought as (
    select
        lines.customer_id,
        lines.order_date,
        products.category,
        sum(lines.net_amount) as net_amount
    from {{ ref('fct_order_line') }} as lines
    inner join {{ ref('dim_product') }} as products on lines.product_id = products.product_id
    where
        lines.is_goods and lines.is_sale and lines.quantity >= 0 and lines.customer_id <> 'unknown'
        and products.category is not null and {{ by_as_of('lines.order_date') }}
    group by lines.customer_id, lines.order_date, products.category
),

ranked as (
    select
        *,
        row_number() over (partition by customer_id, order_date order by net_amount desc, category asc) as place
    from bought
)

select
    customer_id,
    order_date,
    category,
    lag(category) over (partition by customer_id order by order_date) as category_before
from ranked
where place = 1
