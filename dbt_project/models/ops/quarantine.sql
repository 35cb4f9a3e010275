-- Grain: one row per quarantined landed row, and per reason for which lines that are parts of an accepted landed row
-- (nested in the document of their order) were set aside. It says where the row stands and why, never what is in it.
with quarantined as (
    select
        source_system,
        table_name,
        landed_file,
        position_in_file,
        entity,
        reason
    from {{ ref('int_row_fates') }}
    where fate = 'quarantined'
),

nested_lines as (
    select distinct
        source_system,
        _table as table_name,
        _file as landed_file,
        _position as position_in_file,
        'order_lines' as entity,
        _reason as reason
    from {{ ref('int_order_lines__rows') }}
    where _is_derived and _fate = 'quarantined'
)

select * from quarantined
union all
select nested_lines.*
from nested_lines
left join quarantined
    on
        nested_lines.landed_file = quarantined.landed_file
        and nested_lines.position_in_file = quarantined.position_in_file
where quarantined.landed_file is null
