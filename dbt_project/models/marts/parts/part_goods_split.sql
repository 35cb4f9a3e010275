-- Grain: one row per customer with purchases. Goods at list value, split once (docs/decisions.md):
-- V1 is the first purchase; each later one is worth V1 (repeat), the difference to V1 in the first purchase's
-- categories (growth) and what is bought in other categories (cross_purchase).
with purchases as (
    select
        order_id,
        customer_id,
        row_number() over (partition by customer_id order by ordered_at, order_id) as purchase_number
    from {{ ref('fct_order') }}
    where is_purchase and customer_id <> 'unknown' and {{ by_as_of('order_date') }}
),

goods as (
    select
        purchases.customer_id,
        purchases.purchase_number,
        coalesce(products.category, 'unknown') as category,
        sum(lines.list_amount) as list_amount
    from {{ ref('fct_order_line') }} as lines
    inner join purchases on lines.order_id = purchases.order_id
    inner join {{ ref('dim_product') }} as products on lines.product_id = products.product_id
    where lines.is_goods
    group by purchases.customer_id, purchases.purchase_number, products.category
),

first_categories as (
    select
        customer_id,
        category
    from goods
    where purchase_number = 1
    group by customer_id, category
),

summed as (
    select
        goods.customer_id,
        sum(case when goods.purchase_number = 1 then goods.list_amount else 0 end) as first_value,
        sum(
            case
                when goods.purchase_number > 1 and first_categories.category is not null then goods.list_amount
                else 0
            end
        ) as later_value_in_first_categories,
        sum(
            case
                when goods.purchase_number > 1 and first_categories.category is null then goods.list_amount
                else 0
            end
        ) as later_value_elsewhere
    from goods
    left join first_categories
        on goods.customer_id = first_categories.customer_id and goods.category = first_categories.category
    group by goods.customer_id
),

counted as (
    select
        customer_id,
        count(*) as purchases
    from purchases
    group by customer_id
)

select
    summed.customer_id,
    summed.first_value as first_purchase,
    summed.first_value * (counted.purchases - 1) as repeat_purchase,
    summed.later_value_in_first_categories - summed.first_value * (counted.purchases - 1) as growth,
    summed.later_value_elsewhere as cross_purchase
from summed
inner join counted on summed.customer_id = counted.customer_id
