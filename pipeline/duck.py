"""DuckDB sessions with the project's settings: UTC, no downloads, exact order."""

from pathlib import Path

import duckdb

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def connect(
    path: Path | None = None, *, read_only: bool = False, spill: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a database file, or an in-memory session.

    `spill` is the folder of its temporary files. DuckDB's own choice is beside the file, or `.tmp` in the folder that
    the process happens to be in: `pipeline.scratch` has sessions whose files stand where they may.
    """
    connection = duckdb.connect(str(path) if path else ":memory:", read_only=read_only, config=CONFIG)
    connection.execute("set TimeZone = 'UTC'")
    if spill:
        connection.execute(f"set temp_directory = {quote_literal(str(spill))}")
    return connection


def quote_identifier(name: str) -> str:
    """Quote a table or column name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: str) -> str:
    """Quote a text value for the few statements that take no bound parameters (COPY, ATTACH, CREATE VIEW)."""
    return "'" + value.replace("'", "''") + "'"
