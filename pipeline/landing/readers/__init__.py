"""How to read each kind of table.

A new file format is one module with one function, named in READERS; a new kind of database one with a `Database`, named
in `open_database`.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from pipeline.duck import connect
from pipeline.landing.readers import database, delimited, excel, fixed_width, jsonl, parquet, whitespace
from pipeline.landing.readers.base import Reader, Request, Rows, Session
from pipeline.landing.readers.database import Connection
from pipeline.scratch import scratch_folder

READERS: dict[str, Reader] = {
    "csv": delimited.open_rows,
    "excel": excel.open_rows,
    "jsonl": jsonl.open_rows,
    "fixed_width": fixed_width.open_rows,
    "parquet": parquet.open_rows,
    "whitespace": whitespace.open_rows,
    "database": database.open_rows,
}


@contextmanager
def opened(
    request: Request, home: Path, connection_to_source: Connection | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Rows]]:
    """Open the rows of a request in a DuckDB session of their own."""
    with session(home, connection_to_source) as working:
        yield working.connection, READERS[request.table.reader](working, request)


@contextmanager
def session(home: Path, connection_to_source: Connection | None = None) -> Iterator[Session]:
    """Open a DuckDB session with a scratch folder under CRM_HOME, both gone afterwards."""
    with scratch_folder(home) as scratch, closing(connect(spill=scratch)) as connection:
        yield Session(connection, scratch, connection_to_source)


__all__ = ["READERS", "Request", "Rows", "Session", "opened", "session"]
