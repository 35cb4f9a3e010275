-- Grain: one row per (record, kind of identifier) that a record has on the as-of date. Personal.
-- verdict: only values that `identifies` may link records. A value is judged by itself, then by how many records hold it.
with records as (
    select *
    from {{ ref('int_customers__known') }}
    where {{ seen_by_as_of('first_seen_at') }}
),

written as (
    {%- set identifiers = {
        'email': ('email', normal_email('email')),
        'phone': ('phone', normal_phone('phone')),
        'loyalty_id': ('loyalty_id', normal_number('loyalty_id')),
        'account': ('account_ref', normal_number('account_ref')),
    } %}
    {%- for identifier, (column, value) in identifiers.items() %}
    select
        source_record_key,
        source_system,
        coalesce(kind, 'person') as party,
        '{{ identifier }}' as kind,
        nullif({{ value }}, '') as identifier_value
    from records
    where {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

shared as (
    select
        kind,
        identifier_value
    from written
    where kind <> 'account'
    group by kind, identifier_value
    having count(*) > {{ most_records_of_a_value() }}
)

select
    written.source_record_key,
    written.source_system,
    written.party,
    written.kind,
    written.identifier_value,
    case
        when written.identifier_value is null then 'unreadable'
        when {{ is_placeholder('written.kind', 'written.identifier_value') }} then 'placeholder'
        when shared.identifier_value is not null then 'held by too many'
        else 'identifies'
    end as verdict
from written
left join shared on written.kind = shared.kind and written.identifier_value = shared.identifier_value
