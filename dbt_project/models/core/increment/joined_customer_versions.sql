-- Grain: one row per (customer_id, valid_from) that the facts of orders were built with.
-- Written after those facts, so that a build that was cut off finds what they were built with.
-- depends_on: {{ ref('fct_order') }}
select
    customer_id,
    customer_version_key,
    valid_from,
    valid_to
from {{ ref('dim_customer_history') }}
