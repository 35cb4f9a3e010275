-- Grain: one row per (source, table) that this build reads. is_late is null-free: no limit, never late.
select
    source,
    table_name,
    hours_behind,
    is_late
from ops.source_freshness
