"""MySQL, SQL Server, Oracle and Redshift through connectorx. Numbers with decimals come as text, so none is rounded."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import connectorx
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.duck import quote_identifier, quote_literal
from pipeline.errors import UserError
from pipeline.landing.connections import Address
from pipeline.landing.readers.base import Request, Stream
from pipeline.landing.readers.database import Column, Connection, Database, TimeKind, UnavailableError

BATCH_ROWS = 65_536
MICROSECONDS = len("2024-01-05 00:00:00.000000")
ARROW_TIMES = {"instant": pa.timestamp("us", "UTC"), "local": pa.timestamp("us"), "date": pa.date32()}


@dataclass(frozen=True)
class Dialect:
    """How a kind of server writes what a load asks for.

    Attributes
    ----------
    quote : callable
        Quotes a name.
    text : str
        SQL that turns `{}` into text without loss.
    local, instant : str
        SQL that turns a time without a zone into text, and one with a zone into text of UTC with `+00:00`.
    moment, moment_of_instant : str
        SQL of a moment `{}`, which is quoted text such as '2024-01-05 00:00:00': local time, and UTC.
    instants : set of str
        Types of times with a zone, or with one that the server keeps for them.
    as_it_is : set of str
        Types that connectorx hands over whole.
    here : str
        SQL of the schema in which tables without one are looked for.
    """

    quote: Callable[[str], str]
    text: str
    local: str
    instant: str
    moment: str
    moment_of_instant: str
    instants: frozenset[str]
    as_it_is: frozenset[str]
    here: str
    columns: str = """
        select column_name, data_type from information_schema.columns
        where table_name = {table} and table_schema = {schema} order by ordinal_position"""
    tables: str = "select table_name from information_schema.tables where table_schema = {schema} order by 1"


def _backticks(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _brackets(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


_ANSI = Dialect(
    quote=quote_identifier,
    text="cast({} as varchar)",
    local="cast({} as varchar)",
    instant="cast({} at time zone 'UTC' as varchar) || '+00:00'",
    moment="cast({} as timestamp)",
    moment_of_instant="(cast({} as timestamp) at time zone 'UTC')",
    instants=frozenset({"timestamp with time zone", "timestamptz"}),
    as_it_is=frozenset({"smallint", "integer", "bigint", "character varying", "character", "text"}),
    here="current_schema()",
)
DIALECTS = {
    "postgresql": _ANSI,
    "redshift": _ANSI,
    "mysql": Dialect(
        quote=_backticks,
        text="cast({} as char)",
        local="cast({} as char)",
        instant="concat(cast(convert_tz({}, @@session.time_zone, '+00:00') as char), '+00:00')",
        moment="cast({} as datetime)",
        moment_of_instant="convert_tz({}, '+00:00', @@session.time_zone)",
        instants=frozenset({"timestamp"}),
        as_it_is=frozenset(
            {"int", "bigint", "smallint", "mediumint", "varchar", "char", "text", "mediumtext", "longtext"}
        ),
        here="database()",
    ),
    "mssql": Dialect(
        quote=_brackets,
        text="convert(nvarchar(max), {}, 121)",
        local="convert(nvarchar(27), {}, 121)",
        instant="convert(nvarchar(26), cast(switchoffset({}, '+00:00') as datetime2(6)), 121) + '+00:00'",
        moment="cast({} as datetime2)",
        moment_of_instant="todatetimeoffset(cast({} as datetime2), '+00:00')",
        instants=frozenset({"datetimeoffset"}),
        as_it_is=frozenset({"int", "bigint", "smallint", "varchar", "nvarchar", "char", "nchar", "text", "ntext"}),
        here="schema_name()",
    ),
    "oracle": Dialect(
        quote=quote_identifier,
        text="to_char({})",
        local="to_char(cast({} as timestamp), 'YYYY-MM-DD HH24:MI:SS.FF6')",
        instant="to_char(sys_extract_utc({}), 'YYYY-MM-DD HH24:MI:SS.FF6') || '+00:00'",
        moment="to_timestamp({}, 'YYYY-MM-DD HH24:MI:SS')",
        moment_of_instant="from_tz(to_timestamp({}, 'YYYY-MM-DD HH24:MI:SS'), 'UTC')",
        instants=frozenset({"timestamp with time zone", "timestamp with local time zone"}),
        as_it_is=frozenset({"varchar2", "nvarchar2", "char", "nchar", "clob"}),
        here="sys_context('userenv', 'current_schema')",
        columns="""
        select column_name, lower(data_type) from all_tab_columns
        where table_name = {table} and owner = {schema} order by column_id""",
        tables="select table_name from all_tables where owner = {schema} order by 1",
    ),
}


class OtherSQL(Database):
    """A server that connectorx reads. Each table is read in a transaction of its own."""

    def __init__(self, address: Address) -> None:
        if address.scheme not in DIALECTS:
            raise UserError(
                f"{address.label}: kind sql reads {', '.join(sorted(DIALECTS))}, not '{address.scheme}'. "
                "Correct the connection."
            )
        self.address = address

    @contextmanager
    def connection(self) -> Iterator["_Connection"]:
        """Connectorx connects for each query by itself."""
        yield _Connection(self.address)

    def close(self) -> None:
        """Nothing stays open."""


class _Connection(Connection):
    def __init__(self, address: Address) -> None:
        self.address = address
        self.place = address.label
        self.dialect = DIALECTS[address.scheme]

    def quote(self, name: str) -> str:  # type: ignore[override]
        return self.dialect.quote(name)

    def _read(self, sql: str) -> pa.RecordBatchReader:
        try:
            return connectorx.read_sql(self.address.url, sql, return_type="arrow_stream", batch_size=BATCH_ROWS)
        except Exception as error:  # noqa: BLE001 - connectorx raises RuntimeError and panics alike
            raise self._failed(error) from None

    def _ask(self, sql: str) -> list[list[Any]]:
        return [list(row.values()) for row in self._read(sql).read_all().to_pylist()]

    def _schema(self, schema: str | None) -> str:
        return self.dialect.here if schema is None else quote_literal(schema)

    def tables(self, schema: str | None) -> list[str]:
        return [name for (name,) in self._ask(self.dialect.tables.format(schema=self._schema(schema)))]

    def columns(self, table: str, schema: str | None) -> list[Column]:
        sql = self.dialect.columns.format(table=quote_literal(table), schema=self._schema(schema))
        return [self._column(name, kind.lower()) for name, kind in self._ask(sql)]

    def _column(self, name: str, kind: str) -> Column:
        quoted, dialect = self.quote(name), self.dialect
        time = self._time(kind)
        if time is None:
            return Column(name, kind, quoted if kind in dialect.as_it_is else dialect.text.format(quoted))
        text = {"instant": dialect.instant, "local": dialect.local, "date": dialect.text}[time]
        return Column(name, kind, text.format(quoted), arrow=ARROW_TIMES[time], time=time)

    def _time(self, kind: str) -> TimeKind | None:
        bare = re.sub(r"\(\d+\)", "", kind)
        if bare in self.dialect.instants:
            return "instant"
        if self.address.scheme == "oracle" and bare == "date":
            return "local"  # it has a time of day
        if bare == "date":
            return "date"
        return "local" if bare.startswith(("timestamp", "datetime", "smalldatetime")) else None

    def moment(self, column: Column, moment: datetime, zone: str) -> tuple[str, str]:
        is_instant = column.time == "instant"
        local = moment.astimezone(UTC if is_instant else ZoneInfo(zone)).replace(tzinfo=None)
        pattern = self.dialect.moment_of_instant if is_instant else self.dialect.moment
        return self.quote(column.name), pattern.format(quote_literal(local.isoformat(" ", "seconds")))

    def query(self, sql: str, columns: Sequence[Column], request: Request) -> Stream:
        received = self._read(sql)
        # The cursor is compared, so it becomes a time; other times stay what the server wrote, such as 0000-00-00.
        cursor = next((column for column in columns if column.name == request.table.cursor and column.arrow), None)
        schema = pa.schema(
            [
                (column.name, column.arrow if column is cursor else kind)
                for column, kind in zip(columns, received.schema.types, strict=True)
            ]
        )

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                for batch in received:
                    arrays = [
                        _as_time(array, column, request) if column is cursor else array
                        for column, array in zip(columns, batch.columns, strict=True)
                    ]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            except UserError:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                raise self._failed(error) from None

        return Stream(schema, batches())

    def _failed(self, error: Exception) -> UserError:
        said = " ".join(self.address.without_secrets(str(error)).split())
        if any(words in said.lower() for words in ("authentication", "access denied", "login failed", "ora-01017")):
            return UserError(
                f"{self.place} refused the login of user '{self.address.user}' ({said}). Correct user and password of "
                "the connection, in Airflow or in its environment variable."
            )
        return UnavailableError(
            f"{self.place} could not answer ({said}). Is the server up, and is the connection right?"
        )


def _as_time(texts: pa.Array, cursor: Column, request: Request) -> pa.Array:
    times = pc.utf8_slice_codeunits(pc.replace_substring(texts.cast(pa.string()), "+00:00", ""), 0, MICROSECONDS)
    if cursor.time == "instant":
        times = pc.binary_join_element_wise(times, "+00:00", "")
    try:
        return times.cast(cursor.arrow)
    except pa.ArrowInvalid as error:
        raise UserError(
            f"{request.label}: the cursor column '{cursor.name}' has a value that is no time ({error}). Read a view "
            f"that has null in its place, or give another cursor for {request.definition}."
        ) from error
