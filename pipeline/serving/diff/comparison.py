"""Choose two releases, compare them, and show the comparison as tables."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.base.errors import UserError
from pipeline.base.numbers import currency_digits, exact_text
from pipeline.base.scratch import working_connection
from pipeline.base.settings import Settings
from pipeline.serving import ledger
from pipeline.serving.diff.causes import CAUSES, attribute, moved_records
from pipeline.serving.diff.tables import changed_tables
from pipeline.serving.releases import (
    DATABASE,
    attach_read_only,
    current_release,
    has_facts,
    kept_releases,
    read_manifest,
)

COUNTS = frozenset({"customers", "purchases", "contacts", "cases", "survey_responses", "web_sessions"})


def choose(settings: Settings, a: str | None, b: str | None) -> tuple[Path, Path]:
    """Folders of two releases: those named, or the current one and the one that was published before it.

    Raises
    ------
    UserError
        One of them is not kept, or there is only one.
    """
    folders = {path.name: path for path in kept_releases(settings)}
    kept = f"Kept: {', '.join(sorted(folders))}."
    for variable, name in (("A", a), ("B", b)):
        if name and name not in folders:
            raise UserError(f"{variable} is '{name}': there is no such release. {kept}")
    later = b or current_release(settings).name
    before = [name for name in ledger.published_before(settings, later) if name in folders and name != later]
    if not a and not before:
        raise UserError(f"There is no release before {later} to compare it with. {kept}")
    return folders[a or before[-1]], folders[later]


def compare(a: Path, b: Path) -> dict[str, Any]:
    """Compare two release folders.

    Returns
    -------
    dict
        a, b: what identifies them; tables: those that differ; measures: amounts with their differences by cause;
        identity: how many records belong to another customer; note: why there are no measures, or null.

    Raises
    ------
    UserError
        Amounts of the two cannot be compared.
    """
    manifests = read_manifest(a), read_manifest(b)
    thin = [manifest["release_id"] for manifest in manifests if not has_facts(manifest)]
    with working_connection(a.parents[2]) as connection:  # <home>/serving/releases/<id>
        attach_read_only(connection, a / DATABASE, "a")
        attach_read_only(connection, b / DATABASE, "b")
        units = connection.execute(
            "select a.currency, b.currency, a.time_zone, b.time_zone from a.marts.release as a, b.marts.release as b"
        ).fetchall()[0]
        if units[:1] + units[2:3] != units[1:2] + units[3:]:
            raise UserError(
                f"{a.name} is in {units[0]} and {units[2]}, {b.name} in {units[1]} and {units[3]}: amounts and days of "
                "the two are not the same thing. Compare releases of one currency and time zone."
            )
        tables = changed_tables(connection, *(_comparable(manifest, thin) for manifest in manifests))
        measures = [] if thin else attribute(connection)
        identity = None if thin else moved_records(connection)
    names = ("release_id", "as_of_date", "code_version", "sources")
    return {
        **{side: {name: each[name] for name in names} for side, each in zip("ab", manifests, strict=True)},
        "currency": units[0],
        "note": _note(thin),
        "tables": tables,
        "measures": measures,
        "identity": identity,
    }


def _comparable(manifest: dict[str, Any], thin: list[str]) -> dict[str, Any]:
    tables: dict[str, Any] = manifest["tables"]
    return {name: table for name, table in tables.items() if not thin or not name.startswith("core.")}


def _note(thin: list[str]) -> str | None:
    if not thin:
        return None
    return (
        f"Kept with marts and ops only: {', '.join(thin)}. Without facts no cause can be named; the tables that both "
        "have are compared. CRM_DAILY_RELEASES says how many days are kept in full."
    )


def show(found: dict[str, Any], console: Console) -> None:
    """Print a comparison for a person."""
    a, b = found["a"], found["b"]
    console.print(f"A  {a['release_id']}, as of {a['as_of_date']}, code {a['code_version']}", soft_wrap=True)
    console.print(f"B  {b['release_id']}, as of {b['as_of_date']}, code {b['code_version']}", soft_wrap=True)
    if found["note"]:
        console.print(f"\n{found['note']}", soft_wrap=True)
    if not found["tables"]:
        console.print("\nNo published table differs.")
        return
    console.print(_tables(found["tables"]))
    if found["measures"]:
        console.print(_measures(found["measures"], found["currency"]))
    if found["identity"] and found["identity"]["records"]:
        console.print(_identity(found), soft_wrap=True)


def _tables(tables: list[dict[str, Any]]) -> Table:
    shown = Table(title="Tables that differ, rows by key", title_justify="left", box=None, pad_edge=False)
    shown.add_column("table")
    for name in ("rows A", "rows B", "added", "removed", "changed"):
        shown.add_column(name, justify="right")
    shown.add_column("columns")
    for table in tables:
        columns = [f"+{name}" for name in table["columns_added"]] + [f"-{name}" for name in table["columns_removed"]]
        counts = [table[name] for name in ("rows_a", "rows_b", "added", "removed", "changed")]
        shown.add_row(table["table"], *("" if count is None else f"{count:,}" for count in counts), " ".join(columns))
    return shown


def _identity(found: dict[str, Any]) -> str:
    """What merges and splits moved from one customer to another."""
    counts, digits = found["identity"], currency_digits(found["currency"])
    moved = {
        each["measure"]: sum((cause["moved"] or Decimal(0) for cause in each["causes"].values()), Decimal(0))
        for each in found["measures"]
    }
    amounts = [
        f"{exact_text(moved[name], 0 if name in COUNTS else digits)} {name.replace('_', ' ')}"
        for name in ("purchases", "net_sales", "refunds")
    ]
    return (
        f"\n{counts['records']:,} records belong to another customer: {counts['merged']:,} customers merged into "
        f"others, {counts['split']:,} split off. With them moved {', '.join(amounts)}. core.customer_id_history "
        "translates ids."
    )


def _measures(measures: list[dict[str, Any]], currency: str) -> Table:
    title = f"Amounts ({currency}) and counts, and why they differ"
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    shown.add_column("measure")
    for name in ("A", "B", "difference"):
        shown.add_column(name, justify="right")
    shown.add_column("rows", justify="right")
    for each in measures:
        name = each["measure"]
        digits = 0 if name in COUNTS else currency_digits(currency)
        figures = [exact_text(each[side], digits) for side in ("a", "b")]
        shown.add_row(name.replace("_", " "), *figures, exact_text(each["difference"], digits, sign="+"), "")
        for cause, part in each["causes"].items():
            rows = "" if part["rows"] is None else f"{part['rows']:,}"
            if part["amount"] or part["rows"]:
                shown.add_row(f"  {CAUSES[cause]}", "", "", exact_text(part["amount"], digits, sign="+"), rows)
    return shown
