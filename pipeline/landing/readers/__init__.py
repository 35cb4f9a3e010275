"""How to read each kind of table.

A new file format is one module with one function, named in READERS; a new kind of database one with a `Database`, named
in `open_database`.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from pipeline.duck import connect
from pipeline.landing.readers import database, delimited, excel, fixed_width, jsonl, parquet, whitespace
from pipeline.landing.readers.base import Reader, Request, Rows, Session
from pipeline.landing.readers.database import Connection

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
    request: Request, connection_to_source: Connection | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Rows]]:
    """Open the rows of a request in a DuckDB session of their own."""
    with session(connection_to_source) as working:
        yield working.connection, READERS[request.table.reader](working, request)


@contextmanager
def session(connection_to_source: Connection | None = None) -> Iterator[Session]:
    """Open a DuckDB session with a scratch folder, both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as scratch, closing(connect()) as connection:
        connection.execute(f"set temp_directory = '{scratch}'")
        yield Session(connection, Path(scratch), connection_to_source)


__all__ = ["READERS", "Request", "Rows", "Session", "opened", "session"]
