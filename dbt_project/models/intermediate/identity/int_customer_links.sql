-- Grain: one row per (pair of records, rule) that are one customer by that rule, in both directions.
-- The rules are identity.rules of dbt_project.yml. Where they compare names, and a value is shared by people who contradict
-- each other, a record that fits more than one of them is linked to nobody by it. Where the value alone decides, each
-- record is linked to the smallest one that holds it.
{% set rules = var('identity').rules %}
{% set numbers = rules.items() | rejectattr('1.names') | map('first') | list %}
with pairs as (
    select
        pairs.kind,
        pairs.identifier_value,
        pairs.source_record_key,
        pairs.other_record_key
    from {{ ref('int_customer_pairs') }} as pairs
    inner join {{ ref('int_customer_name_pairs') }} as names
        on
            pairs.source_record_key = names.source_record_key
            and pairs.other_record_key = names.other_record_key
    where
        {%- for rule, says in rules.items() if says.names %}
        {{ 'or ' if not loop.first }}(
            pairs.kind = '{{ rule }}' and names.verdict in ({{ text_list(says.names) }})
            {{- ' and names.has_full_names' if says.full_names }}
        )
        {%- else %}
        1 = 0
        {%- endfor %}
),

fitting as (
    select
        kind,
        identifier_value,
        source_record_key,
        other_record_key
    from pairs
    union all
    select
        kind,
        identifier_value,
        other_record_key,
        source_record_key
    from pairs
),

-- Records that fit two which do not fit each other.
ambiguous as (
    select distinct
        one.kind,
        one.identifier_value,
        one.source_record_key
    from fitting as one
    inner join fitting as other
        on
            one.kind = other.kind
            and one.identifier_value = other.identifier_value
            and one.source_record_key = other.source_record_key
            and one.other_record_key < other.other_record_key
    left join fitting as closing
        on
            one.kind = closing.kind
            and one.identifier_value = closing.identifier_value
            and one.other_record_key = closing.source_record_key
            and other.other_record_key = closing.other_record_key
    where closing.kind is null
),

unambiguous as (
    select distinct
        fitting.source_record_key,
        fitting.other_record_key,
        fitting.kind as match_rule
    from fitting
    left join ambiguous as one
        on
            fitting.kind = one.kind
            and fitting.identifier_value = one.identifier_value
            and fitting.source_record_key = one.source_record_key
    left join ambiguous as other
        on
            fitting.kind = other.kind
            and fitting.identifier_value = other.identifier_value
            and fitting.other_record_key = other.source_record_key
    where one.kind is null and other.kind is null
),

numbers as (
    select
        source_record_key,
        kind,
        min(source_record_key) over (
            partition by kind, identifier_value, case when kind <> 'account' then party end
        ) as first_record_key
    from {{ ref('int_customer_identifiers') }}
    where kind in ({{ text_list(numbers) or 'null' }}) and verdict = 'identifies'
),

final as (
    select
        source_record_key,
        other_record_key,
        match_rule
    from unambiguous
    union all
    select
        source_record_key,
        first_record_key,
        kind
    from numbers
    where source_record_key <> first_record_key
    union all
    select
        first_record_key,
        source_record_key,
        kind
    from numbers
    where source_record_key <> first_record_key
)

select * from final
