"""The table: one row per measure and world, recovered beside true."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.proof.row import MEASURED, Row
from demo.proof.runs import Run

HEADINGS = ("recovered", "true", "oracle", "naive", "bound")
LONG = 60
Seen = tuple[Run, Row]


def print_table(console: Console, found: Mapping[Run, Sequence[Row]]) -> None:
    """Print one section per world. Of several seeds the one nearest to its bound, or furthest beyond it, is shown."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("measure", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("ok?")
    table.add_column("remark", ratio=1)
    worlds: dict[str, dict[str, list[Seen]]] = defaultdict(lambda: defaultdict(list))
    for run, rows in found.items():
        for row in rows:
            if row.is_detail and row.ok:
                continue
            worlds[run.world][row.measure].append((run, row))
    for world, measures in worlds.items():
        seeds = sorted({run.seed for run in found if run.world == world})
        table.add_row(Text(f"\n{world}", style="bold"), style="bold")
        said = ""
        for name, seen in measures.items():
            run, row = max(seen, key=_badness)
            remark = f"seed {run.seed}, the worst; {row.note}" if len(seeds) > 1 else row.note
            shown = "as above" if remark and remark == said and len(remark) > LONG else remark.removesuffix("; ")
            said = remark
            table.add_row(name, *_cells(row), _verdict(row), Text(shown, style="dim"))
    console.print(table)
    rows = [row for all_rows in found.values() for row in all_rows]
    kept, missed = sum(row.ok is True for row in rows), sum(row.ok is False for row in rows)
    summary = f"\n{kept} bounds kept, {missed} missed, {len(rows) - kept - missed} rows without a bound"
    console.print(Text(summary, "red" if missed else "green"))


def _badness(seen: Seen) -> tuple[int, float]:
    """Order of attention: missed bounds first, then the least distance to a bound."""
    row = seen[1]
    rank = {False: 2, None: 0 if row.status == MEASURED else 1, True: 0}[row.ok]
    if row.recovered is None or not math.isfinite(row.recovered):
        return rank, math.inf
    room = [abs(row.recovered - bound) / max(abs(bound), 1e-9) for bound in (row.low, row.high) if bound is not None]
    return rank, -min(room) if room else -math.inf


def number(value: float | None) -> str:
    """Write a figure with as many digits as are worth reading: whole numbers whole, others with three decimals."""
    if value is None or not math.isfinite(value):
        return ""
    if float(value).is_integer():
        return f"{value:,.0f}"
    if abs(value) >= 1000:
        return f"{value:,.2f}"
    return f"{value:.4f}" if abs(value) < 0.1 else f"{value:.3f}"


def _bound(row: Row) -> str:
    low, high = number(row.low), number(row.high)
    if not low and not high:
        return ""
    if low == high:
        return f"= {low}"
    if not low or not high:
        return f"≥ {low}" if low else f"≤ {high}"
    return f"{low} to {high}"


def _cells(row: Row) -> list[str]:
    if row.status != MEASURED:
        return [row.status, "", "", "", ""]
    recovered = number(row.recovered) or "no figure"
    return [recovered, number(row.truth), number(row.oracle), number(row.naive), _bound(row)]


def _verdict(row: Row) -> Text:
    if row.ok is None:
        return Text("")
    return Text("ok", style="green") if row.ok else Text("NO", style="bold red")
