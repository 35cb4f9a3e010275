-- Grain: one row per source system that has orders: the day of its first one.
select
    source_system,
    min(order_date) as first_order_date
from {{ ref('fct_order') }}
group by source_system
