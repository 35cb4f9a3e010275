"""How a list is written: each value as it is shown, and the rows as a CSV file."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from pipeline.lists.formulas import guarded, printable
from pipeline.lists.members import CHANNELS, COLUMNS

UNKNOWN = "unknown"
CENT = Decimal("0.01")

Cell = str | int | float | Decimal | date | None


def shown(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Cell, ...]]:
    """Rows of `COLUMNS` as both files show them: permissions in words, money with two digits, printable texts."""
    return [tuple(_shown(name, value) for name, value in zip(COLUMNS, row, strict=True)) for row in rows]


def _shown(name: str, value: Any) -> Cell:
    if name in CHANNELS:
        return UNKNOWN if value is None else ("yes" if value else "no")
    if isinstance(value, Decimal):
        return value.quantize(CENT)
    cell: Cell = printable(value) if isinstance(value, str) else value
    return cell


def csv_content(rows: Iterable[tuple[Cell, ...]]) -> bytes:
    """UTF-8 with a byte-order mark, by which spreadsheets know the encoding; lines end as RFC 4180 says.

    Every text is quoted, nothing else is: what follows a text is then always a quote, which ends no formula.
    """
    lines = [",".join(COLUMNS), *(",".join(map(_field, row)) for row in rows), ""]
    return "\r\n".join(lines).encode("utf-8-sig")


def _field(value: Cell) -> str:
    if value is None:
        return ""
    return '"' + guarded(value).replace('"', '""') + '"' if isinstance(value, str) else str(value)
