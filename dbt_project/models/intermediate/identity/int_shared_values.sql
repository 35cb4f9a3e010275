-- Grain: one row per (kind, value) that more records hold than one person has: a shared line or a filler, which
-- identifies nobody. Few. Personal.
select
    kind,
    identifier_value
from {{ ref('int_customer_values') }}
where
    kind <> 'account'
    and source_record_key not in (select source_record_key from {{ ref('int_unseen_records') }})
group by kind, identifier_value
having count(*) > {{ var('identity').held_by_at_most }}
