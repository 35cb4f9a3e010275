"""Decisions of people about who is one customer: a CSV file that they write, and `identity review` adds to.

A row says that two records are the same customer, or never are. Of several rows about the same two records the last one
counts, so that a decision is taken back by another one, and the file remembers both.
"""

import csv
import datetime as dt
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.base.errors import UserError
from pipeline.base.settings import Settings, known_sources

COLUMNS = (
    "decision",
    "source_system",
    "source_customer_id",
    "other_source_system",
    "other_source_customer_id",
    "decided_by",
    "reason",
    "decided_on",
)
DECIDES = COLUMNS[:5]
"""The columns that change who is a customer; the others say who decided, why and when."""
SAME, NEVER = "same", "never"
Decision = dict[str, str]
Record = tuple[str, str]


def read_decisions(settings: Settings) -> list[Decision]:
    """Return all rows of the file, as `check_decisions` does; none where there is no file.

    Raises
    ------
    UserError
        The file cannot be read, or a row cannot be used.
    """
    path = settings.identity_decisions
    if not path.exists():
        return []
    try:
        return check_decisions(path.read_text(encoding="utf-8-sig"), path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} has bytes that are not UTF-8. Save it as CSV in UTF-8.") from error


def check_decisions(text: str, path: Path) -> list[Decision]:
    """Read rows of decisions, each with the columns of `COLUMNS`.

    Parameters
    ----------
    text
        CSV with a header.
    path
        The file's name, for messages.

    Raises
    ------
    UserError
        A row cannot be used, or two contradict each other; the message names file, line and column.
    """
    rows = list(_rows(text, path))
    _check_contradictions(in_force(rows), path)
    return [row for _, row in rows]


def in_force(rows: Sequence[tuple[int, Decision]]) -> list[tuple[int, Decision]]:
    """Return the last row, with its line, about each two records."""
    last = {frozenset(records_of(row)): (line, row) for line, row in rows}
    return sorted(last.values(), key=lambda numbered: numbered[0])


def decided(rows: Sequence[Decision]) -> list[Decision]:
    """Return what counts of some rows, in an order of its own: `DECIDES`, the smaller record first."""
    found = []
    for _, row in in_force(list(enumerate(rows))):
        one, other = sorted(records_of(row))
        found.append(dict(zip(DECIDES, (row["decision"], *one, *other), strict=True)))
    return sorted(found, key=lambda row: list(row.values()))


def records_of(row: Mapping[str, str]) -> tuple[Record, Record]:
    """Return the two records of a decision: source and its number there."""
    return (
        (row["source_system"], row["source_customer_id"]),
        (row["other_source_system"], row["other_source_customer_id"]),
    )


def _rows(text: str, path: Path) -> Iterator[tuple[int, Decision]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    if tuple(header) != COLUMNS:
        raise UserError(f"{path}, line 1: the columns are {', '.join(header) or 'missing'}. Write {','.join(COLUMNS)}.")
    known = set(known_sources())
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield reader.line_num, _row(values, f"{path}, line {reader.line_num}", known)
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: it is no CSV ({error}). Correct it there.") from error


def _row(values: Sequence[str], where: str, known: set[str]) -> Decision:
    if len(values) != len(COLUMNS):
        raise UserError(f"{where} has {len(values)} values, and should have {len(COLUMNS)}: {', '.join(COLUMNS)}.")
    row = {name: value.strip() for name, value in zip(COLUMNS, values, strict=True)}
    for name, value in row.items():
        if not value:
            raise UserError(f"{where}, column {name}: it is empty. Write a value.")
    if row["decision"] not in (SAME, NEVER):
        raise UserError(f"{where}, column decision: '{row['decision']}' is none. Write {SAME} or {NEVER}.")
    for name in ("source_system", "other_source_system"):
        if row[name] not in known:
            raise UserError(
                f"{where}, column {name}: there is no source '{row[name]}'. Known: {', '.join(sorted(known))}."
            )
    one, other = records_of(row)
    if one == other:
        raise UserError(f"{where}, column other_source_customer_id: it is the same record. Name another one.")
    try:
        dt.date.fromisoformat(row["decided_on"])
    except ValueError as error:
        raise UserError(
            f"{where}, column decided_on: '{row['decided_on']}' is no date. Write it as 2026-01-31."
        ) from error
    return row


def _check_contradictions(counting: Sequence[tuple[int, Decision]], path: Path) -> None:
    """Check that no two records that are never one customer are joined by rows that say `same`."""
    joined: dict[Record, Record] = {}

    def first_of(record: Record) -> Record:
        while joined.get(record, record) != record:
            record = joined[record]
        return record

    for _, row in counting:
        if row["decision"] == SAME:
            one, other = records_of(row)
            joined[first_of(one)] = first_of(other)
    for line, row in counting:
        one, other = records_of(row)
        if row["decision"] == NEVER and first_of(one) == first_of(other):
            same = [
                number
                for number, each in counting
                if each["decision"] == SAME and first_of(records_of(each)[0]) == first_of(one)
            ]
            raise UserError(
                f"{path}, line {line}, column decision: '{NEVER}' contradicts the rows that say '{SAME}' and join the "
                f"two records (line {', '.join(map(str, same))}). Take one of them back by a later row about the same "
                "two records."
            )
