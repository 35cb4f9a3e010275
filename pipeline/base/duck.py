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

    `spill` is the folder of its temporary files. By default DuckDB puts them beside the file, or into `.tmp` in the
    current folder; `pipeline.base.scratch` opens sessions whose temporary files are under CRM_HOME.
    """
    connection = duckdb.connect(str(path) if path else ":memory:", read_only=read_only, config=CONFIG)
    # What prints goes to pipes and files, too: a bar in it would be part of it.
    connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
    if spill:
        connection.execute(f"set temp_directory = {quote_literal(str(spill))}")
    return connection


def quote_identifier(name: str) -> str:
    """Quote a table or column name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(value: str) -> str:
    """Quote a text value for the few statements that take no bound parameters (COPY, ATTACH, CREATE VIEW)."""
    return "'" + value.replace("'", "''") + "'"
