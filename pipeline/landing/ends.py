"""Where the data of a source without schedule end: after the newest event, and the newest cursor."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial

import pyarrow as pa

from pipeline.errors import UserError
from pipeline.landing.databases import open_database, with_connection
from pipeline.landing.events import event_span
from pipeline.landing.files import find_files, not_landed_yet
from pipeline.landing.readers import Request, Rows, opened
from pipeline.landing.readers.base import with_fallback
from pipeline.landing.readers.database import Connection, Database, last_cursor
from pipeline.landing.receipts import instant, read_receipts
from pipeline.settings import Settings
from pipeline.sources import Source, next_step


def end_after_last_event(source: Source, settings: Settings) -> datetime:
    """Local midnight after the newest event, and the newest cursor, of a source without schedule."""
    if source.is_scheduled:
        raise UserError(
            f"Source '{source.name}' has the schedule '{source.schedule}': its loads need an interval end, "
            "which Airflow gives (`make up`)."
        )
    last = _last_seen(source, settings)
    if not last and not all(table.may_be_empty for table in source.tables.values()):
        raise UserError(f"Source '{source.name}': no row has an event time, so the load has no end.{next_step(source)}")
    zone = source.business_zone(settings)
    last = last or [source.first_start(settings)]  # a source that may be empty, and is, has delivered its first day
    next_day = max(last).astimezone(zone).date() + timedelta(days=1)
    return datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone).astimezone(UTC)


def _last_seen(source: Source, settings: Settings) -> list[datetime]:
    """Newest event of each table that has an event time, and newest cursor of each whose rows are read by it.

    A table that cannot be read now fails in its own load: the end is that of the others.
    """
    last: list[datetime] = []
    failures: list[UserError] = []
    with open_database(source, settings, 1) as (database, _):
        for name in source.tables:
            try:
                last += with_connection(database, partial(_last_of_table, source, name, settings))
            except UserError as error:
                failures.append(error)
    if failures and not last:
        raise failures[0]
    return last


def _last_of_table(source: Source, name: str, settings: Settings, connection: Connection | None) -> list[datetime]:
    last: list[datetime] = []
    table = source.tables[name]
    if connection and table.load != "snapshot":
        last += last_cursor(connection, Request(source, name, table, []))
    if table.event_time is None:
        return last
    files = [] if connection else find_files(source, name, table, settings)
    if table.load == "append" and not connection:  # the receipts say it of what has been landed
        earlier = read_receipts(settings, source.name, name)
        last += [instant(receipt["last_event_at"]) for receipt in earlier if receipt["last_event_at"]]
        files = [path for path, _ in not_landed_yet(files, earlier)]
    if files or connection:
        last += _last_event(settings, Request(source, name, table, files, only=table.event_time), connection)
    return last


def lent(database: Database | None) -> AbstractContextManager[Connection | None]:
    """Lend a connection to a database; None where the source is files."""
    return database.connection() if database else nullcontext()


def _last_event(settings: Settings, request: Request, connection: Connection | None) -> list[datetime]:
    interrupted: list[Exception] = []

    def kept(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except UserError as error:
            interrupted.append(error)
            raise

    with opened(request, settings.home, connection) as (working, rows):
        if rows.stream:
            batches = pa.RecordBatchReader.from_batches(rows.stream.schema, kept(rows.stream.batches))
            working.register("streamed", batches)
        found: list[datetime] = []

        def measure(readable: Rows) -> None:
            span = event_span(working, request, readable.relation or "streamed")
            found[:] = [span.last] if span else []

        try:
            with_fallback(rows, measure)
        except Exception as error:
            raise (interrupted or [error])[0] from error  # DuckDB makes an error of its own of one of a stream
    return found
