"""How to read each kind of table.

A new file format is one module with `open_rows`, named in pipeline/sources/formats.py. Where a file of it lists other
files, which hold the rows, the module has `listed_files` as well. A new kind of database is one module with a
`Database`, named in `open_database`.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import duckdb

from pipeline.base.duck import connect
from pipeline.base.scratch import scratch_folder
from pipeline.landing.readers.base import Request, Rows, Session
from pipeline.landing.readers.databases.database import Connection
from pipeline.sources.formats import FORMATS


@dataclass(frozen=True)
class Reader:
    """What the module of a reader has.

    Attributes
    ----------
    open_rows : callable
        Opens the rows of a request.
    listed_files : callable or None
        Returns the files that a file lists: paths beside it, or addresses of fsspec. None: a file holds its own rows.
    """

    open_rows: Callable[[Session, Request], Rows]
    listed_files: Callable[[Path], list[str]] | None = None


def _reader(module: str) -> Reader:
    found = import_module(f"{__name__}.{module}")
    return Reader(found.open_rows, getattr(found, "listed_files", None))


READERS = {name: _reader(module) for name, module in {**FORMATS, "database": "databases.database"}.items()}


@contextmanager
def opened(
    request: Request, home: Path, connection_to_source: Connection | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Rows]]:
    """Open the rows of a request in a DuckDB session of their own."""
    with session(home, connection_to_source) as working:
        yield working.connection, READERS[request.table.reader].open_rows(working, request)


@contextmanager
def session(home: Path, connection_to_source: Connection | None = None) -> Iterator[Session]:
    """Open a DuckDB session with a scratch folder under CRM_HOME, both gone afterwards."""
    with scratch_folder(home) as scratch, closing(connect(spill=scratch)) as connection:
        yield Session(connection, scratch, connection_to_source)


__all__ = ["READERS", "Request", "Rows", "Session", "opened", "session"]
