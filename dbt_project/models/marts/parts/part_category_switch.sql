-- Grain: one row per (from_category, to_category): from the main category of a purchase day to that of the
-- customer's next one, how often and by how many customers. Categories are the 30 with most purchase days; the rest are
-- one, because nobody reads a table of hundreds, nor has it customers enough for its cells.
with days as (
    select * from {{ ref('part_category_day') }}
),

top_categories as (
    select category from days
    group by category
    order by count(*) desc, category asc
    limit 30
),

named as (
    select
        days.customer_id,
        coalesce(one.category, 'other categories') as from_category,
        coalesce(other.category, 'other categories') as to_category
    from days
    left join top_categories as one on days.category_before = one.category
    left join top_categories as other on days.category = other.category
    where days.category_before is not null
)

select
    from_category,
    to_category,
    count(*) as purchases,
    count(distinct customer_id) as customers
from named
group by from_category, to_category
