-- Grain: one row per product that was bought at a price. How many times its own usual price, or its list price, a line
-- was. Usual is the third highest of all its lines, so that a product of many prices has no wrong one. A price counts
-- where it is among the highest twentieth of all: one of a cent that becomes a euro moves nothing.
-- recent: happened or became known in the four weeks up to the as-of date; older: before them.
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

high as (
    select quantile_disc(price, 0.95) as price from lines
),

usual as (
    select
        product_id,
        max(price, 3)[3] as price
    from lines
    group by product_id
    having count(*) >= 5
),

compared as (
    select
        lines.product_id,
        lines.is_recent,
        case when usual.price > 0 and lines.price >= high.price then lines.price / usual.price end as times_usual,
        case when lines.is_of_one_currency and lines.list_price > 0 then lines.price / lines.list_price end
            as times_list_price
    from lines
    cross join high
    left join usual on lines.product_id = usual.product_id
)

select
    product_id,
    cast(coalesce(max(times_usual) filter (is_recent), 0) as double) as recent_times_usual,
    cast(coalesce(max(times_usual) filter (not is_recent), 0) as double) as older_times_usual,
    cast(coalesce(max(times_list_price), 0) as double) as times_list_price
from compared
group by product_id
