{#
  What a build recomputes (docs/decisions.md, incremental builds). `new_files` names the landed files that the tables
  in the warehouse were built without; where it is null, everything is built.
#}
{% macro is_increment() -%}
    {{ return(of_build('new_files') is not none and model.resource_type != 'unit_test' and is_incremental()) }}
{%- endmacro %}

{#
  The keys whose staged rows may differ from those of the build before: rows of new files, and all rows, also those there
  were, of a staging model that makes a row of anything but one landed row. Rows that name no key share the key ''. None
  in a full build, which needs no keys.
#}
{% macro changed_keys(entities, key) -%}
    {%- set selects = [] -%}
    {%- for entity in entities -%}
        {%- for source in var('providers').get(entity, []) if not execute or of_build('new_files') is not none -%}
            {%- set model_name = 'stg_' ~ source ~ '__' ~ entity -%}
            {%- set staged = 'select source_system, ' ~ key_or_none(staged_key(key)) ~ ' as ' ~ key ~ ' from ' -%}
            {%- set built = as_built('intermediate', 'int_' ~ entity ~ '__versions') -%}
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

{# Sources with a staging model that makes a row of anything but one landed row. #}
{% macro not_row_by_row() -%}
    {%- set found = [] -%}
    {%- for entity, sources in var('providers').items() -%}
        {%- for source in sources if 'stg_' ~ source ~ '__' ~ entity not in var('row_by_row') -%}
            {%- do found.append(source) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found | unique | list) }}
{%- endmacro %}

{# The tables of the landed rows of entities that have a column, by entity. #}
{% macro versions_with(column) -%}
    {%- set found = {} -%}
    {%- for entity, spec in contract().items() if column in spec.columns -%}
        {%- do found.update({entity: ref('int_' ~ entity ~ '__versions')}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# A condition: the landed row stands in a file that the tables in the warehouse were built without. #}
{% macro in_new_files() -%}_file in ({{ text_list(of_build('new_files') or []) or "''" }}){%- endmacro %}

{#
  The conditions under which an increment reads staged rows of a source, each for a select of its own; all rows of the
  changed keys. A row that the warehouse has judged before is found by its place in the landing (`landed_before`): place
  numbers are tested while the files are read, which is many times faster than to read every row's key.
#}
{% macro staged_conditions(entity, spec, source) -%}
    {%- if not (spec.changes_with and is_increment()) -%}{{ return(['1 = 1']) }}{%- endif -%}
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
    {%- if is_increment() -%}
    {{ of_keys(relation, columns, expressions) }}
    {%- else -%}
    1 = 1
    {%- endif -%}
{%- endmacro %}

{#
  A condition on the rows of a table: they belong to keys that a relation names, in an incremental build; as only_changed.
  For tables of which many columns are read: the key alone is read first, and then what stands in these rows. DuckDB
  would read all rows where the keys begin alike, as '<source>:...' do, since it then tests a few letters of them only.
#}
{% macro rows_of_changed(table, relation, column) -%}
    {%- if is_increment() -%}
    rowid in (select rowid from {{ table }} where {{ of_keys(relation, [column]) }})
    {%- else -%}
    1 = 1
    {%- endif -%}
{%- endmacro %}

{#
  A condition: the key is one of those in a relation. Of several columns, the last is tested alone before: a single column
  is looked up in the keys while a table is read, several are joined after it.
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

{#
  Continues a model that says what has changed: what it said in a build that was cut off since, which may have made
  some of that again, and which what landed later may have turned back.
#}
{% macro left_pending(columns) -%}
    {%- if execute and model.resource_type != 'unit_test' and model.fqn[1] in of_build('resumed') -%}
        {%- set before = as_built(this.schema, this.name) -%}
        {%- if before %}
    union
    select {{ columns | join(', ') }} from {{ before }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
  What a relation has in some columns and had not when the facts were built, or had and has no more. `condition` leaves
  out rows of both that are known to be equal.
#}
{% macro differs(relation, joined, columns, condition='1 = 1') -%}
    {%- set before = as_built('increment', joined) -%}
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

{#
  Continues a list of changed keys of an entity: those of rows in a foreign currency that a new exchange rate may value,
  from its day on. `rates` has the days.
#}
{% macro valued_by_new_rates(entity, rates) -%}
    {%- set spec = contract(entity) -%}
    {%- set built = as_built('intermediate', 'int_' ~ entity ~ '__versions') -%}
    {%- if built -%}
    union
    select
        source_system,
        {{ key_or_none(spec.key[0]) }} as {{ spec.key[0] }}
    from {{ built }}
    where
        currency <> '{{ var("currency") }}'
        and {{ local_date(spec.time) }} >= (select min(try_cast(rate_date as date)) from {{ rates }})
    {%- endif -%}
{%- endmacro %}

{# In an incremental build, a condition: the row belongs to an order whose facts are rebuilt. #}
{% macro of_changed_order() -%}
    {{ only_changed(
        ref('changed_order_facts'), ['source_system', 'source_order_id'], ['source_system', 'order_id']
    ) }}
{%- endmacro %}
