"""How far a table reaches: its newest event, its newest cursor, and whether its last rows leap."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import duckdb
import pyarrow as pa

from pipeline.base.duck import quote_identifier
from pipeline.base.errors import UserError
from pipeline.base.settings import Settings
from pipeline.landing.ends.leaps import Leap, find_leap, why_leap
from pipeline.landing.ends.standing import standing_events
from pipeline.landing.events import Events, event_query, possible_times, read_events
from pipeline.landing.files import find_files, not_landed_yet
from pipeline.landing.readers import Request, Rows, opened
from pipeline.landing.readers.base import with_fallback
from pipeline.landing.readers.databases.database import Connection, last_cursor
from pipeline.landing.receipts import Receipt, last_moment, newest_event
from pipeline.landing.state import says_deleted

Result = TypeVar("Result")


@dataclass(frozen=True)
class Last:
    """The newest time in a column of a table.

    Attributes
    ----------
    at
        The newest time before any leap.
    leap, why
        The rows that leap, and what a person is told of them.
    """

    at: datetime
    leap: Leap | None = None
    why: str = ""

    @property
    def furthest(self) -> datetime:
        """The newest time, that of a leap included."""
        return self.leap.last if self.leap else self.at


@dataclass(frozen=True)
class Reach:
    """How far a table reaches.

    Attributes
    ----------
    event, cursor
        Its newest event, and the newest cursor of a table that is read by it; None where there is none.
    """

    event: Last | None = None
    cursor: Last | None = None

    @property
    def _lasts(self) -> list[Last]:
        return [last for last in (self.event, self.cursor) if last]

    @property
    def last(self) -> list[datetime]:
        """What ends a load: the newest event and cursor before any leap."""
        return [last.at for last in self._lasts]

    @property
    def leaps(self) -> list[Last]:
        """The newest event and cursor as far as they leap."""
        return [last for last in self._lasts if last.leap]

    @property
    def newest_event(self) -> datetime | None:
        """The newest event, that of a leap included."""
        return self.event.furthest if self.event else None


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
        cursor = self._newest_cursor(connection) if connection and table.load != "snapshot" else None
        return Reach(self._newest_event(connection) if table.event_time else None, cursor)

    def _newest_event(self, connection: Connection | None) -> Last | None:
        request = self.request
        if connection:
            return self._judge(request, connection, self._present(request, connection), newest_event(self.earlier))
        files = find_files(request.source, request.name, request.table, self.settings)
        if request.table.load == "append":
            new = [path for path, _ in not_landed_yet(files, self.earlier)]
            return self._ask_new(replace(request, files=new)) if new else _last(newest_event(self.earlier))
        request = replace(request, files=files)
        return self._judge(request, None, self._present(request, None), newest_event(self.earlier))

    def _newest_cursor(self, connection: Connection) -> Last | None:
        """Ask the database for the newest cursor. All are read only where that one lies far from what has landed."""
        table, landed = self.request.table, last_moment(self.earlier)
        newest = last_cursor(connection, self.request, possible_times(self.read_at))
        is_near = newest and landed and table.volume and (newest - landed).days <= table.volume.leap_days
        if newest is None or is_near or table.volume is None:
            return _last(newest)
        # The cursor of a deleted row counts as well.
        as_event = table.model_copy(update={"event_time": table.cursor, "event_time_format": None, "deleted": None})
        request = replace(self.request, table=as_event)
        return self._judge(request, connection, self._present(request, connection), landed) or _last(newest)

    def _ask_new(self, request: Request) -> Last | None:
        """Judge files that are added to others. These are read, too, where the new ones leave a gap, or are late."""
        events, landed = self._present(request, None), newest_event(self.earlier)
        volume, keys = request.table.volume, request.table.key_columns
        if landed is None:
            is_odd = events is not None and self._leap(events, landed) is not None
        elif events is None or events.last < landed:
            if not keys:
                return _last(landed)
            is_odd = True  # a row may stand in for the newest one
        else:
            is_odd = volume is not None and (events.last - landed).days > volume.leap_days
        if not is_odd:
            return _last(events.last if events else None)
        wanted = replace(request, only=_columns(request, *keys))

        def measure(working: duckdb.DuckDBPyConnection, relation: str) -> Events | None:
            return standing_events(working, wanted, relation, self.read_at, (self.settings, self.earlier))

        return self._judge(request, None, self._measured(wanted, None, measure), landed)

    def _present(self, request: Request, connection: Connection | None) -> Events | None:
        """Events of the rows that a request reads, without those that are deleted."""
        wanted = replace(request, only=_columns(request))

        def measure(working: duckdb.DuckDBPyConnection, relation: str) -> Events | None:
            return read_events(working, wanted, _there(request, relation), self.read_at, self.earlier)

        return self._measured(wanted, connection, measure)

    def _leap(self, events: Events, landed: datetime | None) -> Leap | None:
        start = self.request.source.first_start(self.settings)
        return find_leap(events, self.request.table.volume, landed, start)

    def _judge(
        self, request: Request, connection: Connection | None, events: Events | None, landed: datetime | None
    ) -> Last | None:
        """Say where events end, and whether they leap from those before; `landed` is the newest one that has landed."""
        leap = self._leap(events, landed) if events else None
        if events is None or leap is None:
            return _last(events.last if events else None)
        keys = request.table.key_columns
        wanted = replace(request, only=_columns(request, *keys))

        def measure(working: duckdb.DuckDBPyConnection, relation: str) -> str:
            more = "".join(f", {quote_identifier(name)}" for name in keys)
            query = event_query(working, request, _there(request, relation), more)
            return why_leap(working, request, query, leap, self.read_at)

        return Last(leap.rest, leap, self._measured(wanted, connection, measure))

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


def _last(at: datetime | None) -> Last | None:
    return Last(at) if at else None


def _there(request: Request, relation: str) -> str:
    """SQL: the rows of a relation that are not deleted."""
    deleted = request.table.deleted
    return f"(select * from {relation} where not {says_deleted(deleted)})" if deleted else relation


def _columns(request: Request, *more: str) -> list[str]:
    """The columns that say when a row happened, and whether it is there, and more."""
    names = (*more, request.table.event_time, request.table.deleted)
    return list(dict.fromkeys(name for name in names if name))
