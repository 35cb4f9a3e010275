{#
  Documents: an order that is delivered with all of its lines (docs/decisions.md, "Documents"). A line is gone when a
  newer document of its order came without it. There are two kinds:

  nested    the lines are parts of the landed row of their order (`derived=true`), as in JSON
  whole     each load that has an order has all of its lines, as the yml of their table says (`whole_orders`)

  `_sequence` numbers the documents of an order from the oldest on. Those of one load with one cursor share a number:
  nothing says which is the newer, so none takes away what the other has.
#}

{# Whether rows of another entity may be parts of this one's. #}
{% macro has_parts(entity) -%}
    {%- set found = [] -%}
    {%- for spec in contract().values() if entity in spec.get('parents', {}) -%}{%- do found.append(true) -%}{%- endfor -%}
    {{ return(found | length > 0) }}
{%- endmacro %}

{# Why a row falls with the row of its parent: the parent's own reason stands in brackets. #}
{% macro fallen_with(parent, column, reason) -%}
    '{{ column }}: not among the accepted {{ parent }}' || coalesce(' (' || {{ reason }} || ')', '')
{%- endmacro %}

{# Joins `typed` to the rows of a parent that were set aside: the newest of the key, and the one that it is a part of. #}
{% macro set_aside_with(spec, parent, column) -%}
    {%- set versions = ref('int_' ~ parent ~ '__versions') -%}
    {%- set only = only_changed(ref(spec.changes_with[0]), ['source_system', spec.changes_with[1]]) -%}
    left join (
        select
            source_system,
            {{ column }},
            max_by(_reason, concat_ws(' ', _interval, {{ padded('_generation') }}, {{ padded('_position') }}, _file)) as reason
        from {{ versions }}
        where _fate = 'quarantined' and {{ only }}
        group by source_system, {{ column }}
    ) as {{ parent }}_set_aside
        on
            typed.source_system = {{ parent }}_set_aside.source_system
            and typed.{{ column }} = {{ parent }}_set_aside.{{ column }}
    left join (
        select
            {{ column }},
            _file,
            _position,
            min(_reason) as _reason
        from {{ versions }}
        where _fate = 'quarantined' and not _is_derived and {{ only }}
        group by {{ column }}, _file, _position
    ) as {{ parent }}_row
        on
            typed._is_derived
            and typed.{{ column }} = {{ parent }}_row.{{ column }}
            and typed._file = {{ parent }}_row._file
            and typed._position = {{ parent }}_row._position
{%- endmacro %}

{# A number as text that sorts. #}
{% macro padded(number) -%}lpad(cast({{ number }} as {{ contract_type('text') }}), 18, '0'){%- endmacro %}

{#
  CTEs that end with `gone`: the keys of rows that the newest document of their parent does not have. A row that was set
  aside, and says which it is, is named by its document. Where one does not say it, the document may have any row: it
  takes nothing away.
#}
{% macro rows_gone(spec) -%}
{%- set parent, column = (spec.parents.items() | list)[0] -%}
{%- set key = (['source_system'] + spec.key) | join(', ') -%}
{%- set bad_key = [] -%}
{%- for name in spec.key -%}{%- do bad_key.append("_column_reason like '" ~ name ~ ":%'") -%}{%- endfor -%}
-- Parts of documents: what each of them names.
parts as (
    select
        {{ key }},
        {{ lineage_columns() }},
        _cursor,
        _zone,
        _is_derived,
        coalesce({{ bad_key | join(' or ') }}, false) as is_nameless
    from checked
    where
        {{ column }} is not null
        and (_is_derived{% for source, tables in var('whole_orders').items() %} or (
            source_system = '{{ source }}' and _table in ({{ text_list(tables) }})
        ){% endfor %})
),

nested_documents as (
    select
        source_system,
        {{ column }},
        _table,
        _file,
        _position,
        _sequence
    from {{ ref('int_' ~ parent ~ '__versions') }}
    where
        _fate <> 'quarantined'
        and not _is_derived
        and {{ only_changed(ref(spec.changes_with[0]), ['source_system', spec.changes_with[1]]) }}
        and (source_system, {{ column }}, _table) in (
            select source_system, {{ column }}, _table from parts where _is_derived
        )
),

placed_parts as (
    select
        *,
        {{ utc_timestamp('_cursor', '_zone') }} as _cursor_at,
        try_cast(_cursor as decimal(38, 9)) as _cursor_number
    from parts
    where not _is_derived
),

whole_loads as (
    select
        parts.source_system,
        parts.{{ column }},
        parts._table,
        parts._file,
        parts._interval,
        parts._generation,
        max(loads._reading) as _reading,
        max(parts._cursor_at) as _cursor_at,
        max(parts._cursor_number) as _cursor_number,
        max(case when parts._cursor_at is null and parts._cursor_number is null then parts._cursor end) as _cursor_text
    from placed_parts as parts
    left join loads on parts._file = loads._file
    group by
        parts.source_system, parts.{{ column }}, parts._table, parts._file, parts._interval, parts._generation
),

whole_documents as (
    select
        *,
        rank() over (
            partition by source_system, {{ column }}, _table
            order by
                _reading nulls first, _cursor_at nulls first, _cursor_number nulls first, _cursor_text nulls first,
                _interval, _generation
        ) as _sequence
    from whole_loads
),

readings as (
    select
        parts.*,
        nested_documents._sequence
    from parts
    inner join nested_documents using (source_system, {{ column }}, _table, _file, _position)
    where parts._is_derived
    union all
    select
        parts.*,
        whole_documents._sequence
    from parts
    inner join whole_documents using (source_system, {{ column }}, _table, _file)
    where not parts._is_derived
),

documents as (
    select source_system, {{ column }}, _table, _sequence from nested_documents
    union all
    select source_system, {{ column }}, _table, _sequence from whole_documents
),

newest_documents as (
    select
        source_system,
        {{ column }},
        _table,
        max(_sequence) as _sequence
    from documents
    where
        (source_system, {{ column }}, _table, _sequence) not in (
            select source_system, {{ column }}, _table, _sequence from readings where is_nameless
        )
    group by source_system, {{ column }}, _table
),

gone as (
    select
        {{ key }},
        _table
    from readings
    inner join newest_documents using (source_system, {{ column }}, _table)
    where not readings.is_nameless
    group by {{ key }}, _table
    having max(readings._sequence) < max(newest_documents._sequence)
)
{%- endmacro %}
