"""Receipts: one JSON file beside each landed Parquet file, which is all that a build knows of the landing."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError, json_files, read_sealed, remove_temporaries
from pipeline.base.settings import Settings
from pipeline.base.shapes import Count, End, Instant, Shape, Text

Receipt = dict[str, Any]
HELD = "held"
COMPACT = "%Y%m%dT%H%M%SZ"


class Column(Shape):
    """A column of a landed file."""

    name: str
    type: Text
    personal: bool = False


class SourceFile(Shape):
    """A file that a load has read."""

    name: Text
    sha256: Text


class ReceiptShape(Shape):
    """A receipt. The defaults are what receipts did not say before it was known."""

    source: Text
    table: Text
    interval: Text
    interval_start: End
    interval_end: End
    content_hash: Text
    columns: list[Column] = Field(alias="schema")
    source_files: list[SourceFile]
    file: Text
    load: Text
    generation: Count
    received: Count
    unreadable: Count
    is_first_load: bool
    first_event_at: Instant | None
    last_event_at: Instant | None
    unchanged: Count = 0
    deleted: Count = 0
    missed: Count = 0
    personal: Text | None = None
    personal_sha256: Text | None = None
    is_scanned: bool = False
    new_columns: list[str] = Field(default_factory=list)
    reading: Count | None = None
    held_because: Text | None = None
    file_bytes: Count | None = None
    read_at: Instant | None = None
    data_end: Instant | None = None
    newest_event_at: Instant | None = None


NEXT_STEP = "Restore it from a backup, or delete it and run the load again."
OF_LANDED = "Restore it from a backup, or delete it with its receipt and run the load again."


def instant(text: str) -> datetime:
    """Return the UTC instant of a receipt's text."""
    return datetime.fromisoformat(text).astimezone(UTC)


def iso(moment: datetime) -> str:
    """Return an instant as ISO text in UTC that ends in Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def interval_name(start: datetime, end: datetime) -> str:
    """Return an interval as it stands in file names: 20170101T050000Z_20180101T050000Z."""
    return "_".join(moment.astimezone(UTC).strftime(COMPACT) for moment in (start, end))


def read_receipt(path: Path) -> Receipt:
    """Read a receipt.

    Raises
    ------
    UserError
        The file is not a receipt.
    """
    receipt = ReceiptShape.completed(read_sealed(path, NEXT_STEP, ReceiptShape))
    folder = path.parent.parent if path.parent.name == HELD else path.parent
    if not receipt["file"].endswith(f"{folder.parent.name}/{folder.name}/{path.stem}.parquet"):
        raise DamagedError(path, f"it is the receipt of {receipt['file']}", NEXT_STEP)
    return receipt


def read_receipts(settings: Settings, source: str, table: str) -> list[Receipt]:
    """All receipts of a table, oldest generation first: the order in which they were read.

    Raises
    ------
    UserError
        A receipt cannot be read, or the file that it names is gone.
    """
    receipts = []
    for path in json_files(settings.landing / source / table):
        receipt = read_receipt(path)
        _check_landed(settings, path, receipt)
        receipts.append(receipt)
    return _with_what_was_known(sorted(receipts, key=lambda receipt: receipt["generation"]))


def _with_what_was_known(receipts: list[Receipt]) -> list[Receipt]:
    """Add to each load when it was known (`known_end`), and whether no load had gone further (`is_first_reading`).

    An interval that is asked for again is read later than its end says: when the newest interval was one that had
    landed by then. Only what was read before any later interval is known from its events. Without a schedule the data
    say where they end (`data_end`), and a correction may bring that back: what was read before it, was known by then.
    """
    ends = [instant(receipt["interval_end"]) for receipt in receipts]
    reached = list(accumulate(ends, max))
    said = [
        instant(receipt["data_end"]) if receipt["data_end"] else end
        for receipt, end in zip(receipts, reached, strict=True)
    ]
    known = list(accumulate(reversed(said), min))[::-1]
    return [
        {
            **receipt,
            "reading": receipt["reading"] or receipt["generation"],
            "known_end": known_end.strftime(COMPACT),
            "is_first_reading": receipt["is_first_load"] and furthest == ends[0] == end,
        }
        for receipt, end, furthest, known_end in zip(receipts, ends, reached, known, strict=True)
    ]


def known_end(receipt: Receipt) -> datetime:
    """Return the end of the data of a load, as it is known now."""
    return datetime.strptime(receipt["known_end"], COMPACT).replace(tzinfo=UTC)


def last_moment(receipts: Sequence[Receipt]) -> datetime | None:
    """Return the last moment that the loads of a table cover; None when nothing has landed."""
    return known_end(receipts[-1]) - timedelta(seconds=1) if receipts else None


def newest_event(receipts: Sequence[Receipt]) -> datetime | None:
    """Return the newest event of the rows that a table held when it was landed last."""
    if receipts and receipts[-1]["newest_event_at"]:
        return instant(receipts[-1]["newest_event_at"])
    return max((instant(r["last_event_at"]) for r in receipts if r["last_event_at"]), default=None)


def covers(later: Receipt, receipt: Receipt) -> bool:
    """Whether the interval of a load lies within that of a later one."""
    starts, ends = ([instant(each[name]) for each in (later, receipt)] for name in ("interval_start", "interval_end"))
    return starts[0] <= starts[1] and ends[1] <= ends[0]


def next_reading(settings: Settings, source: str, tables: Iterable[str]) -> int:
    """Return the number of a load of a source among all of its tables' loads. The caller holds the source's lock."""
    return 1 + max(
        (receipt["reading"] for table in tables for receipt in read_receipts(settings, source, table)), default=0
    )


def _check_landed(settings: Settings, path: Path, receipt: Receipt) -> None:
    """See that the main file is there, and as long as it was. Its sibling may have been erased, wholly or in part."""
    landed = settings.home / receipt["file"]
    if not landed.is_file():
        raise UserError(f"{path} names {landed}, which is gone. Delete the receipt and run the load again.")
    size = landed.stat().st_size
    if receipt["file_bytes"] not in (None, size):
        raise DamagedError(landed, f"of {receipt['file_bytes']:,} bytes that landed, {size:,} are there", OF_LANDED)


def newest(receipts: list[Receipt], *, is_scheduled: bool) -> Receipt | None:
    """Return the receipt that a snapshot is read from.

    With a schedule it is the last generation of the latest interval: a reload of an old interval changes nothing newer.
    Without one it is the last generation: a file that was replaced by a shorter one counts as replaced.
    """
    if not receipts:
        return None
    if is_scheduled:
        return max(receipts, key=lambda receipt: (instant(receipt["interval_end"]), receipt["generation"]))
    return max(receipts, key=lambda receipt: receipt["generation"])


def remove_leftovers(folder: Path) -> None:
    """Remove what killed loads of a table left behind: temporary files, and Parquet files without a receipt."""
    remove_temporaries(folder)
    for place in (folder, folder / HELD):
        for path in place.glob("[0-9]*.parquet"):
            stem = path.name.removesuffix(".parquet").removesuffix(".rejects").removesuffix(".personal")
            if not (place / f"{stem}.json").is_file() and not (folder / HELD / f"{stem}.json").is_file():
                path.unlink()
