-- Grain: one row per load that the release was built from. A single bad row, rows that came again readable, and a load
-- that somebody has accepted (`make accept LOAD=`), stop nothing.
with loads as (
    select
        source || '.' || table_name || '.' || "interval" as load,
        received,
        received - accepted - quarantined - duplicates - excluded as unaccounted,
        quarantined - read_later as set_aside
    from ops.load_receipts
)

select
    load,
    unaccounted,
    set_aside / greatest(received, 1) as quarantined_share,
    set_aside > 1
    and set_aside > 0.5 * received
    and not list_contains(getvariable('accepted_loads'), load) as is_mostly_bad
from loads
