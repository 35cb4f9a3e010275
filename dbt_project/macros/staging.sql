{#
  The landed files of a table of this model's source, as one relation with _file, _interval, _position, _op, _cursor.
#}
{% macro landed(table) -%}
    {%- set source = staged_source() -%}
    {%- set plan = landed_files() -%}
    {%- set files = (plan.landed.get(source) or {}).get(table) if plan -%}
    {%- set personal = (plan.personal.get(source) or {}).get(table) if plan -%}
    {%- if execute and not files -%}
        {{ exceptions.raise_compiler_error(
            model.name ~ " reads the table '" ~ table ~ "', of which source '" ~ source ~ "' has landed nothing. "
            ~ "Name it under `tables:` in dags/sources/" ~ source ~ ".yml, or correct the name in the model.") }}
    {%- endif -%}
    {{ read_landed(source, table, files or [], personal or {'files': [], 'columns': [], 'in_main': []}) }}
{%- endmacro %}

{# The source of this model, from its name: stg_<source>__<entity> or base_<source>__<what>. #}
{% macro staged_source() -%}
    {{ return(model.name.split('__')[0].split('_', 1)[1]) }}
{%- endmacro %}

{# The files that this build reads, fixed in the plan when the build began: its keys `landed` and `personal`. #}
{% macro landed_files() -%}
    {%- if not execute or not of_build('plan') -%}{{ return({}) }}{%- endif -%}
    {%- set text = run_query("select content from read_text('" ~ of_build('plan') | replace("'", "''") ~ "')").columns[0].values()[0] -%}
    {{ return(fromjson(text)) }}
{%- endmacro %}

{#
  Main files, joined row by row with their siblings of personal columns. Where a sibling has been erased, these are null.
#}
{% macro read_landed(source, table, files, personal) -%}
    (
        select
            landed_file.* exclude (filename, _op
                {%- for column in personal.in_main %}, {{ quoted(column) }}{% endfor %}),
            {%- for column in personal.columns %}
            {%- set parts = (['personal_file.' ~ quoted(column)] if personal.files else [])
                + (['landed_file.' ~ quoted(column)] if column in personal.in_main else []) %}
            {{ 'coalesce(' ~ parts | join(', ') ~ ')' if parts else 'cast(null as ' ~ contract_type('text') ~ ')' }} as {{ quoted(column) }},
            {%- endfor %}
            {{ landed_op(var('deleted_columns').get(source, {}).get(table)) }} as _op,
            {{ landed_cursor(var('cursors').get(source, {}).get(table), table in var('snapshots').get(source, [])) }} as _cursor,
            '{{ table }}' as _table,
            substr(landed_file.filename, {{ of_build('crm_home') | length + 2 }}) as _file
        from read_parquet([{{ text_list(files) }}], union_by_name = true, filename = true) as landed_file
        {%- if personal.files %}
        left join
            read_parquet([{{ text_list(personal.files) }}], union_by_name = true, filename = true) as personal_file
            on
                landed_file._position = personal_file._position
                and replace(landed_file.filename, '.parquet', '.personal.parquet') = personal_file.filename
        {%- endif %}
    )
{%- endmacro %}

{#
  What a landed row does: 'delete' where the column that the yml names under `deleted` says so. It says so with a time,
  a word or a number; the words by which it says that the row is there are those that the landing knows, too.
#}
{% macro landed_op(column) -%}
    {%- if column -%}
    case
                when lower(trim(replace(coalesce(cast({{ quoted(column) }} as {{ contract_type('text') }}), ''), chr(0), '')))
                    not in ({{ text_list(var('not_deleted')) }})
                    then 'delete'
                else _op
            end
    {%- else -%}_op{%- endif -%}
{%- endmacro %}

{#
  The column that the yml names under `cursor`, as text; null where there is none. Where whole copies of a table follow
  each other, the later copy is right, and the cursor decides only within one.
#}
{% macro landed_cursor(column, is_snapshot) -%}
    {%- set cursor = 'cast(landed_file.' ~ quoted(column) ~ ' as ' ~ contract_type('text') ~ ')' if column -%}
    {%- if is_snapshot -%}
    concat_ws(' ', landed_file._interval, lpad(cast(landed_file._generation as {{ contract_type('text') }}), 9, '0'){{ ', ' ~ cursor if column }})
    {%- else -%}
    {{ cursor or 'cast(null as ' ~ contract_type('text') ~ ')' }}
    {%- endif -%}
{%- endmacro %}

{% macro quoted(column) -%}"{{ column | replace('"', '""') }}"{%- endmacro %}

{#
  Map a relation to the contract: every contract column, in its order, null where the source has none.

  columns   contract column: SQL expression
  derived   the rows are grouped from rows that another entity accounts for, so they have no fate of their own
#}
{% macro stage(entity, relation, columns, derived=false) -%}
    {%- set known = contract(entity).columns -%}
    {%- for column in columns if column not in known -%}
        {{ exceptions.raise_compiler_error(
            model.name ~ ": '" ~ column ~ "' is no column of the entity " ~ entity ~ ". It has: " ~ known.keys() | join(', ')) }}
    {%- endfor %}
select
    '{{ staged_source() }}' as source_system,
    {%- for column in known %}
    {{ columns[column] if column in columns else 'null' }} as {{ column }},
    {%- endfor %}
    {{ lineage_columns() }},
    _cursor,
    {{ 'true' if derived else 'false' }} as _is_derived
from {{ relation }}
{%- endmacro %}

{# Where a row comes from and what it does, as a list of columns. #}
{% macro lineage_columns(relation=none) -%}
    {%- for column in ['_table', '_file', '_interval', '_generation', '_position', '_op'] -%}
    {{ relation ~ '.' if relation }}{{ column }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Lineage of a row that is grouped from several landed rows. It is deleted when all of them are. #}
{% macro lineage_of_group() -%}
    min(_table) as _table,
        min(_file) as _file,
        min(_interval) as _interval,
        min(_generation) as _generation,
        min(_position) as _position,
        max(_op) as _op,
        max(_cursor) as _cursor
{%- endmacro %}

{# Number of a row among the rows with equal columns: 1, 2, … Equal rows are interchangeable, so row order does not matter. #}
{% macro occurrence(columns) -%}
    row_number() over (partition by {{ columns | join(', ') }} order by _interval, _generation, _position)
{%- endmacro %}

{# Key of a row that has none: its content and its number among equal rows. #}
{% macro occurrence_key(columns) -%}
    {{ content_hash(columns + [occurrence(columns)]) }}
{%- endmacro %}

{# Hash of some values: each with its length, so that ('a|', 'b') and ('a', '|b') differ. #}
{% macro content_hash(columns) -%}
    md5(concat_ws('|'
    {%- for column in columns %}
    {%- set text = 'cast(' ~ column ~ ' as ' ~ contract_type('text') ~ ')' -%}
    , coalesce(length({{ text }}) || ':' || {{ text }}, '-')
    {%- endfor %}))
{%- endmacro %}

{#
  Text such as 1.249,00, 7,95- or 18,90 € as text that can be cast: 1249.00, -7.95, 18.90. Other text passes as it is, so that what is
  no number is quarantined with its reason and a number such as 12.50 does not become 1250.
#}
{% macro decimal_comma(column) -%}
    {%- set plain = plain_number("trim(cast(" ~ column ~ " as " ~ contract_type('text') ~ "))") -%}
    case
        when regexp_matches({{ plain }}, '^[-+]?([0-9]+|[0-9]{1,3}([.][0-9]{3})+)(,[0-9]+)?$')
            then replace(replace({{ plain }}, '.', ''), ',', '.')
        else {{ plain }}
    end
{%- endmacro %}
