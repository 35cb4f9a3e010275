-- Grain: one row per (record, kind, value) that a record has or had, known by the as-of date. Personal.
-- verdict: only values that `identifies` may link records. A value is judged by itself, then by how many records hold it.
-- A value that cannot be read keeps no trace but its row: identifier_value is then empty.
with versions as (
    select
        records.source_record_key,
        known.source_record_key is not null as is_current,
        versions.*
    from {{ ref('int_customers__versions') }} as versions
    inner join {{ ref('int_customer_records') }} as records
        on
            versions.source_system = records.source_system
            and versions.source_customer_id = records.source_customer_id
    left join {{ ref('int_customers__known') }} as known
        on
            records.source_record_key = known.source_record_key
            and versions._interval = known._interval
            and versions._generation = known._generation
            and versions._position = known._position
    where
        versions._fate = 'accepted' and versions._op <> 'delete'
        and {{ seen_by_as_of('records.first_seen_at') }}
        and {{ seen_by_as_of('versions._known_from') }}
),

written as (
    {%- set identifiers = {
        'email': ('email', normal_email('email')),
        'phone': ('phone', normal_phone('phone')),
        'loyalty_id': ('loyalty_id', normal_number('loyalty_id')),
        'account': ('account_ref', normal_number('account_ref')),
        'address': ('street', normal_address('street', 'postcode')),
    } %}
    {%- for identifier, (column, value) in identifiers.items() %}
    select
        source_record_key,
        source_system,
        coalesce(kind, 'person') as party,
        '{{ identifier }}' as kind,
        coalesce({{ value }}, '') as identifier_value,
        is_current
    from versions
    where {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

held as (
    select
        source_record_key,
        source_system,
        kind,
        identifier_value,
        max(party) as party,
        max(case when is_current then 1 else 0 end) = 1 as is_current
    from written
    group by source_record_key, source_system, kind, identifier_value
),

shared as (
    select
        kind,
        identifier_value
    from held
    where kind <> 'account'
    group by kind, identifier_value
    having count(*) > {{ most_records_of_a_value() }}
)

select
    held.source_record_key,
    held.source_system,
    held.party,
    held.kind,
    held.identifier_value,
    held.is_current,
    case
        when held.identifier_value = '' then 'unreadable'
        when {{ is_placeholder('held.kind', 'held.identifier_value') }} then 'placeholder'
        when shared.identifier_value is not null then 'held by too many'
        else 'identifies'
    end as verdict
from held
left join shared on held.kind = shared.kind and held.identifier_value = shared.identifier_value
