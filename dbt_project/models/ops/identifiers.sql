-- Grain: one row per (source system, kind of identifier, verdict): how many values of records identify somebody. No values.
select
    source_system,
    kind,
    verdict,
    count(*) as record_values,
    count(distinct identifier_value) as distinct_values
from {{ ref('int_customer_identifiers') }}
group by source_system, kind, verdict
