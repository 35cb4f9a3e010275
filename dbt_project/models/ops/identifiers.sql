-- Grain: one row per (source system, kind of identifier, verdict): how many values identify somebody.
select
    source_system,
    kind,
    verdict,
    count(*) as record_values,
    count(distinct identifier_value) as distinct_values
from {{ ref('int_customer_identifiers') }}
group by source_system, kind, verdict
