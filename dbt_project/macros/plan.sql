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
    read_json('{{ of_build("receipts") | replace("'", "''") }}', format = 'newline_delimited', columns = {{ columns }})
{%- endmacro %}
