-- Grain: one row per load that the release was built from.
select
    source,
    table_name,
    "interval",
    received - accepted - quarantined - duplicates as unaccounted,
    quarantined / greatest(received, 1) as quarantined_share
from ops.load_receipts
