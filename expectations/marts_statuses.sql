-- Grain: one row per status of the orders of a source.
select
    source_system,
    status,
    orders,
    case when meaning = 'unlisted' then orders else 0 end as unlisted_orders
from ops.order_statuses
