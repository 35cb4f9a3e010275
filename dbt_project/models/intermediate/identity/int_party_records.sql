-- Grain: one row per record of customers that is seen on the as-of date: what it says, in one spelling, for matching.
-- Personal.
{{ config(materialized='view') }}

select
    standard.*,
    seen.first_seen_at
from {{ ref('int_customers__standard') }} as standard
inner join {{ ref('int_customer_records') }} as seen on standard.source_record_key = seen.source_record_key
where {{ seen_by_as_of('seen.first_seen_at') }}
