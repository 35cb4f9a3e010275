{{ config(materialized='view') }}

-- Grain: one row per landed row. Entities that are grouped from other rows (_is_derived) account for none.
{% for entity in contract() %}
select
    source_system,
    _table as table_name,
    _file as landed_file,
    _position as position_in_file,
    '{{ entity }}' as entity,
    _fate as fate,
    _reason as reason
from {{ ref('int_' ~ entity ~ '__rows') }}
where not _is_derived
{{ 'union all' if not loop.last }}
{%- endfor %}
