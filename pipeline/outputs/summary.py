"""The end of `make run`: what is published, in figures that a person can read and check."""

import json
import shlex
import sys
import textwrap
from collections.abc import Collection, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.text import Text

from pipeline.audit.checks import ChecksShape
from pipeline.base.catalog import table
from pipeline.base.files import read_sealed
from pipeline.base.numbers import amount_text, counted
from pipeline.base.settings import Settings
from pipeline.outputs.figures import AS_OF, day, known_by, net_sales, number, why_unscored
from pipeline.serving.releases import (
    CHECKS,
    MODEL_CARDS,
    OF_A_RELEASE,
    RELEASE_REPORT,
    current_release,
    open_release,
    read_manifest,
)

SEGMENTS_SHOWN = 6
BAR_WIDTH = 24
MEASURES = ("no_purchase", "purchases", "net_sales")
Row = tuple[str, str, str]


def print_summary(
    settings: Settings, console: Console, *, is_new: bool, undone: str | None = None, repaired: str | None = None
) -> None:
    """Print the published release.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    console
        Where to print.
    is_new
        Whether this run published it; otherwise the summary says that nothing has changed.
    undone
        The release of the same inputs that was rolled back, if that is why nothing was published.
    repaired
        What was damaged of the published release and was written again.

    Raises
    ------
    UserError
        Nothing is published.
    """
    folder = current_release(settings)
    with open_release(folder) as release:
        published = _one(release, "select release_id, sources, currency, as_of_date, checks_passed from marts.release")
        release_id, sources, currency, as_of, checks = published
        console.print()
        console.rule(style="dim")
        if repaired:
            console.print(Text(f"{repaired}. It was written again.\n", style="bold"), soft_wrap=True)
        elif not is_new:
            console.print(Text(f"{why_unchanged(release_id, undone)}\n", style="bold"), soft_wrap=True)
        title = Text(f"Perennial {release_id}", style="bold green")
        _print(console, title.append(f"  {sources}, as of {as_of}, {counted(checks, 'check')} passed", style="default"))
        _print_rows(console, [*loads(release), *business(release, currency)])
        doubtful = in_doubt(release)
        segment_count = _one(release, "select count(*) from marts.segment_profile")[0]
        _print_segments(console, segments(release, currency), segment_count)
        _print_sentences(console, "Models against their baselines", decisions(release))
        if graded := grades(release, currency):
            _print_sentences(console, "Earlier forecasts, now that their time is over", graded)
    if told := read_manifest(folder).get("accounts"):
        _print_sentences(console, "Accounts", [f"{told} {short(folder.parent.parent / 'current' / 'report.md')}"])
    if warned := [*warnings(folder), *not_drawn(folder)]:
        _print_sentences(console, "Warnings", warned)
    _print_lines(console, "Files", files(settings, release_id))
    perennial = short(Path(sys.executable).with_name("perennial"))
    review = [f"{perennial} identity review    # records in doubt"] if doubtful else []
    menu = ["make up    # Airflow with its web UI and schedule", "make       # the menu"]
    _print_lines(console, "Next", [query(settings), *review, *menu])


def why_unchanged(release_id: str, undone: str | None) -> str:
    """Return why this run published nothing."""
    if undone and undone != release_id:
        return (
            f"Release {undone} of these inputs was rolled back: {release_id} stays until data, code or settings "
            f"change. To publish it again: make rollback RELEASE={undone}"
        )
    return f"Nothing has changed since release {release_id}: it stays as it is."


def _one(release: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    return release.execute(sql).fetchall()[0]


def loads(release: duckdb.DuckDBPyConnection) -> list[Row]:
    """Return rows received, and what became of those that were not accepted."""
    tables, received, quarantined, duplicates, excluded = _one(
        release,
        "select count(distinct (source, table_name)), sum(received), sum(quarantined), sum(duplicates), sum(excluded)"
        " from ops.load_receipts",
    )
    return [
        ("Rows in", number(received), f"from {counted(tables, 'table')}"),
        ("  quarantined", number(quarantined), "ops.row_fates says why" if quarantined else ""),
        ("  duplicates", number(duplicates), ""),
        *([("  excluded", number(excluded), "left out on purpose: ops.row_fates says why")] if excluded else []),
    ]


def business(release: duckdb.DuckDBPyConnection, currency: str) -> list[Row]:
    """Return customers, purchases, sales, refunds and equity on the as-of date, or why a figure is unknown."""
    customers, buyers, truncated = _one(
        release,
        "select count(*), count(*) filter (purchases > 0), count(*) filter (is_left_truncated) from marts.customer_360",
    )
    returns, refunds = _one(
        release,
        f"select count(*), sum({table('fct_return').measures['refunds']}) from core.fct_return"
        f" where is_sale and {known_by('return_date')}",
    )
    older = f", {number(truncated)} perhaps older than the data" if truncated else ""
    rows = [
        ("Customers", number(customers), counted(buyers, "buyer") + older),
        identity(release),
        purchases(release),
        ("Net sales", amount_text(net_sales(release), currency), currency),
    ]
    if returns:
        rows.append(("Refunds", amount_text(refunds, currency), f"{currency}, {counted(returns, 'returned line')}"))
    return [*rows, *contact_data(release), equity(release, currency)]


def identity(release: duckdb.DuckDBPyConnection) -> Row:
    """Return the records that the customers are made of: how many match another, or why none does, and doubts."""
    records, sources, linked, contacts = _one(
        release,
        "select coalesce(sum(records), 0), count(*), sum(linked_records), sum(contact_records)"
        " from marts.identity_coverage",
    )
    if linked:
        told = f"{linked / records:.1%} match another"
    else:
        told = "none matches another" if contacts else "no contact data to match by"
    doubt = f", {number(pairs)} in doubt" if (pairs := in_doubt(release)) else ""
    return ("  records", number(records), f"of {counted(sources, 'source')}, {told}{doubt}")


def in_doubt(release: duckdb.DuckDBPyConnection) -> int:
    """Return how many pairs of records wait for a person's decision."""
    return int(_one(release, "select count(*) from ops.identity_review where verdict = 'review'")[0])


def purchases(release: duckdb.DuckDBPyConnection) -> Row:
    """Return the purchases, their first and last day, and how many of them name no customer."""
    purchases, first, last, unknown = _one(
        release,
        "select count(*), min(order_date), max(order_date), count(*) filter (customer_id = 'unknown')"
        f" from core.fct_order where is_purchase and {known_by('order_date')}",
    )
    if not purchases:
        return ("Purchases", "0", "")
    days = f"{day(first)} to {day(last)}" if first != last else f"all on {day(first)}"
    return ("Purchases", number(purchases), f"{days}, {number(unknown)} without a customer" if unknown else days)


def contact_data(release: duckdb.DuckDBPyConnection) -> list[Row]:
    """Return contacts, cases and campaign effects, where the sources have any."""
    contacts, cases, still_open = _one(
        release,
        f"select (select count(*) from core.fct_contact where {known_by('contact_date')}), count(*),"
        f" count(*) filter (resolved_date is null or resolved_date > {AS_OF})"
        f" from core.fct_case where {known_by('opened_date')}",
    )
    campaigns, judged, certain = _one(
        release,
        "select count(*), count(is_effect_certain), count(*) filter (is_effect_certain)"
        " from marts.campaign_performance",
    )
    rows = []
    if contacts or cases:
        rows.append(("Contacts", number(contacts), f"cases: {number(cases)}, open: {number(still_open)}"))
    if campaigns:
        remark = f"{judged} with a control group judged, {certain} with a certain effect" if judged else "none judged"
        rows.append(("Campaigns", number(campaigns), remark))
    return rows


def equity(release: duckdb.DuckDBPyConnection, currency: str) -> Row:
    """Return the future value of the existing customers, or why there is none."""
    total, horizon, rate, bases = _one(
        release,
        "select sum(clv_future), max(horizon_days), max(annual_discount_rate), list(distinct value_basis)"
        " from marts.customer_clv where clv_future is not null",
    )
    if total is None:
        return ("Customer equity", "unknown", why_unscored(release, "customer_clv"))
    costs = {("margin",): "after", ("net_sales",): "before"}.get(tuple(bases), "partly after")
    remark = f"{currency} in {counted(horizon, 'day')}, {100 * float(rate):g}% p.a., {costs} cost of goods"
    return ("Customer equity", amount_text(total, currency), remark)


def segments(release: duckdb.DuckDBPyConnection, currency: str) -> list[tuple[str, int, str, float]]:
    """Return the segments with the most net sales: name, customers, net sales, and length of the bar from 0 to 1.

    Net sales are shares, or amounts where a segment's are below zero or all are zero; those of small segments are
    withheld.
    """
    rows = release.execute(
        "select segment_name, customers, net_sales_share, net_sales from marts.segment_profile"
        " order by net_sales desc nulls last, segment_name limit $1",
        [SEGMENTS_SHOWN],
    ).fetchall()
    most = max((net_sales for *_, net_sales in rows if net_sales is not None), default=0)

    def said(share: float | None, net_sales: Decimal | None) -> str:
        if net_sales is None:
            return "withheld"
        return f"{currency} {amount_text(net_sales, currency)}" if share is None else f"{share:.1%}"

    return [
        (name, customers, said(share, net_sales), float(max(net_sales or 0, 0) / most) if most > 0 else 0.0)
        for name, customers, share, net_sales in rows
    ]


def decisions(release: duckdb.DuckDBPyConnection) -> list[str]:
    """Return one sentence per model of this release: by how much it wins, or that it is not published."""
    rows = release.execute("select distinct job, decision from marts.model_runs order by job, decision").fetchall()
    return [f"{job}: {decision}" for job, decision in rows] or ["No model could be trained on these data."]


def grades(release: duckdb.DuckDBPyConnection, currency: str, of: Collection[str] = MEASURES) -> list[str]:
    """Return one sentence per kind of forecast: what the newest one whose horizon is over said, and what happened."""
    rows = release.execute(
        "select measure, as_of_date, horizon_days, customers, forecast_mean, outcome_mean, forecast_total,"
        " outcome_total, is_bias_certain, bias > 0 from marts.score_outcomes"
        " qualify as_of_date = max(as_of_date) over (partition by measure, horizon_days)"
        " order by measure, horizon_days, run_id"
    ).fetchall()
    sentences = []
    for measure, made_on, days, customers, said, came, said_total, came_total, is_certain, is_high in rows:
        if measure not in of:
            continue
        when = f"Of {day(made_on)}, for {counted(days, 'day')}"
        verdict = f"too {'high' if is_high else 'low'}, beyond chance" if is_certain else "within chance"
        if measure == "no_purchase":
            told = f"{said:.1%} of {counted(customers, 'customer')} were to buy nothing, and {came:.1%} bought nothing"
        else:
            unit = "purchases" if measure == "purchases" else f"{currency} of net sales, discounted"
            told = f"{said_total:,.0f} {unit} were expected, and {came_total:,.0f} came"
        sentences.append(f"{when}: {told} ({verdict}).")
    return sentences


def warnings(folder: Path) -> list[str]:
    """Return the failed checks that do not stop a release, each with its first action."""
    checks = read_sealed(folder / CHECKS, OF_A_RELEASE, ChecksShape)["checks"]
    failed = [check for check in checks if not check["success"]]
    return [f"{check['suite']}: failed: {check['check']}. {check['first_action']}" for check in failed]


def not_drawn(folder: Path) -> list[str]:
    """Return the pictures that the release lacks, and why."""
    left_out = read_manifest(folder).get("not_drawn", {})
    return [f"{name} is left out: {reason}." for name, reason in left_out.items()]


def files(settings: Settings, release_id: str) -> list[str]:
    """Return where the results are."""
    listed = [
        ("serving/current/perennial.duckdb", "tables for BI, read-only: core, marts, ops"),
        ("serving/current/parquet", "the same as Parquet"),
        ("serving/current/contacts.duckdb", "source systems' ids, for the owner only"),
        (f"serving/current/{RELEASE_REPORT}", "the release as a report: open it in a browser"),
        (f"serving/current/{MODEL_CARDS}", "model cards: purpose, figures, limits, pictures"),
        (f"lists/{release_id}", "campaign lists, for the owner only"),
    ]
    shown = [(short(settings.home / name), text) for name, text in listed if (settings.home / name).exists()]
    width = max((len(name) for name, _ in shown), default=0)
    return [f"{name:<{width}}  {text}" for name, text in shown]


def query(settings: Settings) -> str:
    """Return a line to paste into a shell, which shows the customers with the highest value."""
    database = short(settings.serving / "current" / "perennial.duckdb")
    sql = "from marts.customer_360 order by clv_total desc nulls last, net_sales desc limit 10"
    python = f'import duckdb; duckdb.connect({json.dumps(database)}, read_only=True).sql("{sql}").show()'
    return shlex.join([short(Path(sys.executable)), "-c", python])


def short(path: Path) -> str:
    """Return a path relative to the current folder, where it is inside it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _print_rows(console: Console, rows: Sequence[Row]) -> None:
    names, values = (max(len(row[column]) for row in rows) for column in (0, 1))
    console.print()
    for name, value, remark in rows:
        line = Text(f"  {name:<{names}}  ").append(f"{value:>{values}}", style="bold")
        _print(console, line.append(f"  {remark}", style="dim") if remark else line)


def _print_segments(console: Console, rows: Sequence[tuple[str, int, str, float]], total: int) -> None:
    shown = "" if len(rows) == total else f", the first {len(rows)} of {total}"
    console.print(Text(f"\nSegments by net sales{shown}", style="bold"))
    if not rows:
        _print(console, Text("  No customer has a segment."))
    names, values = max((len(row[0]) for row in rows), default=0), max((len(row[2]) for row in rows), default=0)
    for name, customers, value, length in rows:
        noun = "customer " if customers == 1 else "customers"
        line = Text(f"  {name:<{names}}  {customers:>9,} {noun}  {value:>{values}}")
        bar = "█" * round(BAR_WIDTH * length)
        _print(console, line.append(f"  {bar}", style="green") if bar else line)


def _print_sentences(console: Console, heading: str, sentences: Sequence[str]) -> None:
    console.print(Text(f"\n{heading}", style="bold"))
    whole_paths = textwrap.TextWrapper(
        console.width, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    for sentence in sentences:
        for line in whole_paths.wrap(sentence):
            _print(console, Text(line))


def _print_lines(console: Console, heading: str, lines: Sequence[str]) -> None:
    """Print lines for copying, without wrapping them."""
    console.print(Text(f"\n{heading}", style="bold"))
    for line in lines:
        _print(console, Text(f"  {line}"))


def _print(console: Console, line: Text) -> None:
    console.print(line, soft_wrap=True)
