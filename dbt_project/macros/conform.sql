{#
  Cast, check, number and judge every staged row of an entity, once for all sources.

  Each row gets one fate: accepted, duplicate (same key and content as the version before) or quarantined with its
  reason. Rows of one load that share a key but differ are all quarantined: without a cursor nothing says which is right.
#}
{% macro conform(entity) -%}
{%- set spec = contract(entity) -%}
{%- set sources = var('providers').get(entity, []) -%}
with staged as (
    {%- for source in sources %}
    select
        *,
        '{{ var("timestamps_in").get(source, var("time_zone")) }}' as _zone
    from {{ ref('stg_' ~ source ~ '__' ~ entity) }}
    {{ 'union all' if not loop.last }}
    {%- else %}
    {{ empty_staged(spec) }}
    {%- endfor %}
),

as_text as (
    select
        source_system,
        {%- for column in spec.columns %}
        nullif(trim(cast({{ column }} as {{ contract_type('text') }})), '') as {{ column }},
        {%- endfor %}
        _table,
        _file,
        _interval,
        _position,
        _op,
        _is_derived,
        _zone
    from staged
),

typed as (
    select
        source_system,
        {%- for column, (type, required) in spec.columns.items() %}
        {{ typed_column(column, type) }} as {{ column }},
        {%- endfor %}
        _table,
        _file,
        _interval,
        _position,
        _op,
        _is_derived,
        md5(concat_ws('|'{% for column in spec.columns %}, coalesce({{ column }}, ''){% endfor %}, _op)) as _row_hash,
        case
            {%- for column, (type, required) in spec.columns.items() %}
            {{ column_checks(column, type, required, spec.get('allowed', {}).get(column)) }}
            {%- endfor %}
            {%- if 'currency' in spec.columns %}
            when currency <> '{{ var("currency") }}' then 'currency: not the reporting currency'
            {%- endif %}
        end as _column_reason
    from as_text
),

related as (
    select
        typed.*,
        {%- for parent, column in spec.get('parents', {}).items() %}
        case
            when _column_reason is not null then _column_reason
            when {{ parent }}.{{ column }} is null then '{{ column }}: not among the accepted {{ parent }}'
        end as _row_reason
        {%- else %}
        _column_reason as _row_reason
        {%- endfor %}
    from typed
    {%- for parent, column in spec.get('parents', {}).items() %}
    left join (select distinct source_system, {{ column }} from {{ ref('int_' ~ parent) }}) as {{ parent }}
        on typed.source_system = {{ parent }}.source_system and typed.{{ column }} = {{ parent }}.{{ column }}
    {%- endfor %}
),

keyed as (
    select
        *,
        count(*) over same_key as _rows_of_key,
        min(_row_hash) over same_load as _lowest_hash,
        max(_row_hash) over same_load as _highest_hash,
        min(_interval) over (partition by source_system, _table) as _first_interval
    from related
    window
        same_key as (partition by source_system, {{ spec.key | join(', ') }}, _row_reason is null),
        same_load as (partition by source_system, {{ spec.key | join(', ') }}, _row_reason is null, _interval)
),

judged as (
    select
        *,
        case
            when _row_reason is not null then _row_reason
            when _lowest_hash <> _highest_hash
                then '{{ spec.key | join(", ") }}: different rows with the same key in one load'
        end as _reason
    from keyed
),

compared as (
    select
        *,
        case
            when _reason is null and _rows_of_key > 1 then lag(_row_hash) over (
                partition by source_system, {{ spec.key | join(', ') }}, _reason is null
                order by _interval, _file, _position
            )
        end as _previous_hash
    from judged
),

fated as (
    select
        *,
        case
            when _reason is not null then 'quarantined'
            when _previous_hash = _row_hash then 'duplicate'
            else 'accepted'
        end as _fate
    from compared
)

select
    source_system,
    {%- for column in spec.columns %}
    {{ column }},
    {%- endfor %}
    _table,
    _file,
    _interval,
    _position,
    _op,
    _is_derived,
    _reason,
    _fate,
    case
        when _fate <> 'accepted' or _op = 'delete' then false
        when _rows_of_key = 1 then true
        else row_number() over (
            partition by source_system, {{ spec.key | join(', ') }}, _fate
            order by _interval desc, _file desc, _position desc
        ) = 1
    end as _is_current,
    -- Rows of a table's first load are known from their event time (null), later ones from the last second of
    -- their interval.
    case when _interval <> _first_interval then {{ interval_end('_interval') }} - interval 1 second end as _known_from
from fated
{%- endmacro %}

{# The current accepted rows of an entity. #}
{% macro current_rows(entity) -%}
select
    source_system,
    {%- for column in contract(entity).columns %}
    {{ column }},
    {%- endfor %}
    _known_from
from {{ ref('int_' ~ entity ~ '__versions') }}
where _is_current
{%- endmacro %}

{# An entity that no active source provides: no rows, right columns. #}
{% macro empty_staged(spec) -%}
    select
        '' as source_system,
        {%- for column in spec.columns %}
        '' as {{ column }},
        {%- endfor %}
        '' as _table,
        '' as _file,
        '' as _interval,
        cast(0 as bigint) as _position,
        '' as _op,
        false as _is_derived,
        'UTC' as _zone
    where 1 = 0
{%- endmacro %}

{% macro typed_column(column, type) -%}
    {%- if type == 'text' -%}
        {{ column }}
    {%- elif type == 'timestamp' -%}
        {{ utc_timestamp(column, '_zone') }}
    {%- else -%}
        try_cast({{ column }} as {{ contract_type(type) }})
    {%- endif -%}
{%- endmacro %}

{#
  `when` branches that name what is wrong with a column. try_cast alone is no check: it rounds '1.00005' and
  '3.7' without a word, so numbers are compared with a wider cast.
#}
{% macro column_checks(column, type, required, allowed) -%}
    {%- if required %}
            when {{ column }} is null then '{{ column }}: missing'
    {%- endif %}
    {%- if type != 'text' %}
            when {{ column }} is not null and {{ typed_column(column, type) }} is null then '{{ column }}: not a {{ type }}'
    {%- endif %}
    {%- if type == 'decimal' %}
            when try_cast({{ column }} as decimal(38, 16)) <> try_cast({{ column }} as decimal(18, 4))
                then '{{ column }}: more than 4 decimals'
    {%- endif %}
    {%- if type == 'integer' %}
            when try_cast({{ column }} as decimal(38, 10)) <> try_cast({{ column }} as bigint)
                then '{{ column }}: not a whole number'
    {%- endif %}
    {%- if allowed %}
            when {{ column }} not in ({{ text_list(allowed) }}) then '{{ column }}: not one of {{ allowed | join(', ') }}'
    {%- endif %}
{%- endmacro %}
