-- Grain: one row per (member, measure, member_id): customers and products from the lowest value of a measure to the
-- highest, in at most 100 steps. A step has as many customers as a published group has at least (docs/decisions.md).
-- is_tail: who holds the last twentieth of net revenue; of customers in whole steps, of products those of class C.
{% set fewest = of_build('smallest_group') %}

with customer_year as (
    select * from {{ ref('part_customer_year') }}
),

-- Goods that are in no list of products are not one product.
products as (
    select * from {{ ref('product_concentration') }}
    where product_id <> 'unknown'
),

valued as (
    select
        'customer' as member,
        'net_revenue' as measure,
        customer_id as member_id,
        net_revenue as value
    from customer_year
    union all
    select
        'customer' as member,
        'contribution_margin' as measure,
        customer_id as member_id,
        contribution_margin as value
    from customer_year
    union all
    select
        'customer' as member,
        'clv_future' as measure,
        customer_id as member_id,
        clv_future as value
    from {{ ref('customer_clv') }}
    where clv_future is not null
    union all
    select
        'product' as member,
        'net_revenue' as measure,
        product_id as member_id,
        net_revenue as value
    from products
    union all
    select
        'product' as member,
        'gross_margin' as measure,
        product_id as member_id,
        gross_margin as value
    from products
),

placed as (
    select
        *,
        row_number() over (partition by member, measure order by value asc, member_id asc) as place,
        count(*) over (partition by member, measure) as members,
        count(*) over (partition by member, measure) > count(value) over (partition by member, measure) as has_unknown,
        case when member = 'customer' then {{ fewest }} else 1 end as fewest
    from valued
),

stepped as (
    select
        *,
        cast(ceil(place * least(floor(members / cast(fewest as double)), 100) / members) as bigint) as step
    from placed
),

revenue_steps as (
    select
        step,
        sum(sum(value)) over (order by step rows between unbounded preceding and current row) as cumulative,
        sum(sum(value)) over () as total
    from stepped
    where member = 'customer' and measure = 'net_revenue'
    group by step
),

tail as (
    select
        stepped.member,
        stepped.member_id,
        revenue_steps.cumulative <= 0.05 * revenue_steps.total as is_tail
    from stepped
    inner join revenue_steps on stepped.step = revenue_steps.step
    where stepped.member = 'customer' and stepped.measure = 'net_revenue'
    union all
    select
        'product' as member,
        product_id as member_id,
        abc_class = 'C' as is_tail
    from products
)

select
    stepped.member,
    stepped.measure,
    stepped.member_id,
    stepped.place,
    stepped.members,
    stepped.step,
    stepped.fewest,
    stepped.value,
    stepped.has_unknown,
    -- Who has brought no revenue in the year holds none of it.
    coalesce(tail.is_tail, true) as is_tail
from stepped
left join tail on stepped.member = tail.member and stepped.member_id = tail.member_id
