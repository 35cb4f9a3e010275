"""Loads that a person must look at: another schema, far more or fewer rows, rows gone, an end that leaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pipeline.base.errors import UserError
from pipeline.base.files import fsync_path, json_files, remove_temporaries
from pipeline.base.lock import file_lock
from pipeline.base.settings import Settings
from pipeline.landing.receipts import HELD, Receipt, instant, read_receipt, read_receipts
from pipeline.sources.definitions import load_source
from pipeline.sources.schema import Table, Volume

LOADS_THAT_ARE_A_HISTORY = 5
LOADS_COMPARED = 28
Schema = list[dict[str, Any]]


@dataclass(frozen=True)
class Lost:
    """How many rows of a table were there before a load, and how many of them it takes away."""

    before: int
    gone: int


def why_hold(
    receipt: Receipt, table: Table, earlier: Sequence[Receipt], lost: Lost | None = None, leap: str | None = None
) -> str | None:
    """Say why a load is to be held; None when it is not. `leap` says how its end leaps, if it does."""
    reasons = [
        _drift(receipt["schema"], earlier[-1]["schema"], table) if earlier else None,
        _odd_volume(receipt, table, earlier),
        _many_gone(receipt, table, lost),
        leap,
    ]
    return "\n".join(filter(None, reasons)) or None


def new_columns(schema: Schema, earlier: Sequence[Receipt]) -> list[str]:
    """Return columns that the load before did not have: they are kept, and reported."""
    before = {column["name"] for column in earlier[-1]["schema"]} if earlier else set()
    return [column["name"] for column in schema if column["name"] not in before] if earlier else []


def _drift(now: Schema, before: Schema, table: Table) -> str | None:
    """Compare schemas. A line of JSON has the keys that it has, so there an absent one says nothing."""
    types_now = {column["name"]: column["type"] for column in now}
    types_before = {column["name"]: column["type"] for column in before}
    gone = [name for name in types_before if name not in types_now] if table.format != "jsonl" else []
    changed = [name for name, kind in types_now.items() if types_before.get(name, kind) != kind]
    if not gone and not changed:
        return None
    what = [f"'{name}' is gone" for name in gone]
    what += [f"'{name}' was {types_before[name]} and is {types_now[name]}" for name in changed]
    return (
        f"its columns have changed: {'; '.join(what)}.\n  before: {_shown(types_before)}\n  now:    {_shown(types_now)}"
    )


def _shown(types: dict[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in types.items())


def _odd_volume(receipt: Receipt, table: Table, earlier: Sequence[Receipt]) -> str | None:
    history = [_rows(load, table) for load in earlier if not load["is_first_load"] or table.load == "snapshot"]
    history = history[-LOADS_COMPARED:]
    if table.volume is None or len(history) < LOADS_THAT_ARE_A_HISTORY:
        return None
    return _far_outside(_rows(receipt, table), history, table, table.volume)


def _far_outside(rows: float, history: Sequence[float], table: Table, volume: Volume) -> str | None:
    least, most = min(history), max(history)
    is_few = rows < volume.at_least * least and least - rows >= volume.from_rows
    is_many = rows > volume.at_most * most and rows - most >= volume.from_rows
    if not is_few and not is_many:
        return None
    unit = "rows" if table.load == "snapshot" else "rows a day"
    limit = f"at_least: {volume.at_least:g}" if is_few else f"at_most: {volume.at_most:g}"
    return (
        f"it has {rows:,.0f} {unit}, and the {len(history)} loads before had {least:,.0f} to {most:,.0f} "
        f"(`volume: {{{limit}}}`)."
    )


def _many_gone(receipt: Receipt, table: Table, lost: Lost | None) -> str | None:
    """Too many rows are gone at once, or all of them: a table that is being reloaded looks like that."""
    volume = table.volume
    if volume is None or lost is None or not lost.gone:
        return None
    is_many = lost.gone >= volume.gone_from_rows and lost.gone > volume.gone_at_most * lost.before
    is_empty = lost.gone == lost.before and receipt["received"] == receipt["deleted"] and not table.may_be_empty
    if not is_many and not is_empty:
        return None
    limit = f"`volume: {{gone_at_most: {volume.gone_at_most:g}}}`" if is_many else "`may_be_empty: false`"
    return f"{lost.gone:,} of the {lost.before:,} rows that were there are gone ({limit})."


def _rows(receipt: Receipt, table: Table) -> float:
    received: int = receipt["received"] - receipt["missed"]
    if table.load == "snapshot":
        return received
    length = instant(receipt["interval_end"]) - instant(receipt["interval_start"])
    return received / max(length / timedelta(days=1), 1 / 24)


def held_receipts(folder: Path) -> list[Receipt]:
    """Receipts of a table's held loads, at most one."""
    return [read_receipt(path) for path in json_files(folder / HELD)]


def hold_message(receipt: Receipt) -> str:
    """Say what is held, and how to go on."""
    source, table = receipt["source"], receipt["table"]
    return (
        f"{source}.{table}: the load of {receipt['interval_start']} to {receipt['interval_end']} is held, because "
        f"{receipt['held_because']}\n  Nothing is built from it until it is accepted. If it is right: "
        f"`make accept SOURCE={source} TABLE={table}`, then run again. If not: correct the source and run again; the "
        "next load takes its place."
    )


def forget_held(folder: Path) -> None:
    """Remove a held load, the receipt first: a load that covers it has landed."""
    for path in json_files(folder / HELD):
        path.unlink()
    for path in (folder / HELD).glob("*.parquet"):
        path.unlink()


def accept(settings: Settings, source_name: str, table_name: str) -> Receipt:
    """Let a held load land: its files first, its receipt last.

    Raises
    ------
    UserError
        There is no such table, or nothing of it is held.
    """
    source = load_source(source_name)
    if table_name not in source.tables:
        raise UserError(f"Source '{source_name}' has no table '{table_name}'. It has: {', '.join(source.tables)}.")
    folder = settings.landing / source_name / table_name
    with file_lock(folder / ".lock"):
        remove_temporaries(folder)
        held = json_files(folder / HELD)
        if not held:
            raise UserError(f"{source_name}.{table_name}: no load is held. Run `make run`, or look at the name.")
        (path,) = held
        read_receipt(path)
        for file in sorted((folder / HELD).glob(f"{path.stem}.*parquet")):
            file.replace(folder / file.name)
        fsync_path(folder)
        path.replace(folder / path.name)
        fsync_path(folder)
    return next(
        r for r in read_receipts(settings, source_name, table_name) if r["file"].endswith(f"/{path.stem}.parquet")
    )
