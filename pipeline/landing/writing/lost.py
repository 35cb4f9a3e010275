"""How many rows of a table a load takes away."""

from dataclasses import replace

import duckdb

from pipeline.landing.ends.hold import Lost
from pipeline.landing.state import count_deleted, landed, settle
from pipeline.landing.writing.load import Load


def lost_rows(load: Load, connection: duckdb.DuckDBPyConnection, main: str, deleted: int) -> Lost | None:
    """How many rows were there before, and how many of them are gone; None where only few can be."""
    volume, state = load.request.table.volume, load.state
    if volume is None or not load.earlier:
        return None
    if state is None:
        return _shrunk_by(load, connection, main)
    marked = 0
    if state.deleted:
        ((marked,),) = connection.execute(f"select count(*) from {main} where {state.is_deletion}").fetchall()
    if max(deleted, marked) == 0:
        return None
    settle(connection, state)
    return Lost(*count_deleted(connection, state, main))


def _shrunk_by(load: Load, connection: duckdb.DuckDBPyConnection, main: str) -> Lost | None:
    """By how many rows a table has shrunk of which the newest load says what it is."""
    table, last = load.request.table, load.newest
    before = landed(load.settings, [last], table) if last else None
    if table.load != "snapshot" or before is None:
        return None  # rows without a key are only added
    now = replace(before, deleted=table.deleted)
    ((rows, rows_now),) = connection.execute(
        f"select (select count(*) from {before.rows} where not {before.is_deletion}), "
        f"(select count(*) from {main} where not {now.is_deletion})"
    ).fetchall()
    return Lost(rows, max(0, rows - rows_now))
