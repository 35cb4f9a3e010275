-- Grain: one row per product_id that the facts of orders and returns were built with.
-- Written after those facts, so that a build that was cut off finds what they were built with.
-- depends_on: {{ ref('fct_order') }}
-- depends_on: {{ ref('fct_return') }}
select
    source_system,
    source_product_id,
    product_id,
    unit_cost
from {{ ref('dim_product') }}
