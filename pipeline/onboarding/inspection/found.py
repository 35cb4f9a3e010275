"""What was found at the place where a source's data are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb


@dataclass(frozen=True)
class Lookup:
    """A name in place of a number: `column` is the `key` of another table, whose `name` is `called` so here."""

    table: str
    column: str
    key: str
    name: str
    called: str


@dataclass(frozen=True)
class Found:
    """A table that was found.

    Attributes
    ----------
    name
        Its name in the yml.
    rows
        A DuckDB table with its rows; or with some of them, where `is_whole` is false.
    options
        The keys of the yml that say how it is read: `file`, `format`, `delimiter`, `query_table`, …
    primary_key
        What a database says identifies a row.
    estimate
        How many rows the source says there are.
    earliest
        Asks the source for the first value of a column; None where `rows` can be asked.
    is_series
        Several files, which together are the table.
    foreign_keys
        What a database says of other tables: column, and the table and its column.
    unfolded
        SQL over the landed rows, `{landed}`, that gives what is nested in them a row or a column of its own.
    is_nested
        A row of it is a part of a landed row.
    lookups
        The names that are joined to its rows from other tables.
    totals
        SQL of the landed rows that sum up others; `rows` is without them.
    """

    name: str
    rows: str
    options: dict[str, Any]
    primary_key: list[str] = field(default_factory=list)
    is_whole: bool = True
    estimate: int | None = None
    earliest: Callable[[str], Any] | None = None
    is_series: bool = False
    foreign_keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    unfolded: str | None = None
    is_nested: bool = False
    lookups: list[Lookup] = field(default_factory=list)
    totals: str | None = None

    def landed_column(self, name: str) -> str | None:
        """The landed column that a column stands in: itself, or what it is nested in; None: it is made here."""
        if name in {lookup.called for lookup in self.lookups}:
            return None
        landed = self.options.get("columns")
        if self.unfolded is None or not landed or name in landed:
            return name
        outer = name.partition(".")[0]
        return outer if outer in landed else None


@dataclass(frozen=True)
class Place:
    """A source's place, and its tables. `login` is the id of a server's Airflow connection."""

    kind: str
    connection: duckdb.DuckDBPyConnection
    tables: list[Found]
    location: str | None = None
    folder: Path | None = None
    login: str | None = None


def first_time(value: Any) -> datetime | None:
    """A value of a database as a time, if it is one."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=None)
    except ValueError:
        return None
