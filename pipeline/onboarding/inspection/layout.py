"""How a text file is laid out: delimiter, header, lines to skip; or columns at fixed places."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipeline.base.errors import UserError
from pipeline.onboarding.draft.words import ideas, words_of

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 2000
MOST_HEADINGS = 4
USUAL_SHARE = 0.6
VALUE = re.compile(r"[-+]?[\d.,:/ -]*\d[\d.,:/ -]*")


def layout_of(lines: Sequence[str], label: str = "the file") -> dict[str, Any] | None:
    """Return the keys of the yml that describe a text file; None when it has no columns that can be told apart."""
    filled = [number for number, line in enumerate(lines[:LOOKED_AT]) if line]
    head = [lines[number] for number in filled]
    found = _delimited(head, label) or _fixed_width(head) or _whitespace(head)
    return {**found, "skip_rows": filled[found["skip_rows"]]} if found else None


def _delimited(lines: Sequence[str], label: str) -> dict[str, Any] | None:
    found = [(delimiter, *_usual_width(_records(lines, delimiter))) for delimiter in DELIMITERS]
    likely = [(share, width, delimiter) for delimiter, width, share in found if width > 1 and share >= USUAL_SHARE]
    if not likely:
        return None
    _, width, delimiter = max(likely, key=lambda item: (round(item[0], 1), item[1]))
    records = _records(lines, delimiter)
    first = next(number for number, record in enumerate(records) if len(record) == width)
    skipped = heading(label, records, first)
    return {"format": "csv", "delimiter": delimiter, **_header(records[skipped:], skipped)}


def heading(label: str, records: Sequence[Sequence[str | None]], first: int) -> int:
    """Which record has the names: `first`, or a fuller one below it where `first` has names of groups, merged cells.

    `label` is how a message calls the file.

    Raises
    ------
    UserError
        The names under the groups are the same, so that they say nothing alone.
    """
    filled = _filled(records[first])
    for at in range(first + 1, min(first + MOST_HEADINGS, len(records))):
        names = _filled(records[at])
        if len(names) > len(filled) and are_names(records[at]):
            if len({*names}) < len(names):
                raise UserError(
                    f"FILE: the heading of {label} has two rows, with merged cells such as {filled[0]!r}, and below "
                    f"them the same names, such as {_repeated(names)!r}. Give each column a name of its own in one row."
                )
            return at
    return first


def are_names(record: Sequence[str | None]) -> bool:
    """Whether a record has names of columns: no numbers and addresses, and a word that is known."""
    names = _filled(record)
    is_value = any(VALUE.fullmatch(name) or "@" in name for name in names)
    return len(names) > 1 and not is_value and _says_something(names)


def _filled(record: Sequence[str | None]) -> list[str]:
    return [cell.strip() for cell in record if cell and cell.strip()]


def _repeated(names: Sequence[str]) -> str:
    return next(name for number, name in enumerate(names) if name in names[:number])


def _records(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return []


def _usual_width(records: Sequence[Sequence[str]]) -> tuple[int, float]:
    """The most frequent number of fields, and the share of the records that have it."""
    counts = Counter(len(record) for record in records)
    if not counts:
        return 0, 0.0
    width, times = max(counts.items(), key=lambda item: (item[1], item[0]))
    return width, times / len(records)


def _header(records: Sequence[Sequence[str]], skipped: int) -> dict[str, Any]:
    """Whether the first record has the names, and what the columns are called if not."""
    names = [name.strip() for name in records[0]]
    is_header = all(names) and len(set(names)) == len(names) and not any(VALUE.fullmatch(name) for name in names)
    if is_header and len(records) > 1 and not _says_something(names):
        is_header = any(VALUE.fullmatch(value.strip()) for value in records[1])
    return {"header": is_header, "skip_rows": skipped, "columns": names if is_header else _numbered(len(names))}


def _says_something(names: Sequence[str]) -> bool:
    known = set(ideas().values())
    return any(word in known for name in names for word in words_of(name))


def _numbered(width: int) -> list[str]:
    return [f"column_{number}" for number in range(1, width + 1)]


def _fixed_width(lines: Sequence[str]) -> dict[str, Any] | None:
    """Lines of one length, with blanks at the same places in all of them."""
    usual = Counter(len(line) for line in lines).most_common(1)
    if not usual or usual[0][1] < USUAL_SHARE * len(lines):
        return None
    skipped = next(number for number, line in enumerate(lines) if len(line) == usual[0][0])
    rows = [line for line in lines[skipped:] if len(line) == usual[0][0]]
    if len(rows) > 1 and not any(VALUE.fullmatch(name) for name in rows[0].split()):
        rows, skipped = rows[1:], skipped + 1
    places = _places(rows)
    if len(places) < 2:
        return None
    names = lines[skipped - 1].split() if skipped else []
    columns = dict(zip(names if len(names) == len(places) else _numbered(len(places)), places, strict=True))
    return {"format": "fixed_width", "skip_rows": skipped, "columns": columns}


def _places(rows: Sequence[str]) -> list[list[int]]:
    """Where the columns stand: each reaches from the end of the one before to the end of its own values."""
    is_filled = [any(row[place] != " " for row in rows) for place in range(len(rows[0]))]
    ends = [place + 1 for place, filled in enumerate(is_filled) if filled and not [*is_filled, False][place + 1]]
    return [[start, end] for start, end in zip([0, *ends], ends, strict=False)]


def _whitespace(lines: Sequence[str]) -> dict[str, Any] | None:
    records = [line.split() for line in lines]
    width, share = _usual_width(records)
    if width < 2 or share < USUAL_SHARE:
        return None
    skipped = next(number for number, record in enumerate(records) if len(record) == width)
    return {"format": "whitespace", **_header(records[skipped:], skipped)}
