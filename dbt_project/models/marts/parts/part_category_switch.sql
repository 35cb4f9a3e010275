-- Grain: one row per (from_category, to_category): from the main category of a purchase day to that of the
-- customer's next one, how often and by how many customers.
select
    category_before as from_category,
    category as to_category,
    count(*) as purchases,
    count(distinct customer_id) as customers
from {{ ref('part_category_day') }}
where category_before is not null
group by category_before, category
