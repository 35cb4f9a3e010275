-- Grain: one row per (kind, value, pair of records) that share an e-mail address, a phone number or an address: values
-- by which records are linked where their names agree.
{% set kinds = var('identity').rules.items() | selectattr('1.names') | map('first') | list %}
with identifiers as (
    select * from {{ ref('int_customer_identifiers') }}
    where kind in ({{ text_list(kinds) or 'null' }}) and verdict = 'identifies'
)

select
    one.kind,
    one.identifier_value,
    one.source_record_key,
    other.source_record_key as other_record_key
from identifiers as one
inner join identifiers as other
    on
        one.kind = other.kind
        and one.identifier_value = other.identifier_value
        and one.party = other.party
        and one.source_record_key < other.source_record_key
