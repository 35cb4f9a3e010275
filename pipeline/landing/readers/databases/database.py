"""Tables of databases: what every kind of database answers, and how a load asks for its rows."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

import pyarrow as pa

from pipeline.base.duck import quote_identifier
from pipeline.base.errors import UserError
from pipeline.landing.readers.base import Request, Rows, Session, Stream, check_columns
from pipeline.landing.readers.rejects import Rejects

# Later than any change of a row: what some write for 'never', and infinity.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
# No later interval is to come for a cursor that far after the end of a load.
BEYOND = timedelta(days=366)
TimeKind = Literal["instant", "local", "date"]


@dataclass(frozen=True)
class Column:
    """A column as a database declares it.

    Attributes
    ----------
    type : str
        Declared type, in the words of the database.
    select : str
        SQL that hands it over without loss.
    arrow : pyarrow.DataType or None
        Type to cast the received text to, where the database hands a number over as text.
    time : {'instant', 'local', 'date'} or None
        What kind of time it is: with a zone, without, a day. None: no time.
    """

    name: str
    type: str
    select: str
    arrow: pa.DataType | None = None
    time: TimeKind | None = None


class Connection(ABC):
    """A connection of a load to its database."""

    place: str

    @staticmethod
    def quote(name: str) -> str:
        """Quote a table or column name for this database."""
        return quote_identifier(name)

    @abstractmethod
    def tables(self, schema: str | None) -> list[str]:
        """Names of the tables and views that can be read, for messages."""

    @abstractmethod
    def columns(self, table: str, schema: str | None) -> list[Column]:
        """Columns of a table in their order; none when there is no such table."""

    @abstractmethod
    def query(self, sql: str, columns: Sequence[Column], request: Request, rejects: Rejects) -> Stream:
        """Stream the rows of a query that selects these columns; `rejects` takes those that cannot be read."""

    def query_whole(
        self, select: Callable[[str], str], columns: Sequence[Column], request: Request, rejects: Rejects
    ) -> Stream:
        """Stream a whole table; `select` makes the SQL of the rows that meet a condition.

        A database that can reads ranges of it side by side.
        """
        return self.query(select(""), columns, request, rejects)

    @abstractmethod
    def moment(self, column: Column, moment: datetime, zone: str) -> tuple[str, str]:
        """SQL of a cursor column and of an instant, such that the two compare.

        The instant is the load's own, formatted here: no text of a user is in it.
        """

    def is_missing(self, column: Column) -> str:
        """SQL: whether a row has no time in its cursor column."""
        value, _ = self.moment(column, NEVER, "UTC")
        return f"{value} is null"

    def rows_about(self, table: str, schema: str | None) -> int | None:
        """Return about how many rows a table has, where the database knows without counting."""
        return None

    def name_of(self, table: str, schema: str | None) -> str:
        """Return the quoted name of a table."""
        return ".".join(self.quote(name) for name in (schema, table) if name is not None)


class Database(ABC):
    """A database during one load: connections that see the same moment, where the database can do that."""

    @abstractmethod
    def connection(self) -> AbstractContextManager[Connection]:
        """Lend a connection; wait for one while all are lent."""

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""


def last_cursor(connection: Connection, request: Request, possible: tuple[datetime, datetime]) -> datetime | None:
    """Newest cursor of a table within what is possible, as an instant. A value that stands for 'never' is ignored."""
    columns = described(connection, request)
    cursor = next(column for column in columns if column.name == request.table.cursor)
    first, end = possible
    value, never = connection.moment(cursor, end, "UTC")
    name = connection.quote(cursor.name)
    table = connection.name_of(request.table.query_table or "", request.table.query_schema)
    newest = f"(select max({value}) as {name} from {table} where {value} < {never}) newest"  # Oracle knows no `as` here
    stream = connection.query(f"select {cursor.select} as {name} from {newest}", [cursor], request, Rejects())
    values = [value for batch in stream.batches for value in batch.column(0).to_pylist()]
    zone = ZoneInfo("UTC" if cursor.time == "instant" else request.source.event_zone)
    times = [value if isinstance(value, datetime) else datetime.fromisoformat(str(value)) for value in values if value]
    found = [time if time.tzinfo else time.replace(tzinfo=zone) for time in times]
    return next((moment.astimezone(UTC) for moment in found if moment >= first), None)


def open_rows(session: Session, request: Request) -> Rows:
    """Open the rows of a table or view that lie in the request's window."""
    connection = session.database
    assert connection is not None  # the load lends one
    rejects = session.new_rejects()
    columns = described(connection, request)
    chosen = [column for column in columns if not request.only or column.name in request.only]
    select = partial(select_sql, connection, request, chosen, columns)
    if request.window is None or request.window.start is None:
        expected = connection.rows_about(request.table.query_table or "", request.table.query_schema)
        stream = replace(connection.query_whole(select, chosen, request, rejects), expected=expected)
    else:
        stream = connection.query(select(), chosen, request, rejects)
    return Rows([column.name for column in chosen], rejects=rejects, stream=stream)


def described(connection: Connection, request: Request) -> list[Column]:
    """Columns of the request's table, checked against its definition.

    Raises
    ------
    UserError
        There is no such table, a column is missing, or the cursor is not a time.
    """
    table = request.table
    name = table.query_table or ""
    columns = connection.columns(name, table.query_schema)
    where = f"{table.query_schema}.{name}" if table.query_schema else name
    if not columns:
        there = connection.tables(table.query_schema)
        raise UserError(
            f"{request.label}: {connection.place} has no table '{where}'. It has: {', '.join(there) or 'none'}. "
            f"Correct `query_table` of {request.definition}, or ask for the right to read it."
        )
    check_columns(
        request, [column.name for column in columns], f"{request.label}: table '{where}' of {connection.place}"
    )
    if table.load != "snapshot":
        _check_cursor(request, next(column for column in columns if column.name == table.cursor))
    return columns


def _check_cursor(request: Request, cursor: Column) -> None:
    if cursor.time is None:
        raise UserError(
            f"{request.label}: the cursor column '{cursor.name}' is of type {cursor.type}; an interval needs a time "
            f"(timestamp or date). Name another `cursor` for {request.definition}, read a view that has one, or write "
            "`load: snapshot`."
        )


def select_sql(
    connection: Connection, request: Request, chosen: Sequence[Column], columns: Sequence[Column], within: str = ""
) -> str:
    """SQL of the rows in the window that meet the condition `within`.

    Rows without a cursor, or with one beyond any interval to come, belong to no window. They are read every time, where
    a key tells that they are the same rows.
    """
    table = request.table
    selected = ", ".join(f"{column.select} as {connection.quote(column.name)}" for column in chosen)
    sql = f"select {selected} from {connection.name_of(table.query_table or '', table.query_schema)}"
    conditions = [condition for condition in (_in_window(connection, request, columns), within) if condition]
    if conditions:
        sql += f" where {' and '.join(conditions)}"
    if request.is_ordered:
        sql += " order by " + ", ".join(connection.quote(name) for name in table.key_columns)
    return sql


def _in_window(connection: Connection, request: Request, columns: Sequence[Column]) -> str:
    table, window = request.table, request.window
    if table.load == "snapshot" or window is None:
        return ""
    cursor = next(column for column in columns if column.name == table.cursor)

    def compared(sign: str, moment: datetime, zone: str = request.source.event_zone) -> str:
        value, limit = connection.moment(cursor, moment, zone)
        return f"{value} {sign} {limit}"

    between = [compared(">=", window.start)] if window.start else []
    between += [compared("<", window.end)] if window.end else []
    if not between:
        return ""
    outside = [f"({compared('>=', first, 'UTC')} and {compared('<', end, 'UTC')})" for first, end in window.also]
    if window.end and table.key_columns:
        outside.append(compared(">=", window.end + BEYOND))
    if table.key_columns or window.start is None:
        outside.append(connection.is_missing(cursor))
    return f"({' or '.join([' and '.join(between), *outside])})"
