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
    read_json(
        '{{ of_build("receipts") | replace("'", "''") }}', format = 'newline_delimited', columns = {{ columns }}
    )
{%- endmacro %}

{# The hours that the source files allow a source to lie behind the others; null where they say nothing. #}
{% macro fresh_within_hours(source) -%}
    case {{ source }}
        {%- for name, hours in var('fresh_within_hours').items() %} when '{{ name }}' then {{ hours }}{% endfor %} when '' then null end
{%- endmacro %}
