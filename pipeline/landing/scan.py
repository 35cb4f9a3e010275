"""The scan of keys: what is there and not as it landed, and what landed and is not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.landing.readers.base import Request, Session, Window, list_of_files, write_batches
from pipeline.landing.readers.databases.database import Column, described, select_sql
from pipeline.landing.receipts import Receipt
from pipeline.landing.state import NEWEST, Landed, gone_from, settle

# In so many ranges of their cursors missed rows are asked for: a condition that every server plans in no time.
MOST_RANGES = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@dataclass(frozen=True)
class Scan:
    """What a scan of keys has found.

    Attributes
    ----------
    gone : pyarrow.Table
        The last landed row of each key that is no longer there, columns as in the source.
    missed : list of (datetime, datetime)
        Ranges of the cursors of rows that are there and are not what landed last (`Window.also`).
    cursor : Column
        The table's cursor.
    """

    gone: pa.Table
    missed: list[tuple[datetime, datetime]]
    cursor: Column

    def count_missed(self, connection: duckdb.DuckDBPyConnection, rows: str, request: Request) -> int:
        """Count the landed rows that only the scan has brought: those from before the window."""
        window = request.window
        start = _as_it_stands(self.cursor, window.start if window else None, request.source.event_zone)
        if start is None or not self.missed:
            return 0
        value = _timestamp(connection, rows, self.cursor.name)
        condition = f"_op <> 'delete' and {value} < timestamp {quote_literal(str(start))}"
        ((count,),) = connection.execute(f"select count(*) from {rows} where {condition}").fetchall()
        return int(count)


def scan_keys(
    session: Session, request: Request, state: Landed, earlier: Sequence[Receipt], end: datetime | None
) -> Scan:
    """Read key and cursor of all rows in the load's own snapshot of the database, and compare them with what landed.

    Rows whose cursor is `end` or later belong to a later interval.
    """
    table, connection = request.table, session.database
    assert connection is not None and table.cursor is not None  # only tables of a database are scanned
    columns = described(connection, request)
    names = [column.name for column in columns]
    needed = [column for column in columns if column.name in {*table.key_columns, table.cursor}]
    everything = Request(request.source, request.name, table, request.files, window=Window(None, None))
    stream = connection.query_whole(
        partial(select_sql, connection, everything, needed, columns), needed, everything, session.new_rejects()
    )
    scan = list_of_files("read_parquet", [write_batches(session, stream.schema, stream.batches)])
    landed_columns = {column["name"] for receipt in earlier for column in receipt["schema"]}
    settle(session.connection, state, [table.cursor] if table.cursor in landed_columns else [])
    lacking = [r["generation"] for r in earlier if not set(names) <= {column["name"] for column in r["schema"]}]
    cursor = next(column for column in columns if column.name == table.cursor)
    live = _live(session.connection, state, scan, cursor, _as_it_stands(cursor, end, request.source.event_zone))
    missed = _missed(session.connection, state, live, table.cursor, lacking)
    in_main = {c["name"] for receipt in earlier for c in receipt["schema"] if not c.get("personal")}
    query = gone_from(state, scan, names, [name for name in names if name in in_main])
    gone: pa.Table = session.connection.sql(query).to_arrow_table()
    return Scan(gone.drop_columns(["_op"]), ranges(missed, DAY if cursor.time == "date" else SECOND), cursor)


def _as_it_stands(cursor: Column, moment: datetime | None, zone: str) -> datetime | None:
    """A moment as the cursor says it: local time where that has no zone."""
    if moment is None:
        return None
    return moment.astimezone(UTC if cursor.time == "instant" else ZoneInfo(zone)).replace(tzinfo=None)


def _live(connection: duckdb.DuckDBPyConnection, state: Landed, scan: str, cursor: Column, end: datetime | None) -> str:
    """SQL of the keys that are there, each with its newest cursor as a timestamp (`stands_at`)."""
    value = _timestamp(connection, scan, cursor.name)
    before = f"and {value} < timestamp {quote_literal(str(end))}" if end else ""
    return (
        f"(select {state.key_list}, max({value}) as stands_at from {scan} where {state.has_key} {before} "
        f"group by {state.key_list})"
    )


def _timestamp(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> str:
    """SQL of a cursor as a timestamp: UTC where it has a zone, else what it says."""
    quoted = quote_identifier(column)
    ((_, kind, *_),) = connection.execute(f"describe select {quoted} from {relation}").fetchall()
    if kind in ("DATE", "TIMESTAMP"):
        return f"{quoted}::timestamp"
    return f"timezone('UTC', try_cast({quoted} as timestamptz))"


def _missed(
    connection: duckdb.DuckDBPyConnection, state: Landed, live: str, cursor: str, lacking: Sequence[int]
) -> npt.NDArray[np.int64]:
    """Cursors, in microseconds, of the rows that never landed, changed since, came back, or lack a column."""
    there = {name for name, *_ in connection.execute(f"describe {NEWEST}").fetchall()}
    stood_at = _timestamp(connection, NEWEST, cursor) if cursor in there else "null::timestamp"
    query = (
        f"select distinct epoch_us(date_trunc('second', live.stands_at)) as moment from {live} as live left join ("
        f"select {state.key_list}, {stood_at} as stood_at from {NEWEST} where _op <> 'delete' "
        f"and generation not in ({', '.join(map(str, lacking or [0]))})) as landed "
        f"on {state.same_key('live', 'landed')} where landed.stood_at is distinct from live.stands_at"
    )
    moments = connection.execute(query).fetchnumpy()["moment"]
    return np.sort(np.ma.compressed(moments).astype(np.int64))


def ranges(moments: npt.NDArray[np.int64], unit: timedelta) -> list[tuple[datetime, datetime]]:
    """Cover sorted moments (microseconds) with ranges that leave out the widest gaps between them."""
    if not moments.size:
        return []
    splits = np.sort(np.argsort(np.diff(moments))[::-1][: MOST_RANGES - 1]) + 1
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC) - 2 * DAY
    return [(max(first, _moment(part[0])), min(last, _moment(part[-1])) + unit) for part in np.split(moments, splits)]


def _moment(microseconds: np.int64) -> datetime:
    return EPOCH + timedelta(microseconds=int(microseconds))
