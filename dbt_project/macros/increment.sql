{# What a build recomputes (docs/decisions.md, "Incremental builds"). Where `new_files` is null, everything is built. #}
{% macro replaces_changed_keys() -%}
    {{ return(of_build('new_files') is not none and model.resource_type != 'unit_test' and is_incremental()) }}
{%- endmacro %}

{# dbt's incremental strategy replace_changed_keys: rows of the keys that `meta.changed_in` names are replaced, also by none. #}
{% macro get_incremental_replace_changed_keys_sql(arguments) -%}
    {%- set changed = ref(config.get('meta')['changed_in']) -%}
    {%- set key = arguments.unique_key -%}
    delete from {{ arguments.target_relation }} where {{ of_keys(changed, key) }};
    delete from {{ arguments.target_relation }} where {{ of_no_key(changed, key) }};
    insert into {{ arguments.target_relation }} by name from {{ arguments.temp_relation }};
{%- endmacro %}

{#
  The keys whose staged rows may differ from those of the build before: of rows of new files, and of all rows, also those there
  were, of a staging model that makes a row of anything but one landed row. None in a full build, which needs no keys.
#}
{% macro changed_keys(entities, key) -%}
    {%- set selects = [] -%}
    {%- for entity in entities -%}
        {%- for source in var('providers').get(entity, []) if not execute or of_build('new_files') is not none -%}
            {%- set model_name = 'stg_' ~ source ~ '__' ~ entity -%}
            {%- set staged = 'select source_system, ' ~ key_or_none(staged_key(key)) ~ ' as ' ~ key ~ ' from ' -%}
            {%- set built = as_built('intermediate', 'int_' ~ entity ~ '__rows') -%}
            {%- if model_name in var('row_by_row') -%}
                {%- do selects.append(staged ~ ref(model_name) ~ ' where ' ~ in_new_files()) -%}
            {%- else -%}
                {%- do selects.append(staged ~ ref(model_name)) -%}
                {%- if built -%}
                    {%- do selects.append(staged ~ built ~ " where source_system = '" ~ source ~ "'") -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ selects | join('\n    union\n    ') or "select '' as source_system, '' as " ~ key ~ ' where 1 = 0' }}
{%- endmacro %}

{# A condition: the landed row stands in a file that the tables in the warehouse were built without. #}
{% macro in_new_files() -%}_file in ({{ text_list(of_build('new_files') or []) or "''" }}){%- endmacro %}

{#
  The conditions under which an increment reads the staged rows of the changed keys, each for a select of its own. A row that
  was judged before is found by its place in the landing, which is tested while the files are read: many times faster than its key.
#}
{% macro staged_conditions(entity, spec, source) -%}
    {%- if not (spec.changes_with and replaces_changed_keys()) -%}{{ return(['1 = 1']) }}{%- endif -%}
    {%- set changed, key = spec.changes_with -%}
    {%- if 'stg_' ~ source ~ '__' ~ entity not in var('row_by_row') -%}
        {{ return([only_changed(ref(changed), ['source_system', key], ['source_system', key_or_none(staged_key(key))])]) }}
    {%- endif -%}
    {{ return([
        in_new_files(),
        '_position in (select _position from landed_before) and (_file, _position) in (select _file, _position from landed_before)',
    ]) }}
{%- endmacro %}

{# Where the rows of the changed keys stand in the files that were read before. #}
{% macro landed_before(changed, key) -%}
    {%- for rows in [of_keys(changed, ['source_system', key]), of_no_key(changed, ['source_system', key])] %}
    select
        _file,
        _position
    from {{ this }}
    where
        {{ rows }}
        and not {{ in_new_files() }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# A key column that may name none, as a value that compares. No key is '': `conform` reads that as null. #}
{% macro key_or_none(column) -%}coalesce({{ column }}, ''){%- endmacro %}

{# In an incremental build, a condition: the row belongs to one of the keys that a relation names. #}
{% macro only_changed(relation, columns, expressions=none) -%}
    {%- if replaces_changed_keys() -%}
    {{ of_keys(relation, columns, expressions) }}
    {%- else -%}
    1 = 1
    {%- endif -%}
{%- endmacro %}

{#
  As only_changed, for tables of which many columns are read: the key alone is read first, and then these rows. DuckDB would
  read all rows where the keys begin alike, as '<source>:...' do, since it then tests a few letters of them only.
#}
{% macro rows_of_changed(table, relation, column) -%}
    {%- if replaces_changed_keys() -%}
    rowid in (select rowid from {{ table }} where {{ of_keys(relation, [column]) }})
    {%- else -%}
    1 = 1
    {%- endif -%}
{%- endmacro %}

{#
  A condition: the key is one of those in a relation. Of several columns, the last is tested alone before: one column is
  looked up while a table is read, several are joined after it.
#}
{% macro of_keys(relation, columns, expressions=none) -%}
    {%- set own = expressions or columns -%}
    {%- if columns | length > 1 -%}
    {{ own | last }} in (select {{ columns | last }} from {{ relation }}) and {% endif -%}
    ({{ own | join(', ') }}) in (select {{ columns | join(', ') }} from {{ relation }})
{%- endmacro %}

{# A condition: the row has no key, and the rows without one are among the keys in a relation. #}
{% macro of_no_key(relation, columns) -%}
    {%- set own = [] -%}
    {%- for column in columns -%}{%- do own.append(key_or_none(column)) -%}{%- endfor -%}
    {{ columns | last }} is null and ({{ own | join(', ') }}) in (select {{ columns | join(', ') }} from {{ relation }})
{%- endmacro %}

{# A table of the build before, read by its name, since it is written after the model that asks; none in a full build. #}
{% macro as_built(schema, name) -%}
    {%- if execute and of_build('new_files') is not none and model.resource_type != 'unit_test' -%}
        {{ return(adapter.get_relation(this.database, schema, name)) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{# Continues a model that says what has changed: what it said in a build that was cut off since, which may have made some of it. #}
{% macro left_pending(columns) -%}
    {%- if execute and model.resource_type != 'unit_test' and model.fqn[1] in of_build('resumed') -%}
        {%- set before = as_built(this.schema, this.name) -%}
        {%- if before %}
    union
    select {{ columns | join(', ') }} from {{ before }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# What a relation has in some columns and had not when the facts were built, or had and has no more, of rows with a condition. #}
{% macro differs(relation, joined, columns, condition='1 = 1') -%}
    {%- set before = as_built('change_tracking', joined) -%}
    {%- if before -%}
    {%- set now_rows = 'select ' ~ columns | join(', ') ~ ' from ' ~ relation ~ ' where ' ~ condition -%}
    {%- set rows_before = 'select ' ~ columns | join(', ') ~ ' from ' ~ before ~ ' where ' ~ condition -%}
    ({{ now_rows }} except {{ rows_before }})
        union
        ({{ rows_before }} except {{ now_rows }})
    {%- else -%}
    select {{ columns | join(', ') }} from {{ relation }} where 1 = 0
    {%- endif -%}
{%- endmacro %}
