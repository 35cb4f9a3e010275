"""What every reader takes and gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from pipeline.errors import UserError
from pipeline.sources import RESERVED_COLUMNS, Source, Table

REJECTS = pa.schema([("file", pa.string()), ("line", pa.int64()), ("error", pa.string()), ("content", pa.string())])


@dataclass(frozen=True)
class Request:
    """A table to read.

    Attributes
    ----------
    source, name, table : Source, str, Table
        The definition.
    files : sequence of Path
        Source files in the order in which they are read.
    """

    source: Source
    name: str
    table: Table
    files: Sequence[Path]

    @property
    def label(self) -> str:
        """How messages name the table."""
        return f"{self.source.name}.{self.name}"


@dataclass(frozen=True)
class Rows:
    """Rows ready to be read once, in the order of the source.

    Attributes
    ----------
    columns : list of str
        Names as received.
    relation : str
        What stands after FROM in SQL on the connection that the reader was given.
    rejects : callable
        The lines that could not be read (schema REJECTS); call it when the relation has been read to its end.
    """

    columns: list[str]
    relation: str
    rejects: Callable[[], pa.Table]


class Reader(Protocol):
    """Opens the files of a request on a DuckDB connection. `scratch` is a folder for temporary files."""

    def __call__(self, connection: duckdb.DuckDBPyConnection, request: Request, scratch: Path) -> Rows: ...


def no_rejects() -> pa.Table:
    """For formats in which a row cannot be broken alone."""
    return REJECTS.empty_table()


def check_columns(request: Request, columns: Sequence[str], where: str) -> None:
    """Raise when a declared column is absent, or a name is used twice or reserved."""
    needed = list(request.table.columns)
    needed += [] if request.table.key == "position" else list(request.table.key)
    needed += [request.table.event_time] if request.table.event_time else []
    missing = [name for name in dict.fromkeys(needed) if name not in columns]
    if missing:
        raise UserError(
            f"{where} has no column '{missing[0]}', which dags/sources/{request.source.name}.yml names for table "
            f"'{request.name}'. It has: {', '.join(columns)}. Correct the name there, or ask for the file with this column."
        )
    seen: dict[str, str] = {}
    for name in columns:
        if name.lower() in RESERVED_COLUMNS:
            raise UserError(f"{where} has a column '{name}': landing adds a column of this name. Rename it in the file.")
        if name.lower() in seen:
            raise UserError(f"{where} has two columns '{seen[name.lower()]}' and '{name}'. Rename one in the file.")
        seen[name.lower()] = name
