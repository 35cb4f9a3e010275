-- Grain: one row per source system, with the day of its first order that customers were described with.
-- Written after them, so that a build that was cut off finds what they were built with.
-- depends_on: {{ ref('dim_customer') }}
select
    source_system,
    first_order_date
from {{ ref('first_order_dates') }}
