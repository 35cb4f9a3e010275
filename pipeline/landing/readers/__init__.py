"""How to read each kind of table. A new kind is one module with one function, named in READERS."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from pipeline.duck import connect
from pipeline.landing.readers import delimited, fixed_width, jsonl, parquet, sqlite
from pipeline.landing.readers.base import Reader, Request, Rows, Session

READERS: dict[str, Reader] = {
    "csv": delimited.open_rows,
    "jsonl": jsonl.open_rows,
    "fixed_width": fixed_width.open_rows,
    "parquet": parquet.open_rows,
    "sqlite": sqlite.open_rows,
}


@contextmanager
def opened(request: Request) -> Iterator[tuple[duckdb.DuckDBPyConnection, Rows]]:
    """Open the rows of a request in a DuckDB session of their own."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as scratch, closing(connect()) as connection:
        yield connection, READERS[request.table.reader](Session(connection, Path(scratch)), request)


__all__ = ["READERS", "Request", "Rows", "opened"]
