"""How far a table reaches: its newest event, its newest cursor, and whether its last rows leap."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import duckdb
import pyarrow as pa

from pipeline.duck import quote_identifier
from pipeline.errors import UserError
from pipeline.landing.events import Events, event_query, possible_times, read_events
from pipeline.landing.files import find_files, not_landed_yet
from pipeline.landing.leaps import Leap, find_leap, why_leap
from pipeline.landing.readers import Request, Rows, opened
from pipeline.landing.readers.base import with_fallback
from pipeline.landing.readers.database import Connection, last_cursor
from pipeline.landing.receipts import Receipt, newest_event
from pipeline.landing.standing import standing_events
from pipeline.landing.state import says_deleted
from pipeline.settings import Settings

Result = TypeVar("Result")


@dataclass(frozen=True)
class Reach:
    """How far a table reaches.

    Attributes
    ----------
    event, cursor
        Its newest event before any leap, and the newest cursor of a table that is read by it.
    leap, why
        The rows that leap, and what a person is told of them.
    """

    event: datetime | None = None
    cursor: datetime | None = None
    leap: Leap | None = None
    why: str = ""

    @property
    def last(self) -> list[datetime]:
        """What ends a load: the newest event and cursor, as far as there are."""
        return [moment for moment in (self.event, self.cursor) if moment]

    @property
    def newest_event(self) -> datetime | None:
        """The newest event, that of a leap included."""
        return self.leap.last if self.leap else self.event


@dataclass(frozen=True)
class Reached:
    """A table that is asked how far it reaches, and what has landed of it."""

    settings: Settings
    request: Request
    earlier: Sequence[Receipt]
    read_at: datetime

    def ask(self, connection: Connection | None) -> Reach:
        """Say how far the table reaches, over a connection to its database."""
        request = self.request
        table = request.table
        cursor = self._cursor(connection) if connection and table.load != "snapshot" else None
        if table.event_time is None:
            return Reach(cursor=cursor)
        if connection:
            return replace(self._judge(request, connection, self._present(request, connection)), cursor=cursor)
        files = find_files(request.source, request.name, table, self.settings)
        if table.load == "append":
            new = [path for path, _ in not_landed_yet(files, self.earlier)]
            return self._ask_new(replace(request, files=new)) if new else Reach(newest_event(self.earlier))
        request = replace(request, files=files)
        return self._judge(request, None, self._present(request, None))

    def _ask_new(self, request: Request) -> Reach:
        """Judge files that are added to others. These are read, too, where the new ones leave a gap, or are late."""
        events, landed = self._present(request, None), newest_event(self.earlier)
        volume, keys = request.table.volume, request.table.key_columns
        if landed is None:
            is_odd = events is not None and self._leap(events) is not None
        elif events is None or events.last < landed:
            if not keys:
                return Reach(landed)
            is_odd = True  # a row may stand in for the newest one
        else:
            is_odd = volume is not None and (events.last - landed).days > volume.leap_days
        if not is_odd:
            return Reach(events.last if events else None)
        wanted = replace(request, only=_columns(request, *keys))

        def measure(working: duckdb.DuckDBPyConnection, relation: str) -> Events | None:
            return standing_events(working, wanted, relation, self.read_at, (self.settings, self.earlier))

        return self._judge(request, None, self._measured(wanted, None, measure))

    def _cursor(self, connection: Connection) -> datetime | None:
        return last_cursor(connection, self.request, possible_times(self.read_at))

    def _present(self, request: Request, connection: Connection | None) -> Events | None:
        """Events of the rows that a request reads, without those that are deleted."""
        wanted = replace(request, only=_columns(request))

        def measure(working: duckdb.DuckDBPyConnection, relation: str) -> Events | None:
            return read_events(working, wanted, _there(request, relation), self.read_at, self.earlier)

        return self._measured(wanted, connection, measure)

    def _leap(self, events: Events) -> Leap | None:
        request = self.request
        start = request.source.first_start(self.settings)
        return find_leap(events, request.table.volume, newest_event(self.earlier), start)

    def _judge(self, request: Request, connection: Connection | None, events: Events | None) -> Reach:
        leap = self._leap(events) if events else None
        if events is None or leap is None:
            return Reach(events.last if events else None)
        keys = request.table.key_columns
        wanted = replace(request, only=_columns(request, *keys))

        def measure(working: duckdb.DuckDBPyConnection, relation: str) -> str:
            more = "".join(f", {quote_identifier(name)}" for name in keys)
            query = event_query(working, request, _there(request, relation), more)
            return why_leap(working, request, query, leap, self.read_at)

        return Reach(leap.rest, leap=leap, why=self._measured(wanted, connection, measure))

    def _measured(
        self,
        request: Request,
        connection: Connection | None,
        measure: Callable[[duckdb.DuckDBPyConnection, str], Result],
    ) -> Result:
        """Measure the rows of a request, as far as they can be read."""
        interrupted: list[Exception] = []

        def kept(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            try:
                yield from batches
            except UserError as error:
                interrupted.append(error)
                raise

        with opened(request, self.settings.home, connection) as (working, rows):
            found: list[Result] = []

            def of_relation(readable: Rows) -> None:
                if readable.stream:
                    batches = pa.RecordBatchReader.from_batches(readable.stream.schema, kept(readable.stream.batches))
                    working.register("arriving", batches)
                    working.execute("create or replace temp table arrived as from arriving")
                found[:] = [measure(working, readable.relation or "arrived")]

            try:
                with_fallback(rows, of_relation)
            except Exception as error:
                raise (interrupted or [error])[0] from error  # DuckDB makes an error of its own of one of a stream
        return found[0]


def _there(request: Request, relation: str) -> str:
    """SQL: the rows of a relation that are not deleted."""
    deleted = request.table.deleted
    return f"(select * from {relation} where not {says_deleted(deleted)})" if deleted else relation


def _columns(request: Request, *more: str) -> list[str]:
    """The columns that say when a row happened, and whether it is there, and more."""
    names = (*more, request.table.event_time, request.table.deleted)
    return list(dict.fromkeys(name for name in names if name))
