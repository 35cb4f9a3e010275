-- Grain: one row per quarantined landed row. It says where the row stands and why, never what is in it.
select
    source_system,
    table_name,
    landed_file,
    position_in_file,
    entity,
    reason
from {{ ref('int_row_fates') }}
where fate = 'quarantined'
