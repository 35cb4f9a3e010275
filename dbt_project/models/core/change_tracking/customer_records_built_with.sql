-- Grain: one row per record of a source system, as customers and the facts of orders were built with it.
-- Written after them, so that a build that was cut off finds what they were built with.
-- depends_on: {{ ref('fct_order') }}
-- depends_on: {{ ref('dim_customer') }}
-- depends_on: {{ ref('dim_customer_history') }}
-- depends_on: {{ ref('bridge_customer_source') }}
select
    source_system,
    source_customer_id,
    customer_id,
    match_rule,
    matched_to,
    record_number,
    first_seen_at
from {{ ref('int_source_customers') }}
where {{ only_changed(ref('int_customer_records_changed'), ['customer_id']) }}
