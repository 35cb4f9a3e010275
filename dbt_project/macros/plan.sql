{# The receipts of the loads that this build reads, from its plan. #}
{% macro planned_receipts() -%}
    {%- set columns = {
        'source': 'varchar', 'table': 'varchar', 'interval': 'varchar', 'interval_start': 'varchar', 'interval_end': 'varchar',
        'file': 'varchar', 'load': 'varchar', 'content_hash': 'varchar', 'received': 'bigint', 'unreadable': 'bigint',
        'seconds': 'double', 'bytes': 'bigint', 'generation': 'bigint', 'is_first_reading': 'boolean',
        'has_history': 'boolean', 'unchanged': 'bigint', 'deleted': 'bigint', 'is_scanned': 'boolean',
        'new_columns': 'varchar[]', 'last_event_at': 'varchar', 'reading': 'bigint', 'known_end': 'varchar',
        'read_at': 'varchar',
    } -%}
    {{ json_lines(of_build('receipts'), columns) }}
{%- endmacro %}

{# The objects of a file, one a line, as rows with the columns that are named, {name: type}. #}
{% macro json_lines(file, columns) -%}{{ return(adapter.dispatch('json_lines')(file, columns)) }}{%- endmacro %}
{% macro default__json_lines(file, columns) -%}
    read_json({{ text_literal(file) }}, format = 'newline_delimited', columns = {{ columns }})
{%- endmacro %}
{% macro spark__json_lines(file, columns) -%}
    {%- set fields = [] -%}
    {%- for name, type in columns.items() -%}
        {%- do fields.append('`' ~ name ~ '` ' ~ type.replace('varchar[]', 'array<string>').replace('varchar', 'string')) -%}
    {%- endfor -%}
    (
        select line.*
        from (select from_json(value, '{{ fields | join(', ') }}') as line from text.{{ quoted_path([file]) }}) as lines
    )
{%- endmacro %}
