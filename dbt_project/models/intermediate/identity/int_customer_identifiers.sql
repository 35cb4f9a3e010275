-- Grain: one row per (record, kind, value) that a record has or had, known by the as-of date. Personal.
-- verdict: only a value that `identifies` may link records. It is judged by itself, then by how many records hold it.
-- A value that cannot be read keeps no trace but its row: identifier_value is then empty.
{%- set identifiers = {
    'email': ('email', normal_email('email')),
    'phone': ('phone', normal_phone('phone')),
    'loyalty_id': ('loyalty_id', normal_number('loyalty_id')),
    'account': ('account_ref', normal_number('account_ref')),
    'address': ('street', normal_address('street', 'postcode')),
} %}

with current_versions as (
    select known.*
    from {{ ref('int_customers__known') }} as known
    inner join {{ ref('int_customer_records') }} as records on known.source_record_key = records.source_record_key
    where {{ seen_by_as_of('records.first_seen_at') }}
),

earlier_versions as (
    select
        versions.*,
        current_versions.source_record_key
    from {{ ref('int_customers__versions') }} as versions
    inner join current_versions
        on
            versions.source_system = current_versions.source_system
            and versions.source_customer_id = current_versions.source_customer_id
    where
        versions._fate = 'accepted' and versions._op <> 'delete' and not versions._is_current
        and {{ seen_by_as_of('versions._known_from') }}
),

{%- for versions in ['current', 'earlier'] %}

{{ versions }}_values as (
    {%- for identifier, (column, value) in identifiers.items() %}
    select{{ ' distinct' if versions == 'earlier' }}
        source_record_key,
        source_system,
        coalesce(kind, 'person') as party,
        '{{ identifier }}' as kind,
        coalesce({{ value }}, '') as identifier_value
    from {{ versions }}_versions
    where {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),
{%- endfor %}

held as (
    select
        *,
        true as is_current
    from current_values
    union all
    select
        earlier_values.source_record_key,
        earlier_values.source_system,
        min(earlier_values.party) as party,
        earlier_values.kind,
        earlier_values.identifier_value,
        false as is_current
    from earlier_values
    left join current_values
        on
            earlier_values.source_record_key = current_values.source_record_key
            and earlier_values.kind = current_values.kind
            and earlier_values.identifier_value = current_values.identifier_value
    where current_values.kind is null
    group by
        earlier_values.source_record_key,
        earlier_values.source_system,
        earlier_values.kind,
        earlier_values.identifier_value
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
