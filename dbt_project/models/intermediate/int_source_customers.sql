-- Grain: one row per (source system, its customer id) seen in any accepted row of any entity.
-- record_number orders the records of a customer: the founding one, then as they were first seen.
-- customer_id is that of the customer's founding record: a hash of its source and its id there, and of nothing else.
-- is_seen: the record was seen by the as-of date. A later one is a customer of its own.
with records as (
    select * from {{ ref('int_customer_records') }}
),

clusters as (
    select * from {{ ref('int_customer_clusters') }}
),

identified as (
    select
        records.source_system,
        records.source_customer_id,
        {{ customer_founded_by('coalesce(clusters.founding_record_key, records.source_record_key)') }} as customer_id,
        records.source_record_key,
        coalesce(clusters.match_rule, 'own_record') as match_rule,
        clusters.matched_to,
        clusters.match_weight,
        clusters.evidence,
        clusters.model_version,
        records.first_seen_at,
        {{ seen_by_as_of('records.first_seen_at') }} as is_seen
    from records
    left join clusters on records.source_record_key = clusters.source_record_key
)

select
    *,
    row_number() over (
        partition by customer_id
        order by match_rule = 'own_record' desc, first_seen_at asc nulls last, source_record_key asc
    ) as record_number
from identified
