"""Receipts: one JSON file beside each landed Parquet file, which is all that a build knows of the landing."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.files import json_files, remove_temporaries
from pipeline.settings import Settings

Receipt = dict[str, Any]
# What receipts did not say before it was known.
DEFAULTS: Receipt = {"unchanged": 0, "deleted": 0, "personal": None, "is_scanned": False, "new_columns": []}


def instant(text: str) -> datetime:
    """Return the UTC instant of a receipt's text."""
    return datetime.fromisoformat(text).astimezone(UTC)


def iso(moment: datetime) -> str:
    """Return an instant as ISO text in UTC that ends in Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def interval_name(start: datetime, end: datetime) -> str:
    """Return an interval as it stands in file names: 20170101T050000Z_20180101T050000Z."""
    return "_".join(moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ") for moment in (start, end))


def read_receipt(path: Path) -> Receipt:
    """Read a receipt.

    Raises
    ------
    UserError
        It is none.
    """
    try:
        receipt = {**DEFAULTS, **json.loads(path.read_text(encoding="utf-8"))}
        assert receipt["file"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a receipt ({error!r}). Delete it and run the load again.") from error
    return receipt


def read_receipts(settings: Settings, source: str, table: str) -> list[Receipt]:
    """All receipts of a table, oldest generation first.

    Raises
    ------
    UserError
        A receipt cannot be read, or the file that it names is gone.
    """
    receipts = []
    for path in json_files(settings.landing / source / table):
        receipt = read_receipt(path)
        landed = settings.home / receipt["file"]
        if not landed.is_file():
            raise UserError(f"{path} names {landed}, which is gone. Delete the receipt and run the load again.")
        receipts.append(receipt)
    return sorted(receipts, key=lambda receipt: receipt["generation"])


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
    for place in (folder, folder / "held"):
        for path in place.glob("[0-9]*.parquet"):
            stem = path.name.removesuffix(".parquet").removesuffix(".rejects").removesuffix(".personal")
            if not (place / f"{stem}.json").is_file() and not (folder / "held" / f"{stem}.json").is_file():
                path.unlink()
