-- Grain: one row per (record, kind, value) that a record has or had, known by the as-of date. Personal.
-- verdict: only a value that `identifies` may link records. It is judged by itself, then by how many records hold it.
{{ config(materialized='view') }}

select
    held.source_record_key,
    held.source_system,
    held.party,
    held.kind,
    held.identifier_value,
    held.is_current,
    case
        when held.verdict = 'identifies' and shared.identifier_value is not null then 'held by too many'
        else held.verdict
    end as verdict
from {{ ref('int_customer_values') }} as held
left join {{ ref('int_shared_values') }} as shared
    on held.kind = shared.kind and held.identifier_value = shared.identifier_value
where held.source_record_key not in (select source_record_key from {{ ref('int_unseen_records') }})
