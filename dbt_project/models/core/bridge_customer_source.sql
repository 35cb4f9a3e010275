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
    history.source_record_key,
    history.customer_id,
    history.source_system,
    case when history.is_current then records.match_rule else history.match_rule end as match_rule,
    case when history.is_current then records.matched_to else history.matched_to end as matched_to,
    case when history.is_current then records.match_weight else history.match_weight end as match_weight,
    case when history.is_current then records.evidence else history.evidence end as evidence,
    case when history.is_current then records.model_version else history.model_version end as model_version,
    history.is_current,
    history.valid_from,
    history.valid_to,
    records.first_seen_at
from history
left join records on history.source_record_key = records.source_record_key
