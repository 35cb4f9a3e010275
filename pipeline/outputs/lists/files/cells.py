"""How a list is written: each value as it is shown, and the rows as a CSV file."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from pipeline.base.numbers import rounded
from pipeline.outputs.lists.files.formulas import guarded, printable
from pipeline.outputs.lists.members import CHANNELS

UNKNOWN = "unknown"
PHONE = "phone"
# A number with its calling code, however it is spaced; a (0) after the code is not dialled.
DIALLED = re.compile(r"[+](?:[\s().\-/]*[0-9]){6,15}[\s)]*")
NOT_DIALLED = re.compile(r"\(0\)|[^+0-9]")

Cell = str | int | float | Decimal | date | None


def shown(columns: Sequence[str], rows: Iterable[tuple[Any, ...]], currency: str) -> list[tuple[Cell, ...]]:
    """Return rows as both files show them: permissions in words, amounts of the currency, clean texts.

    A phone number with a calling code is written without blanks and signs: `+8613800138000`. Tools dial it, and no
    spreadsheet runs it.
    """
    return [tuple(_shown(name, value, currency) for name, value in zip(columns, row, strict=True)) for row in rows]


def _shown(name: str, value: Any, currency: str) -> Cell:
    if name in CHANNELS:
        return UNKNOWN if value is None else ("yes" if value else "no")
    if isinstance(value, Decimal):
        return rounded(value, currency)
    if name == PHONE and isinstance(value, str):
        number = unicodedata.normalize("NFKC", value).strip()
        if DIALLED.fullmatch(number):
            return NOT_DIALLED.sub("", number)
    cell: Cell = printable(value) if isinstance(value, str) else value
    return cell


def csv_content(columns: Sequence[str], rows: Iterable[tuple[Cell, ...]]) -> bytes:
    """Return the CSV file: UTF-8 with a byte-order mark, which spreadsheets need, and line ends as in RFC 4180.

    Every text is quoted, and nothing else. A text is then always followed by a quote, which cannot end a formula.
    """
    lines = [",".join(columns), *(",".join(map(_field, row)) for row in rows), ""]
    return "\r\n".join(lines).encode("utf-8-sig")


def _field(value: Cell) -> str:
    if value is None:
        return ""
    return '"' + guarded(value).replace('"', '""') + '"' if isinstance(value, str) else str(value)
