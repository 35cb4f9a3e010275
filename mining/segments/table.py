"""The segments: dbt_project/seeds/segments.csv, which marts and reports read too.

A segment's id never changes its meaning. Its rank says where it stands by value to the company, 1 is the best: a
company inserts a segment under a new id, and moves the ranks. Its rule names cells of a table.

Rows of the table are what the customer is doing: the lifecycle stage, where growing, stable and declining are steady
or, where a customer buys less than before or is late by the own rhythm, slipping. Columns are `once`, for whoever
bought on one day only, else worth from 1 to 5, the mean of frequency and monetary score, halves rounded up. So a
segment cannot contradict the stage, and no score alone makes a claim: whoever bought on one day is neither loyal nor at
risk, whatever the amount.
"""

import csv
from functools import cache
from pathlib import Path

from pipeline.base.errors import UserError
from pipeline.base.settings import DBT_PROJECT, shown

SEEDS = DBT_PROJECT / "seeds" / "segments.csv"
ROWS = ("new", "won_back", "steady", "slipping", "dormant", "lost")
ONCE = 0
COLUMNS = {"once": ONCE, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5}

Cell = tuple[str, int]
Segment = tuple[int, str]
"""Id and name."""


@cache
def read_segments(path: Path = SEEDS) -> dict[Cell, Segment]:
    """Return the segment of each cell.

    Raises
    ------
    UserError
        An id, name or rank is there twice, a rule names no cell, or a cell has no segment, or two.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for column in ("segment_id", "segment_name", "segment_rank"):
        values = [row[column] for row in rows]
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise UserError(f"{shown(path)}: {column} {', '.join(twice)} is there twice. Give each segment its own.")
    found: dict[Cell, Segment] = {}
    for row in rows:
        for cell in _cells(row["rule"], row["segment_name"], path):
            if cell in found:
                raise _wrong(path, cell, f"is in two segments, {found[cell][1]} and {row['segment_name']}")
            found[cell] = int(row["segment_id"]), row["segment_name"]
    for cell in [(row, column) for row in ROWS for column in COLUMNS.values()]:
        if cell not in found:
            raise _wrong(path, cell, "is in no segment")
    return found


def largest_id() -> int:
    """Return the largest id of a segment."""
    return max(number for number, _ in read_segments().values())


def _cells(rule: str, name: str, path: Path) -> list[Cell]:
    """Read a rule such as `steady: once; slipping: 4 5`."""
    cells = []
    for part in rule.split(";"):
        row, _, columns = part.partition(":")
        for column in columns.split():
            if row.strip() not in ROWS or column not in COLUMNS:
                raise UserError(
                    f"{shown(path)}, {name}: '{part.strip()}' is no rule. Write a row ({', '.join(ROWS)}), a colon and "
                    f"columns ({', '.join(COLUMNS)}), such as 'steady: 4 5'; a semicolon between rows."
                )
            cells.append((row.strip(), COLUMNS[column]))
    return cells


def _wrong(path: Path, cell: Cell, problem: str) -> UserError:
    column = next(name for name, value in COLUMNS.items() if value == cell[1])
    return UserError(f"{shown(path)}: the cell '{cell[0]}: {column}' {problem}. Each cell belongs to one segment.")
