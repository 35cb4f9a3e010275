-- Grain: one row per (customer, valid_from) of a later version (the first has no day) that the facts of orders were
-- built with. Written after those facts, so that a build that was cut off finds what they were built with.
-- depends_on: {{ ref('fct_order') }}
select
    customer_id,
    customer_version_key,
    version_number,
    valid_from
from {{ ref('dim_customer_history') }}
where version_number > 1 and {{ only_changed(ref('int_customer_records_changed'), ['customer_id']) }}
