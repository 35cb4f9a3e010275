{#
  The landed files of a table of this model's source, as one relation with _file, _interval, _position, _op, _cursor. The plan
  fixed the files when the build began. Main files are joined row by row with their siblings of personal columns, which are null
  where a sibling has been erased. The yml of the source names the column that says that a row is deleted, by a time, a word or
  a number, and the cursor. Of whole copies of a table the later is right, and the cursor decides only within one.
#}
{% macro landed(table) -%}
    {%- set source = staged_source() -%}
    {%- set text = contract_type('text') -%}
    {%- set deleted = var('deleted_columns').get(source, {}).get(table) -%}
    {%- set ordered = var('cursors').get(source, {}).get(table) -%}
    {%- set cursor = 'cast(' ~ ('landed_file.' ~ quoted(ordered) if ordered else 'null') ~ ' as ' ~ text ~ ')' -%}
    {%- set plan = namespace(landed={}, personal={}) -%}
    {%- if execute and of_build('plan') -%}
        {%- set plan = fromjson(content_of(of_build('plan'))) -%}
    {%- endif -%}
    {%- set files = (plan.landed.get(source) or {}).get(table) or [] -%}
    {%- set personal = (plan.personal.get(source) or {}).get(table) or {'files': [], 'columns': [], 'in_main': []} -%}
    {%- if execute and not files -%}
        {{ exceptions.raise_compiler_error(
            model.name ~ " reads the table '" ~ table ~ "', of which source '" ~ source ~ "' has landed nothing. "
            ~ "Name it under `tables:` in dags/sources/" ~ source ~ ".yml, or correct the name in the model.") }}
    {%- endif -%}
    (
        select
            landed_file.* {{ left_out(['filename', '_op'] + personal.in_main) }},
            {%- for column in personal.columns %}
            {%- set parts = (['personal_file.' ~ quoted(column)] if personal.files else [])
                + (['landed_file.' ~ quoted(column)] if column in personal.in_main else []) %}
            {{ 'coalesce(' ~ parts | join(', ') ~ ')' if parts else 'cast(null as ' ~ text ~ ')' }} as {{ quoted(column) }},
            {%- endfor %}
            {%- if deleted %}
            case
                when lower(trim(replace(coalesce(cast({{ quoted(deleted) }} as {{ text }}), ''), chr(0), '')))
                    not in ({{ text_list(var('not_deleted')) }})
                    then 'delete'
                else _op
            end as _op,
            {%- else %}
            _op,
            {%- endif %}
            {%- if table in var('snapshots').get(source, []) %}
            concat_ws(' ', landed_file._interval, lpad(cast(landed_file._generation as {{ text }}), 9, '0'), {{ cursor }}) as _cursor,
            {%- else %}
            {{ cursor }} as _cursor,
            {%- endif %}
            '{{ table }}' as _table,
            substr(landed_file.filename, {{ of_build('crm_home') | length + 2 }}) as _file
        from {{ named_files(files) }} as landed_file
        {%- if personal.files %}
        left join
            {{ named_files(personal.files) }} as personal_file
            on
                landed_file._position = personal_file._position
                and replace(landed_file.filename, '.parquet', '.personal.parquet') = personal_file.filename
        {%- endif %}
    )
{%- endmacro %}

{# The rows of Parquet files, with the path of each as `filename`. #}
{% macro named_files(files) -%}{{ return(adapter.dispatch('named_files')(files)) }}{%- endmacro %}
{% macro default__named_files(files) -%}
    read_parquet([{{ text_list(files) }}], union_by_name = true, filename = true)
{%- endmacro %}
{# Of the path, Spark says an address; the files of a table lie in one folder. #}
{% macro spark__named_files(files) -%}
    {%- set folder = ((files | first or '').rsplit('/', 1) | first) ~ '/' -%}
    (select *, {{ text_literal(folder) }} || _metadata.file_name as filename from {{ parquet_files(files) }})
{%- endmacro %}

{# All columns but some, behind `*`. #}
{% macro left_out(columns) -%}{{ return(adapter.dispatch('left_out')(columns)) }}{%- endmacro %}
{% macro default__left_out(columns) -%}
    exclude ({% for column in columns %}{{ quoted(column) }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
{% macro spark__left_out(columns) -%}
    except ({% for column in columns %}{{ quoted(column) }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{#
  A table of this model's source that others join, such as the names of categories (`lookup: true` in the yml): of each key the
  row that landed last. A join to it repeats no row.
#}
{% macro lookup(table) -%}
    {%- set source = staged_source() -%}
    {%- set key = (var('lookups').get(source) or {}).get(table) -%}
    {%- if execute and not key -%}
        {{ exceptions.raise_compiler_error(
            model.name ~ " looks up '" ~ table ~ "', which is no lookup. Write `lookup: true` under that table in dags/sources/"
            ~ source ~ ".yml.") }}
    {%- endif -%}
    {%- set names = [] -%}
    {%- for column in key or ['_position'] -%}{%- do names.append(quoted(column)) -%}{%- endfor -%}
    (
        select *
        from (
            select
                *,
                row_number() over (
                    partition by {{ names | join(', ') }}
                    order by _interval desc, _generation desc, _cursor desc nulls last, _position desc, _file desc
                ) as _recency
            from {{ landed(table) }}
        ) as versions
        where _recency = 1 and _op <> 'delete'
    )
{%- endmacro %}

{# The source of this model, from its name: stg_<source>__<entity> or base_<source>__<what>. #}
{% macro staged_source() -%}
    {{ return(model.name.split('__')[0].split('_', 1)[1]) }}
{%- endmacro %}

{% macro quoted(column) -%}"{{ column | replace('"', '""') }}"{%- endmacro %}

{#
  Map a relation to the contract: every contract column, in its order, null where the source has none.

  columns   contract column: SQL expression
  derived   the rows are grouped from rows that another entity accounts for, so they have no fate of their own
  excluded  reason: SQL condition. Rows for which it holds are left out on purpose, and counted with the first reason that
            holds. Such a row ends its key, as a deletion does, until a newer one brings it back
#}
{% macro stage(entity, relation, columns, derived=false, excluded={}) -%}
    {%- set known = contract(entity).columns -%}
    {%- if derived and excluded -%}
        {{ exceptions.raise_compiler_error(
            model.name ~ ": rows that are derived have no fate, so they cannot be excluded. Leave them out with `where`.") }}
    {%- endif -%}
    {%- for reason, condition in excluded.items() if not (reason | trim and condition | trim) -%}
        {{ exceptions.raise_compiler_error(
            model.name ~ ": `excluded` needs a reason for each condition, as in excluded={'test order': \"status = 'test'\"}.") }}
    {%- endfor -%}
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
    {{ excluded_reason(excluded) if excluded else 'cast(null as ' ~ contract_type('text') ~ ')' }} as _excluded,
    _cursor,
    {{ 'true' if derived else 'false' }} as _is_derived
from {{ relation }}
{%- endmacro %}

{# Why a row is left out on purpose: the first reason whose condition holds; null where none does. #}
{% macro excluded_reason(excluded) -%}
    case
        {%- for reason, condition in excluded.items() %}
        when {{ condition }} then '{{ reason | trim | replace("'", "''") }}'
        {%- endfor %}
    end
{%- endmacro %}

{#
  What to do where the rows of a table that were received and those that have a fate are not the same number: a sentence.
  The dry run says it, too.
#}
{% macro unaccounted(source, table, rows) -%}
    {%- set folder = 'dbt_project/models/staging/' ~ source ~ '/' -%}
    {%- set number = rows | abs -%}
    {%- set named = number ~ (' row' if number == 1 else ' rows') ~ ' of the table ' ~ table ~ ' of source ' ~ source -%}
    {%- if rows > 0 -%}
    {{ named }} {{ 'has' if number == 1 else 'have' }} no fate: no model in {{ folder }} passes {{ 'it' if number == 1 else 'them' }} on. {# -#}
    Declare in stage() what is left out on purpose, in place of a `where` or a join that drops rows: excluded={'test order': "status = 'test'"}.
    {%- else -%}
    {{ named }} {{ 'has' if number == 1 else 'have' }} more than one fate: several models in {{ folder }} pass {{ 'it' if number == 1 else 'them' }} on, {# -#}
    or a join repeats {{ 'it' if number == 1 else 'them' }}. Each landed row is staged once; models whose rows are parts of it say derived=true.
    {%- endif -%}
{%- endmacro %}

{# Where a row comes from and what it does, as a list of columns. #}
{% macro lineage_columns(relation=none, op=none) -%}
    {%- for column in ['_table', '_file', '_interval', '_generation', '_position'] -%}
    {{ relation ~ '.' if relation }}{{ column }}{{ ', ' }}
    {%- endfor -%}
    {{ op ~ ' as _op' if op else (relation ~ '._op' if relation else '_op') }}
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

{# Text such as 1.249,00, 7,95- or 18,90 € as text that can be cast: 1249.00, -7.95, 18.90. Other text, such as 12.50, stays. #}
{% macro decimal_comma(column) -%}
    {%- set plain = plain_number(trimmed('cast(' ~ column ~ ' as ' ~ contract_type('text') ~ ')')) -%}
    case
        when {{ matches(plain, '^[-+]?([0-9]+|[0-9]{1,3}([.][0-9]{3})+)(,[0-9]+)?$') }}
            then replace(replace({{ plain }}, '.', ''), ',', '.')
        else {{ plain }}
    end
{%- endmacro %}
