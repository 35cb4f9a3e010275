"""When the rows happened that a table of files holds now: its landed rows, and those of new files in their place."""

from collections.abc import Sequence
from datetime import datetime

import duckdb

from pipeline.base.duck import quote_identifier
from pipeline.base.settings import Settings
from pipeline.landing.events import Events, event_query, events_of, possible_sql, timestamp_sql
from pipeline.landing.readers import Request
from pipeline.landing.receipts import Receipt
from pipeline.landing.state import NEWEST, landed, says_deleted, settle

NEW = "_new_rows"


def standing_events(
    connection: duckdb.DuckDBPyConnection,
    request: Request,
    new: str,
    read_at: datetime,
    before: tuple[Settings, Sequence[Receipt]],
) -> Events | None:
    """Events of the rows that hold: of each key the last one, as far as it is not deleted; without a key all.

    Parameters
    ----------
    new
        Relation of the rows of the new files, in their order.
    before
        What has landed.
    """
    keys = request.table.key_columns
    at = possible_sql("event_at", timestamp_sql(read_at))
    columns = f", {', '.join([*_as_text(keys), says_deleted(request.table.deleted)])} as is_gone"
    query = event_query(connection, request, new, columns)
    judged = f"select * replace ({at} as event_at), row_number() over () as place from ({query})"
    connection.execute(f"create or replace temp table {NEW} as {judged}")
    parts = [_last_of_each(keys)]
    there = _landed(connection, request, *before)
    if there:
        same = " and ".join(f"before.key{n} = new.key{n}" for n in range(len(keys)))
        parts.append(f"from ({there}) as before" + (f" anti join {NEW} as new on {same}" if keys else ""))
    rows = " union all ".join(f"select event_at, is_gone {part}" for part in parts)
    return events_of(connection, f"select event_at from ({rows}) where not is_gone")


def _as_text(keys: Sequence[str]) -> list[str]:
    return [f"cast({quote_identifier(name)} as varchar) as key{number}" for number, name in enumerate(keys)]


def _last_of_each(keys: Sequence[str]) -> str:
    if not keys:
        return f"from {NEW}"
    key = ", ".join(f"key{number}" for number in range(len(keys)))
    return f"from {NEW} qualify row_number() over (partition by {key} order by place desc) = 1"


def _landed(
    connection: duckdb.DuckDBPyConnection, request: Request, settings: Settings, earlier: Sequence[Receipt]
) -> str | None:
    """SQL of `event_at`, `is_gone` and the key of the landed rows; what was impossible when it was read is null."""
    table = request.table
    state = landed(settings, earlier, table)
    event_time = table.event_time or ""
    if state is None or not any(event_time == column["name"] for receipt in earlier for column in receipt["schema"]):
        return None
    relation, generation, is_gone = state.rows, "_generation", state.is_deletion
    if table.key_columns:
        settle(connection, state, [event_time])
        relation, generation, is_gone = NEWEST, "generation", "is_gone"
    columns = [*_as_text(table.key_columns), f"{is_gone} as is_gone", f"{generation} as load"]
    query = event_query(connection, request, relation, f", {', '.join(columns)}")
    reads = ", ".join(f"({receipt['generation']}, {timestamp_sql(receipt['read_at'])})" for receipt in earlier)
    at = possible_sql("event_at", "loads.read_at")
    return (
        f"select before.* replace ({at} as event_at) from ({query}) as before "
        f"left join (values {reads}) as loads (load, read_at) using (load)"
    )
