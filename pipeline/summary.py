"""The end of `make run`: what is published, in figures that a person can read and check."""

import datetime as dt
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipeline.releases import current_release, open_release
from pipeline.settings import Settings

SEGMENTS_SHOWN = 6
BAR_WIDTH = 24
Row = tuple[str, str, str]


def print_summary(settings: Settings, console: Console, *, is_new: bool) -> None:
    """Print the published release.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    console
        Where to.
    is_new
        Whether this run published it; otherwise the summary says that nothing has changed.

    Raises
    ------
    UserError
        Nothing is published.
    """
    folder = current_release(settings)
    with open_release(folder) as release:
        identity = _one(release, "select release_id, sources, currency, as_of_date, checks_passed from marts.release")
        release_id, sources, currency, as_of, checks = identity
        console.print()
        console.rule(style="dim")
        if not is_new:
            console.print(Text(f"Nothing has changed since release {release_id}: it stays as it is.\n", style="bold"))
        title = Text(f"Perennial {release_id}", style="bold green")
        console.print(title.append(f"  {sources}, as of {as_of}, {checks} checks passed", style="default"))
        _print_rows(console, [*loads(release), *business(release, currency)])
        _print_segments(console, segments(release))
        _print_lines(console, "Models against their baselines", decisions(release))
    _print_lines(console, "Files", files(settings))
    _print_lines(console, "Next", [f"{query(settings)}\n", "make up            Airflow's web UI and the schedule"])


def _one(release: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    return release.execute(sql).fetchall()[0]


def loads(release: duckdb.DuckDBPyConnection) -> list[Row]:
    """Rows in, and what became of those that were not accepted."""
    tables, received, quarantined, duplicates = _one(
        release,
        "select count(distinct (source, table_name)), sum(received), sum(quarantined), sum(duplicates)"
        " from ops.load_receipts",
    )
    return [
        ("Rows in", number(received), f"from {tables} {'table' if tables == 1 else 'tables'}"),
        ("  quarantined", number(quarantined), "ops.quarantine says why" if quarantined else ""),
        ("  duplicates", number(duplicates), ""),
    ]


def business(release: duckdb.DuckDBPyConnection, currency: str) -> list[Row]:
    """Customers, orders, sales, refunds and equity. What is not known is said, not shown as zero."""
    customers, truncated = _one(
        release, "select count(*), count(*) filter (is_left_truncated) from marts.customer_360 where orders > 0"
    )
    orders, first, last, sales = _one(
        release,
        "select count(*) filter (is_purchase), min(order_date), max(order_date), sum(net_sales) from core.fct_order",
    )
    returns, refunds = _one(release, "select count(*), sum(refund_amount) from core.fct_return")
    older = f"{number(truncated)} of them perhaps older than the data" if truncated else ""
    rows = [
        ("Customers", number(customers), older),
        ("Orders", number(orders), f"{day(first)} to {day(last)}"),
        ("Net sales", money(sales), currency),
    ]
    if returns:
        rows.append(("Refunds", money(refunds), f"{currency}, {number(returns)} return lines"))
    return [*rows, equity(release, currency)]


def equity(release: duckdb.DuckDBPyConnection, currency: str) -> Row:
    """Future value of the existing customers, or why there is none."""
    total, horizon, rate, reason, basis = _one(
        release,
        "select sum(clv_future), max(horizon_days), max(annual_discount_rate), min(unavailable_reason),"
        " min(value_basis) from marts.customer_clv",
    )
    if total is None:
        return ("Customer equity", "unknown", str(reason or ""))
    basis_text = "net sales; no costs known" if basis == "net_sales" else "margin"
    return ("Customer equity", money(total), f"{currency}, next {horizon} days at {rate:.0%} a year ({basis_text})")


def segments(release: duckdb.DuckDBPyConnection) -> list[tuple[str, int, float | None]]:
    """The segments with the largest shares of net sales: name, customers, share."""
    return release.execute(
        "select segment_name, customers, net_sales_share from marts.segment_profile"
        " order by net_sales_share desc nulls last, segment_name limit $1",
        [SEGMENTS_SHOWN],
    ).fetchall()


def decisions(release: duckdb.DuckDBPyConnection) -> list[str]:
    """One sentence per model of this release: by how much it wins, or that it is not published."""
    rows = release.execute("select distinct job, decision from marts.model_runs order by job, decision").fetchall()
    return [f"{job}: {decision}" for job, decision in rows] or ["No model could be trained on these data."]


def files(settings: Settings) -> list[str]:
    """Where the results are."""
    listed = [
        ("serving/current/perennial.duckdb", "the tables for BI, read-only: schemas core, marts, ops"),
        ("serving/current/parquet/", "the same tables as Parquet"),
        ("serving/current/contacts.duckdb", "ids of the source systems, for the owner only"),
        ("serving/current/overview.png", "the release in one picture"),
    ]
    listed += [(f"lists/{path.name}", "campaign list") for path in sorted(settings.lists.glob("*.csv"))]
    shown = [(short(settings.home / name), text) for name, text in listed if (settings.home / name).exists()]
    width = max((len(name) for name, _ in shown), default=0)
    return [f"{name:<{width}}  {text}" for name, text in shown]


def query(settings: Settings) -> str:
    """A line to paste into a shell: the customers whose leaving would cost most."""
    database = short(settings.serving / "current" / "perennial.duckdb")
    sql = (
        "select customer_id, segment_name, orders, net_sales, clv_future, churn_probability "
        "from marts.customer_360 order by clv_future desc nulls last, net_sales desc limit 10"
    )
    return f"{short(Path(os.sys.executable))} -c \"import duckdb; duckdb.connect('{database}', read_only=True).sql('{sql}').show()\""


def short(path: Path) -> str:
    """A path as one would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def number(value: int | Decimal | None) -> str:
    """1,234."""
    return "unknown" if value is None else f"{int(value):,}"


def money(value: Decimal | None) -> str:
    """1,234.50: to the cent."""
    return "unknown" if value is None else f"{value:,.2f}"


def day(date: dt.date | None) -> str:
    """ISO date."""
    return "?" if date is None else date.isoformat()


def _print_rows(console: Console, rows: Sequence[Row]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right", style="bold")
    table.add_column(style="dim")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(Padding(table, (1, 0, 0, 2)))


def _print_segments(console: Console, rows: Sequence[tuple[str, int, float | None]]) -> None:
    console.print(Text("\nSegments by share of net sales", style="bold"))
    largest = max((share or 0.0 for _, _, share in rows), default=0.0) or 1.0
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "right", "left"):
        table.add_column(justify=justify)
    for name, customers, share in rows:
        bar = "█" * max(round(BAR_WIDTH * (share or 0.0) / largest), 0)
        shown = "unknown" if share is None else f"{share:.1%}"
        table.add_row(Text(name), f"{customers:,} customers", shown, Text(bar, style="green"))
    console.print(Padding(table, (0, 0, 0, 2)))


def _print_lines(console: Console, heading: str, lines: Sequence[str]) -> None:
    console.print(Text(f"\n{heading}", style="bold"))
    for line in lines:
        console.print(Padding(Text(line), (0, 0, 0, 2)))
