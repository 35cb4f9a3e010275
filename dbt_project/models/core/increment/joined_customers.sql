-- Grain: one row per record of a source system, with the customer that the facts of orders were built with.
-- Written after those facts, so that a build that was cut off finds what they were built with.
-- depends_on: {{ ref('fct_order') }}
select
    source_system,
    source_customer_id,
    customer_id
from {{ ref('customer_source_id') }}
