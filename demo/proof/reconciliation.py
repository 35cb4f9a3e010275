"""Reconciliation: the facts against the generator's own totals, to the row and the cent."""

from decimal import Decimal

import pandas as pd

from demo.proof.row import Row, judged, not_yet
from demo.proof.trial import Trial

EMPTY = "0"
# measure of truth/totals: (tables, SQL of its rows, SQL of its amount)
FACTS: dict[str, tuple[str, str]] = {}

FATES = """
    with delivered as (
        select source_system, table_name, fate, coalesce(reason, '') as reason, sum(rows) as rows
        from truth.fates group by all
    ),

    judged as (
        select source_system, table_name, fate, coalesce(reason, '') as reason, sum(landed_rows) as rows
        from published.ops.row_fates
        group by all
    )

    select
        coalesce(delivered.source_system, judged.source_system) as source_system,
        coalesce(delivered.table_name, judged.table_name) as table_name,
        coalesce(delivered.fate, judged.fate) as fate,
        coalesce(delivered.reason, judged.reason) as reason,
        coalesce(delivered.rows, 0) as planted,
        coalesce(judged.rows, 0) as found
    from delivered full outer join judged using (source_system, table_name, fate, reason)
    order by all
"""
