"""What a dry run says: rows by fate, sales by month, and the first rows of each entity."""

import textwrap
from collections.abc import Sequence
from typing import Any

from pipeline.build.macros import macros
from pipeline.onboarding.trial.dry_run import Fate, Outcome

MOST_MONTHS = 36
WIDEST = 24
WIDTH, INDENT = 100, " " * 4


def report(name: str, outcome: Outcome) -> str:
    """Return the report of a dry run, in plain text."""
    parts = [f"{name}: a dry run. Nothing was published.", "", "Rows"]
    parts += [f"  {table:<24} {rows:>12,} received" for table, rows in outcome.received.items()]
    parts += [line for fate in outcome.fates for line in _fate(name, fate)]
    parts += ["", *_sales(outcome)] if outcome.months else ["", "No orders: nothing is sold here."]
    for entity, (columns, rows) in outcome.rows.items():
        parts += ["", f"{entity}: the first rows as the contract sees them (personal values are masked)"]
        parts += _table(columns, rows)
    return "\n".join(parts)


def _fate(source: str, fate: Fate) -> list[str]:
    if fate.fate == "unaccounted":
        sentence = macros("staging")["unaccounted"](source, fate.reason, fate.rows)
        return textwrap.wrap(f"A build would stop: {sentence}", WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    reason = f": {fate.reason}" if fate.reason else ""
    return [f"    {fate.rows:>12,} {fate.fate} {fate.entity or ''}{reason}".rstrip()]


def _sales(outcome: Outcome) -> list[str]:
    lines = [
        f"  Customers    {outcome.customers:>16,}  {outcome.buyers:,} of them buyers, by this source alone",
        f"  Purchases    {outcome.orders:>16,}",
        f"  Net sales    {outcome.net_sales:>16,.2f}  {outcome.currency}, {outcome.shipping:,.2f} of it delivery",
        f"  Refunds      {outcome.refunds:>16,.2f}",
        f"  Not sold     {outcome.unsold:>16,.2f}  in {outcome.unsold_orders:,} unpaid or cancelled orders",
        "",
        "  Month          Purchases        Net sales          Refunds",
    ]
    shown = outcome.months[-MOST_MONTHS:]
    if len(shown) < len(outcome.months):
        lines.append(f"  ({len(outcome.months) - len(shown)} months before are not shown)")
    lines += [f"  {m.month:<10} {m.orders:>13,} {m.net_sales:>16,.2f} {m.refunds:>16,.2f}" for m in shown]
    return ["Totals", *lines]


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    if not rows:
        return ["  no row was accepted"]
    texts = [[_text(value) for value in row] for row in [columns, *rows]]
    widths = [max(len(row[at]) for row in texts) for at in range(len(columns))]
    return [
        "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in texts
    ]


def _text(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
