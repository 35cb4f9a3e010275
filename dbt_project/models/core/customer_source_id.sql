-- Grain: one row per record of a source system. Personal: published only in contacts.duckdb.
select
    customer_id,
    source_system,
    source_customer_id,
    record_number
from {{ ref('int_source_customers') }}
where {{ only_changed(ref('int_customer_records_changed'), ['customer_id']) }}
