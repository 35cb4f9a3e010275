-- Grain: one row per (record, kind, value) of identifiers that a record has or had, known by the as-of date. Personal.
-- verdict: what the value says by itself. A value that cannot be read keeps no trace but its row: identifier_value is
-- then empty.
{%- set identifiers = {
    'email': ('email', normal_email('email')),
    'phone': ('phone', normal_phone('phone')),
    'loyalty_id': ('loyalty_id', normal_number('loyalty_id')),
    'account': ('account_ref', normal_number('account_ref')),
    'address': ('street', normal_address('street', 'postcode')),
} %}
{%- set record = ['source_system', 'source_customer_id'] %}

with current_versions as (
    select * from {{ ref('int_customers__known') }}
    where {{ only_changed(ref('int_restated_records'), record) }}
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
        source_customer_id,
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
        earlier_values.source_customer_id,
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
        earlier_values.source_customer_id,
        earlier_values.kind,
        earlier_values.identifier_value
)

select
    *,
    case
        when identifier_value = '' then 'unreadable'
        when {{ is_placeholder('kind', 'identifier_value') }} then 'placeholder'
        else 'identifies'
    end as verdict
from held
