-- Grain: one row per (record of a source system, valid_from): which customer it is, or was published as.
-- The source's own ids stand in customer_source_id, which is published apart.
-- The current row says why the record belongs to its customer today; an earlier one, why it did when it was published.
with history as (
    select * from {{ ref('int_identity_history') }}
    where valid_from < valid_to
),

records as (
    select * from {{ ref('int_source_customers') }}
)

select
    records.source_record_key,
    records.customer_id,
    records.source_system,
    records.match_rule,
    records.matched_to,
    records.match_weight,
    records.evidence,
    records.model_version,
    history.is_current,
    history.valid_from,
    history.valid_to,
    records.first_seen_at
from history
inner join records on history.source_record_key = records.source_record_key
where history.is_current

union all

select
    history.source_record_key,
    history.customer_id,
    history.source_system,
    history.match_rule,
    history.matched_to,
    history.match_weight,
    history.evidence,
    history.model_version,
    history.is_current,
    history.valid_from,
    history.valid_to,
    records.first_seen_at
from history
left join records on history.source_record_key = records.source_record_key
where not history.is_current
