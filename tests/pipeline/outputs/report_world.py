"""A release as its contract describes it: every published table, typed and empty, and rows that a test tells."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from pipeline.base.catalog import published
from pipeline.base.duck import connect, quote_identifier

Rows = Sequence[Mapping[str, Any]]
RELEASE = {"release_id": "r-1", "sources": "shop", "currency": "EUR", "as_of_date": "2026-03-31"}


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "release.duckdb"
        with closing(connect(path)) as release:
            for schema in ("core", "marts", "ops"):
                release.execute(f"create schema {schema}")
            for name, table in published().items():
                columns = ", ".join(f"{quote_identifier(each.name)} {each.data_type}" for each in table.columns)
                release.execute(f"create table {name} ({columns})")
        return path.read_bytes()


def fill(release: duckdb.DuckDBPyConnection, table: str, rows: Rows) -> None:
    """Add rows to a table; what they do not name is null."""
    for row in rows:
        names = ", ".join(quote_identifier(name) for name in row)
        places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
        release.execute(f"insert into {table} ({names}) values ({places})", list(row.values()))


def write_release(path: Path, tables: Mapping[str, Rows], **changes: str) -> Path:
    """Write a release with these rows, and return its path."""
    path.write_bytes(_empty())
    with closing(connect(path)) as release:
        release.execute("begin")
        fill(release, "marts.release", [{**RELEASE, **changes}])
        for table, rows in tables.items():
            fill(release, table, rows)
        release.execute("commit")
    return path
