-- Grain: one row per record of customers that is no record on the as-of date: nothing current names it, or it was seen
-- later. Few.
with seen as (
    select source_record_key
    from {{ ref('int_customer_records') }}
    where {{ seen_by_as_of('first_seen_at') }}
)

select known.source_record_key
from {{ ref('int_customers__known') }} as known
left join seen on known.source_record_key = seen.source_record_key
where seen.source_record_key is null
