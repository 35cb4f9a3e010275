"""What a build has less of than the published release, source by source, and what explains it."""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pandas as pd

from pipeline.base.duck import connect, quote_literal
from pipeline.base.files import DamagedError
from pipeline.base.settings import Settings
from pipeline.build.plan import Plan
from pipeline.serving import ledger
from pipeline.serving.releases import DATABASE, MANIFEST, attach_read_only, has_facts, read_manifest, read_tables

COMPARED = "compared_with_published"
# One of three is no collapse: a fall of fewer rows, or of fewer orders, is none.
LEAST_ROWS = 10
# Rows of these are made of other facts' rows, so that their number moves with customers and shares.
DERIVED = {"core.fct_customer_month", "core.fct_cost_allocation"}
COLUMNS = {"source_system": "varchar", "measure": "varchar", "cause": "varchar", "fewer_rows": "int", "fall": "double"}


def compare_with_published(connection: duckdb.DuckDBPyConnection, settings: Settings, plan: Plan) -> None:
    """Compare the warehouse with the published release, in a temporary table for `collapse_frame`.

    Of facts the rows of each source that is in both are compared, and the net sales of orders. Nothing is compared when
    nothing is published.
    """
    folder = (settings.serving / "current").resolve()
    if not _can_be_compared(folder):
        return
    attach_read_only(connection, folder / DATABASE, "published")
    before, now = (
        {table.full_name for table in read_tables(connection, name) if "source_system" in table.columns}
        for name in ("published", "warehouse")
    )
    facts = sorted(name for name in before & now if name.startswith("core.fct_") and name not in DERIVED)
    everything = _cause_of_all(connection, settings, plan)
    causes = " ".join(
        f"when {quote_literal(source)} then 'a load that a person accepted'" for source in _accepted(connection, plan)
    )
    cause = quote_literal(everything) if everything else f"case source_system {causes} when '' then '' end"
    connection.execute(
        f"create temp table {COMPARED} as select source_system, measure, fewer_rows, fall, {cause} as cause from ("
        f"{' union all '.join([*map(_rows, facts), NET_SALES])})"
    )


def _can_be_compared(folder: Path) -> bool:
    """Whether there is a release with facts. One that is damaged is about to be written again."""
    try:
        if not (folder / MANIFEST).is_file() or not has_facts(read_manifest(folder)):
            return False
        connect(folder / DATABASE, read_only=True).close()
    except (DamagedError, duckdb.Error):
        return False
    return True


def _rows(fact: str) -> str:
    """SQL: how many rows fewer a fact has of each source."""
    return f"""
select source_system, '{fact}' as measure, before - coalesce(now, 0) as fewer_rows, fewer_rows / before as fall
from (select source_system, count(*) as before from published.{fact} group by source_system)
left join (select source_system, count(*) as now from warehouse.{fact} group by source_system) using (source_system)
"""


# How many orders have less net sales than before, or are gone, where all of a source's have less.
NET_SALES = """
select source_system, 'net sales' as measure, fewer_rows, (before - now) / before as fall
from (
    select
        before.source_system,
        sum(before.net_sales) as before,
        sum(coalesce(now.net_sales, 0)) as now,
        count(*) filter (coalesce(now.net_sales, 0) < before.net_sales) as fewer_rows
    from published.core.fct_order as before
    left join warehouse.core.fct_order as now on before.order_id = now.order_id
    group by before.source_system
) as sales
where before > 0
"""


def _cause_of_all(connection: duckdb.DuckDBPyConnection, settings: Settings, plan: Plan) -> str | None:
    """What explains any difference: other code or settings, or a person who has accepted this release."""
    if ledger.is_accepted(settings, plan.release_id):
        return "a person has accepted the release"
    ((code, currency, zone),) = connection.execute(
        "select code_version, currency, time_zone from published.marts.release"
    ).fetchall()
    if code != plan.code_version:
        return "other code"
    return "other settings" if (currency, zone) != (plan.currency, plan.time_zone) else None


def _accepted(connection: duckdb.DuckDBPyConnection, plan: Plan) -> Iterable[str]:
    """Sources with a load that a person has accepted since."""
    loads = 'select source, table_name, "interval", content_hash from published.ops.load_receipts'
    known = set(connection.execute(loads).fetchall())
    keys = ("source", "table", "interval", "content_hash")
    accepted = [receipt for receipt in plan.receipts if receipt.get("held_because")]
    return sorted({r["source"] for r in accepted if tuple(r[key] for key in keys) not in known})


def collapse_frame(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row per source and measure that were compared: by what share it fell, if by enough rows to speak of."""
    there = connection.execute("select 1 from duckdb_tables() where table_name = $1", [COMPARED]).fetchall()
    empty = ", ".join(f"null::{kind} as {name}" for name, kind in COLUMNS.items())
    relation = COMPARED if there else f"(select {empty} limit 0)"
    return connection.execute(
        f"select getvariable('release_id') as release_id, source_system, measure, cause, "
        f"case when cause is null and fewer_rows >= {LEAST_ROWS} then fall else 0 end as unexplained_fall, "
        f"case when cause is not null and fewer_rows >= {LEAST_ROWS} then fall else 0 end as explained_fall "
        f"from {relation}"
    ).df()
