-- Grain: one row per (kind, value, pair of records) that share an e-mail address, a phone number or an address: values
-- by which records are linked where their names agree. Records with two birth dates are two people, where that guard
-- holds.
{% set kinds = var('identity').rules.items() | selectattr('1.names') | map('first') | list %}
{% set guards = var('identity').guards %}
with born as (
    select
        source_record_key,
        birth_date
    from {{ ref('int_customers__standard') }}
    where birth_date is not null
),

identifiers as (
    select
        held.source_record_key,
        held.party,
        held.kind,
        held.identifier_value,
        born.birth_date
    from {{ ref('int_customer_identifiers') }} as held
    left join born on held.source_record_key = born.source_record_key
    where held.kind in ({{ text_list(kinds) or 'null' }}) and held.verdict = 'identifies'
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
{%- if 'two birth dates' in guards %}
where not coalesce({{ are_two_birth_dates('one.birth_date', 'other.birth_date') }}, false)
{%- endif %}
