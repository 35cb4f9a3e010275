"""The scan of keys: which keys of an upserted table are gone, and which rows no load has brought."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from pipeline.duck import quote_literal
from pipeline.landing.readers.base import Request, Session, Window, list_of_files, write_batches
from pipeline.landing.readers.database import Column, described, select_sql
from pipeline.landing.receipts import Receipt
from pipeline.landing.state import earliest_missed, gone_from, landed
from pipeline.settings import Settings


@dataclass(frozen=True)
class Scan:
    """What a scan of keys has found.

    Attributes
    ----------
    gone : pyarrow.Table
        The last landed row of each key that is no longer there, columns as in the source.
    missed_from : datetime or None
        The earliest cursor (UTC) of a row that is there and was never landed.
    """

    gone: pa.Table
    missed_from: datetime | None


def scan_keys(
    session: Session, request: Request, earlier: Sequence[Receipt], settings: Settings, end: datetime
) -> Scan:
    """Read key and cursor of all rows in the load's own snapshot of the database, and compare them with what landed."""
    table, connection = request.table, session.database
    assert connection is not None and table.cursor is not None  # only tables of a database are scanned
    state = landed(settings, earlier, table.key_columns)
    assert state is not None  # a first load is not scanned
    columns = described(connection, request)
    needed = [column for column in columns if column.name in {*table.key_columns, table.cursor}]
    everything = Request(request.source, request.name, table, request.files, window=Window(None, None))
    stream = connection.query(select_sql(connection, everything, needed, columns), needed, everything)
    scan = list_of_files("read_parquet", [write_batches(session, stream.schema, stream.batches)])
    cursor = next(column for column in columns if column.name == table.cursor)
    zone = "UTC" if cursor.time == "instant" else request.source.event_zone
    missed = earliest_missed(session.connection, state, scan, table.cursor, _as_value(cursor, end, zone))
    in_main = {c["name"] for receipt in earlier for c in receipt["schema"] if not c.get("personal")}
    names = [column.name for column in columns]
    query = gone_from(state, scan, names, [name for name in names if name in in_main])
    gone: pa.Table = session.connection.sql(query).to_arrow_table()
    return Scan(gone.drop_columns(["_op"]), _as_instant(missed, zone))


def _as_value(cursor: Column, moment: datetime, zone: str) -> str:
    """SQL of an instant as the landed cursor has it."""
    if cursor.time == "instant":
        return f"{quote_literal(moment.isoformat())}::timestamptz"
    return f"timezone({quote_literal(zone)}, {quote_literal(moment.isoformat())}::timestamptz)"


def _as_instant(value: object, zone: str) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    return moment.astimezone(UTC) - timedelta(microseconds=1)
