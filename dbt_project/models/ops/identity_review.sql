-- Grain: one row per pair of records (source_record_key < other_record_key) that are two customers and might be one.
-- No personal values: what agrees is named, not shown.
-- verdict: `review` waits for a person (`perennial identity review`); `vetoed` and `cut` were kept apart by a guard,
-- `never` by a person's decision.
with customers as (
    select * from {{ ref('int_source_customers') }}
),

-- Of several reasons the one of a person, then of the strictest rule.
pairs as (
    select
        *,
        row_number() over (partition by source_record_key, other_record_key order by rule_rank) as reason_number
    from {{ ref('int_identity_pairs') }}
    where verdict <> 'link'
)

select
    pairs.source_record_key,
    pairs.other_record_key,
    one.customer_id,
    other.customer_id as other_customer_id,
    one.source_system,
    other.source_system as other_source_system,
    pairs.verdict,
    pairs.match_rule,
    pairs.evidence,
    pairs.reason,
    pairs.model_version,
    pairs.match_weight
from pairs
inner join customers as one on pairs.source_record_key = one.source_record_key
inner join customers as other on pairs.other_record_key = other.source_record_key
where pairs.reason_number = 1 and one.customer_id <> other.customer_id
