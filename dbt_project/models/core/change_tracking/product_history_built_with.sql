-- Grain: one row per (product_id, valid_from) that the facts of orders and returns were built with.
-- Written after those facts, so that a build that was cut off finds what they were built with.
-- depends_on: {{ ref('fct_order') }}
-- depends_on: {{ ref('fct_return') }}
select
    product_id,
    product_version_key,
    valid_from,
    valid_to
from {{ ref('dim_product_history') }}
