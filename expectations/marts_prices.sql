-- Grain: one row per product that was bought at a price. How many times its own usual price, or its list price, a line
-- was. recent: happened or became known in the four weeks up to the as-of date; older: before them.
with lines as (
    select
        line.product_id,
        line.list_amount / line.quantity as price,
        product.list_price,
        greatest(line.order_date, line.known_date) > getvariable('as_of') - 28 as is_recent,
        line.original_currency = release.currency as is_of_one_currency
    from core.fct_order_line as line
    inner join core.dim_product as product on line.product_id = product.product_id
    cross join marts.release as release
    where
        line.is_goods and line.quantity > 0 and line.product_id <> 'unknown'
        and greatest(line.order_date, line.known_date) <= getvariable('as_of')
),

usual as (
    select
        product_id,
        median(price) as price,
        count(*) as lines
    from lines
    group by product_id
)

select
    lines.product_id,
    cast(
        coalesce(max(lines.price / usual.price) filter (lines.is_recent and usual.lines >= 5 and usual.price > 0), 0)
        as double
    ) as recent_times_usual,
    cast(
        coalesce(max(lines.price / usual.price) filter (not lines.is_recent and usual.lines >= 5 and usual.price > 0), 0)
        as double
    ) as older_times_usual,
    cast(
        coalesce(
            max(lines.price / lines.list_price) filter (lines.is_of_one_currency and lines.list_price > 0), 0
        ) as double
    ) as times_list_price
from lines
inner join usual on lines.product_id = usual.product_id
group by lines.product_id
