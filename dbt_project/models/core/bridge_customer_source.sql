-- Grain: one row per record of a source system (source_record_key).
-- The source's own ids stand in customer_source_id, which is published apart.
select
    source_record_key,
    customer_id,
    source_system,
    match_rule,
    matched_to,
    first_seen_at
from {{ ref('int_source_customers') }}
where {{ only_changed(ref('int_customer_records_changed'), ['customer_id']) }}
