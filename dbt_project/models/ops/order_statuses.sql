-- Grain: one row per (source system, status): the current orders that have it, and what was made of the status.
select
    source_system,
    status,
    status_meaning as meaning,
    count(*) as orders
from {{ ref('int_orders') }}
where status is not null
group by source_system, status, status_meaning
