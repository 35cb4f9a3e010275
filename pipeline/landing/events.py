"""When the rows of a table happened."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import numpy as np
import numpy.typing as npt

from pipeline.base.duck import connect, quote_identifier, quote_literal
from pipeline.base.errors import UserError
from pipeline.build.macros import macros
from pipeline.landing.readers import Request
from pipeline.landing.receipts import Receipt, instant


@dataclass(frozen=True)
class Events:
    """When rows happened: the days (UTC) in their order, at least one.

    Attributes
    ----------
    days, rows
        The days, and how many rows each has.
    first
        The first event.
    lasts
        The last event of each day.
    """

    days: npt.NDArray[np.datetime64]
    rows: npt.NDArray[np.int64]
    first: datetime
    lasts: Sequence[datetime]

    @property
    def last(self) -> datetime:
        """The newest event."""
        return self.lasts[-1]


def read_events(
    connection: duckdb.DuckDBPyConnection,
    request: Request,
    relation: str,
    read_at: datetime,
    earlier: Sequence[Receipt] = (),
) -> Events | None:
    """Possible event times of a relation that was read at a moment; None when the table has none.

    Raises
    ------
    UserError
        There are values, and none is a time. A single one in a later load is a row with a mistake.
    """
    if request.table.event_time is None:
        return None
    said = event_query(connection, request, relation)
    events = events_of(
        connection, f"select {possible_sql('event_at', timestamp_sql(read_at))} as event_at from ({said})"
    )
    if events is None:
        _check_readable(connection, request, said, any(receipt["last_event_at"] for receipt in earlier))
    return events


def _check_readable(connection: duckdb.DuckDBPyConnection, request: Request, said: str, has_been_read: bool) -> None:
    ((readable, there, sample),) = connection.execute(
        f"select count(event_at), count(said), any_value(said) from ({said})"
    ).fetchall()
    if readable or not there or (there == 1 and has_been_read):
        return
    raise UserError(
        f"{request.label}: no value of the `event_time` column '{request.table.event_time}' can be read as a time, "
        f"for example '{sample}'. Set `event_time_format` for {request.definition}, for example \"%d/%m/%Y %H:%M\"."
    )


def events_of(connection: duckdb.DuckDBPyConnection, query: str) -> Events | None:
    """Events of a query with the column `event_at`, a UTC timestamp; null is ignored."""
    # The nulls are left out here: a condition in the query would make DuckDB read each time twice.
    found = connection.execute(
        "select date_trunc('day', event_at)::timestamp as day, count(*) as rows, min(event_at) as first, "
        f"max(event_at) as last from ({query}) group by day order by day nulls last"
    ).fetchall()
    days = [each for each in found if each[0] is not None]
    if not days:
        return None
    return Events(
        np.array([day for day, *_ in days], dtype="datetime64[D]"),
        np.array([rows for _, rows, *_ in days], dtype=np.int64),
        days[0][2].replace(tzinfo=UTC),
        [last.replace(tzinfo=UTC) for *_, last in days],
    )


def event_query(connection: duckdb.DuckDBPyConnection, request: Request, relation: str, more: str = "") -> str:
    """SQL of what each row of a relation says of when it happened: `event_at` (UTC timestamp) and `said` (text).

    `more` are other columns, as in SQL.
    """
    column = quote_identifier(request.table.event_time or "")
    ((_, kind, *_),) = connection.execute(f"describe select {column} from {relation}").fetchall()
    source, table = request.source, request.table
    value = event_instant_sql(
        table.event_time or "", kind, table.event_time_format, source.event_zone, source.time_zone
    )
    return f"select {value} as event_at, cast({column} as varchar) as said{more} from {relation}"


def possible_sql(event_at: str, read_at: str) -> str:
    """SQL of a UTC timestamp where something can have happened then; else null.

    Parameters
    ----------
    event_at, read_at
        Columns, or other short SQL, of UTC timestamps: of the event, and of when its row was read.
    """
    return f"case when {macros('time')['is_possible_time'](event_at, read_at)} then {event_at} end"


def possible_times(read_at: datetime) -> tuple[datetime, datetime]:
    """Return the first instant at which something can have happened that is read at a moment, and the end of them."""
    said = macros("time")
    query = f"select {said['earliest_time']()}, {said['latest_time'](timestamp_sql(read_at))}"
    with closing(connect()) as connection:
        ((first, end),) = connection.execute(query).fetchall()
    return first.replace(tzinfo=UTC), end.replace(tzinfo=UTC)


def timestamp_sql(moment: datetime | str | None) -> str:
    """SQL of an instant as a UTC timestamp."""
    if moment is None:
        return "cast(null as timestamp)"
    at = (instant(moment) if isinstance(moment, str) else moment.astimezone(UTC)).replace(tzinfo=None)
    return f"timestamp {quote_literal(str(at))}"


def event_instant_sql(column: str, kind: str, time_format: str | None, zone: str, days_in: str) -> str:
    """SQL for what a row says of when it happened, as a UTC timestamp; null where the value is not a time.

    Text is read as by dbt's `utc_timestamp`: an offset wins, what has none is local time of `zone`, and a bare day is
    one of the business calendar, in the zone `days_in`.

    Parameters
    ----------
    column, kind
        Name and DuckDB type of the column.
    time_format
        strptime format of text, or None for ISO.
    """
    value = quote_identifier(column)
    text = f"trim(cast({value} as varchar))"
    if time_format:
        parsed = f"try_strptime({text}, {quote_literal(time_format)})"
        return f"timezone('UTC', {parsed})" if "%z" in time_format.lower() else _from_zone(parsed, zone)
    if kind in {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"}:
        return f"try(timezone('UTC', cast({value} as timestamptz)))"
    if kind not in {"VARCHAR", "DATE"}:
        return f"try({_from_zone(f'try_cast({value} as timestamp)', zone)})"
    read: str = macros("time", time_zone=days_in)["utc_timestamp"](text, quote_literal(zone))
    return read


def _from_zone(local: str, zone: str) -> str:
    return f"timezone('UTC', timezone({quote_literal(zone)}, {local}))"
