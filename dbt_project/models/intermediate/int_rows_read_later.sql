-- Grain: one row per landed row that was set aside and came again, readable, in a later load; and one (is_part) per
-- landed row with a nested line of which this is so.
{% for entity in contract() %}
select distinct
    set_aside._file as landed_file,
    set_aside._position as position_in_file,
    set_aside._is_derived as is_part
from {{ ref('int_' ~ entity ~ '__rows') }} as set_aside
inner join {{ ref('int_' ~ entity ~ '__rows') }} as later
    on
        set_aside.source_system = later.source_system
        {%- for column in contract(entity).key %}
        and set_aside.{{ column }} = later.{{ column }}
        {%- endfor %}
where
    set_aside._fate = 'quarantined'
    {%- if entity != 'order_lines' %}
    and not set_aside._is_derived
    {%- endif %}
    and later._fate in ('accepted', 'excluded')
    and (
        later._interval > set_aside._interval
        or (later._interval = set_aside._interval and later._generation > set_aside._generation)
    )
{{ 'union all' if not loop.last }}
{%- endfor %}
