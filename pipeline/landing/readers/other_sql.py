"""MySQL, SQL Server, Oracle and Redshift through connectorx. Numbers with decimals come as text, so none is rounded."""

import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import connectorx
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.duck import quote_identifier, quote_literal
from pipeline.errors import UserError
from pipeline.landing.connections import CONNECT_SECONDS, Address
from pipeline.landing.readers import faults
from pipeline.landing.readers.base import Rejects, Request, Stream
from pipeline.landing.readers.database import Column, Connection, Database, TimeKind
from pipeline.landing.readers.faults import Fault, names_in_messages

BATCH_ROWS = 65_536
NO_LOGIN = "timed out waiting for connection"  # connectorx, after 30 seconds of trying
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
        SQL that turns `{0}` into text without loss.
    local, date, instant : str
        SQL that turns a time without a zone and a day into text, and a time with a zone into text of UTC with `+00:00`.
    moment, moment_of_instant : str
        SQL of a moment `{0}`, which is quoted text such as '2024-01-05 00:00:00': local time, and UTC.
    instants : set of str
        Types of times with a zone, or with one that the server keeps for them.
    as_it_is : set of str
        Types that connectorx hands over whole.
    special : dict
        SQL of the types that neither it nor `text` hands over without loss.
    here : str
        SQL of the schema in which tables without one are looked for.
    port : int or None
        Where the server listens when the connection does not say it. None: it cannot be told.
    codes : dict
        What its errors mean, by what `code` finds in the message of one.
    missing : str
        SQL: whether the cursor `{0}` has no time.
    ping : str
        A query that needs a login only.
    """

    quote: Callable[[str], str]
    text: str
    local: str
    date: str
    instant: str
    moment: str
    moment_of_instant: str
    instants: frozenset[str]
    as_it_is: frozenset[str]
    here: str
    port: int | None
    codes: Mapping[str, Fault]
    code: str
    special: Mapping[str, str] = field(default_factory=dict)
    missing: str = "{0} is null"
    ping: str = "select 1 as one"
    columns: str = """
        select column_name, data_type from information_schema.columns
        where table_name = {table} and table_schema = {schema} order by ordinal_position"""
    tables: str = "select table_name from information_schema.tables where table_schema = {schema} order by 1"


def _backticks(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _brackets(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


# MySQL's 0000-00-00 stands for no date; a date with a day that does not exist stays what it is.
_ZERO_IS_NULL = "if(cast({0} as char) like '0000-00-00%', null, cast({0} as char))"
_GEOMETRIES = (
    *("geometry", "point", "linestring", "polygon", "geometrycollection", "geomcollection"),
    *("multipoint", "multilinestring", "multipolygon"),
)
_HEX_OF_SQL_SERVER = "convert(varchar(max), cast({0} as varbinary(max)), 1)"
_ANSI = Dialect(
    quote=quote_identifier,
    text="cast({0} as varchar)",
    local="cast({0} as varchar)",
    date="cast({0} as varchar)",
    instant="cast({0} at time zone 'UTC' as varchar) || '+00:00'",
    moment="cast({0} as timestamp)",
    moment_of_instant="(cast({0} as timestamp) at time zone 'UTC')",
    instants=frozenset({"timestamp with time zone", "timestamptz"}),
    as_it_is=frozenset({"smallint", "integer", "bigint", "character varying", "character", "text"}),
    here="current_schema()",
    port=5432,
    codes=faults.POSTGRESQL,
    code=r"SqlState\(E(\w{5})\)",
)
DIALECTS = {
    "postgresql": _ANSI,
    "redshift": replace(_ANSI, port=5439),
    "mysql": Dialect(
        quote=_backticks,
        text="cast({0} as char)",
        local=_ZERO_IS_NULL,
        date=_ZERO_IS_NULL,
        instant="concat(cast(convert_tz({0}, @@session.time_zone, '+00:00') as char), '+00:00')",
        moment="cast({0} as datetime)",
        moment_of_instant="convert_tz({0}, '+00:00', @@session.time_zone)",
        instants=frozenset({"timestamp"}),
        as_it_is=frozenset(
            {
                *("int", "bigint", "smallint", "mediumint", "float", "double"),
                *("varchar", "char", "tinytext", "text", "mediumtext", "longtext"),
                *("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"),
            }
        ),
        special={
            "bit": "cast({0} as unsigned)",
            **dict.fromkeys(_GEOMETRIES, "hex(st_aswkb({0}))"),
            "vector": "hex({0})",
        },
        missing="({0} is null or {0} < '1000-01-01')",  # the zero time, which is before all others
        here="database()",
        port=3306,
        codes=faults.MYSQL,
        code=r"ERROR (\d+) \(",
    ),
    "mssql": Dialect(
        quote=_brackets,
        text="convert(nvarchar(max), {0}, 121)",
        local="convert(nvarchar(27), {0}, 121)",
        date="convert(nvarchar(max), {0}, 121)",
        instant="convert(nvarchar(26), cast(switchoffset({0}, '+00:00') as datetime2(6)), 121) + '+00:00'",
        moment="cast({0} as datetime2)",
        moment_of_instant="todatetimeoffset(cast({0} as datetime2), '+00:00')",
        instants=frozenset({"datetimeoffset"}),
        as_it_is=frozenset({"int", "bigint", "smallint", "varchar", "nvarchar", "char", "nchar", "text", "ntext"}),
        special=dict.fromkeys(("binary", "varbinary", "image", "timestamp", "rowversion"), _HEX_OF_SQL_SERVER),
        here="schema_name()",
        port=None,  # a named instance has one of its own
        codes=faults.SQL_SERVER,
        code=r"code: (\d+)",
    ),
    "oracle": Dialect(
        quote=quote_identifier,
        text="to_char({0})",
        local="to_char(cast({0} as timestamp), 'YYYY-MM-DD HH24:MI:SS.FF6')",
        date="to_char({0})",
        instant="to_char(sys_extract_utc({0}), 'YYYY-MM-DD HH24:MI:SS.FF6') || '+00:00'",
        moment="to_timestamp({0}, 'YYYY-MM-DD HH24:MI:SS')",
        moment_of_instant="from_tz(to_timestamp({0}, 'YYYY-MM-DD HH24:MI:SS'), 'UTC')",
        instants=frozenset({"timestamp with time zone", "timestamp with local time zone"}),
        as_it_is=frozenset({"varchar2", "nvarchar2", "char", "nchar", "clob"}),
        special={"raw": "rawtohex({0})"},
        here="sys_context('userenv', 'current_schema')",
        port=1521,
        codes=faults.ORACLE,
        code=r"ORA-(\d{5})",
        ping="select 1 as one from dual",
        columns="""
        select column_name, lower(data_type) from all_tab_columns
        where table_name = {table} and owner = {schema} order by column_id""",
        tables="select table_name from all_tables where owner = {schema} order by 1",
    ),
}


class OtherSQL(Database):
    """A server that connectorx reads. Each table is read in a transaction of its own.

    The server is called once before anything is read: connectorx would try a login again and again for 30 seconds, for
    each table.
    """

    def __init__(self, address: Address) -> None:
        if address.scheme not in DIALECTS:
            raise UserError(
                f"{address.label}: kind sql reads {', '.join(sorted(DIALECTS))}, not '{address.scheme}'. "
                "Correct the connection."
            )
        self.address = address
        self.down: UserError | None = None
        _call(address)
        _Connection(self).ping()

    @contextmanager
    def connection(self) -> Iterator["_Connection"]:
        """Connectorx connects for each query by itself."""
        if self.down:
            raise self.down
        yield _Connection(self)

    def close(self) -> None:
        """Nothing stays open."""


def _call(address: Address) -> None:
    """See whether somebody listens."""
    port = address.port or DIALECTS[address.scheme].port
    if not address.host or port is None:
        return
    try:
        socket.create_connection((address.host, port), timeout=float(CONNECT_SECONDS)).close()
    except OSError as error:
        fault = faults.UNKNOWN_HOST if isinstance(error, socket.gaierror) else faults.UNREACHABLE
        raise fault.error("", str(error), **names_in_messages(address)) from None


class _Connection(Connection):
    def __init__(self, database: OtherSQL) -> None:
        self.database = database
        self.address = database.address
        self.place = database.address.label
        self.dialect = DIALECTS[database.address.scheme]

    def quote(self, name: str) -> str:  # type: ignore[override]
        return self.dialect.quote(name)

    def _read(self, sql: str, label: str, definition: str = "the source") -> pa.RecordBatchReader:
        with self._named(label, definition):
            return connectorx.read_sql(self.address.url, sql, return_type="arrow_stream", batch_size=BATCH_ROWS)

    def ping(self) -> None:
        """See whether the server lets the user in."""
        self._ask(self.dialect.ping, "")

    def _ask(self, sql: str, label: str) -> list[list[Any]]:
        with self._named(label, "the source"):
            return [list(row.values()) for row in self._read(sql, label).read_all().to_pylist()]

    def _schema(self, schema: str | None) -> str:
        return self.dialect.here if schema is None else quote_literal(schema)

    def tables(self, schema: str | None) -> list[str]:
        return [name for (name,) in self._ask(self.dialect.tables.format(schema=self._schema(schema)), "")]

    def columns(self, table: str, schema: str | None) -> list[Column]:
        sql = self.dialect.columns.format(table=quote_literal(table), schema=self._schema(schema))
        return [self._column(name, kind.lower()) for name, kind in self._ask(sql, f"table '{table}'")]

    def _column(self, name: str, kind: str) -> Column:
        quoted, dialect = self.quote(name), self.dialect
        time = self._time(kind)
        if time is None:
            select = "{0}" if kind in dialect.as_it_is else dialect.special.get(kind, dialect.text)
            return Column(name, kind, select.format(quoted))
        text = {"instant": dialect.instant, "local": dialect.local, "date": dialect.date}[time]
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

    def is_missing(self, column: Column) -> str:
        return self.dialect.missing.format(self.quote(column.name))

    def query(self, sql: str, columns: Sequence[Column], request: Request) -> Stream:
        received = self._read(sql, request.label, request.definition)
        # The cursor is compared, so it becomes a time; other times stay what the server wrote, such as 2024-02-30.
        cursor = next((i for i, c in enumerate(columns) if c.name == request.table.cursor and c.arrow), None)
        kinds = list(received.schema.types)
        if cursor is not None:
            kinds[cursor] = columns[cursor].arrow
        schema = pa.schema([(column.name, kind) for column, kind in zip(columns, kinds, strict=True)])
        rejected: Rejects = []

        def batches() -> Iterator[pa.RecordBatch]:
            number = 0
            with self._named(request.label, request.definition):
                for batch in received:
                    renamed = pa.RecordBatch.from_arrays(batch.columns, names=schema.names)
                    sound = (
                        renamed if cursor is None else _with_times(renamed, columns[cursor], number, rejected, request)
                    )
                    yield sound.cast(schema)
                    number += batch.num_rows

        return Stream(schema, batches(), rejected)

    @contextmanager
    def _named(self, label: str, definition: str) -> Iterator[None]:
        """Name what the server said; connectorx raises RuntimeError and Rust's panic, which is no Exception."""
        try:
            yield
        except (UserError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001
            raise self._failed(error, label, definition) from None

    def _failed(self, error: BaseException, label: str, definition: str) -> UserError:
        said = " ".join(self.address.without_secrets(str(error)).split())
        found = re.search(self.dialect.code, said)
        fault = faults.fault_of(self.dialect.codes, found[1]) if found else faults.fault_in(said) or faults.UNCLEAR
        failure = fault.error(label, said, **{**names_in_messages(self.address), "definition": definition})
        if NO_LOGIN in said:
            self.database.down = failure  # every further query would wait as long
        return failure


def _with_times(
    batch: pa.RecordBatch, cursor: Column, before: int, rejected: Rejects, request: Request
) -> pa.RecordBatch:
    """Make times of the cursor's text; set aside rows in which it is none."""
    position = batch.schema.get_field_index(cursor.name)
    texts = batch.column(position).cast(pa.string())
    times = pc.utf8_slice_codeunits(pc.replace_substring(texts, "+00:00", ""), 0, MICROSECONDS)
    if cursor.time == "instant":
        times = pc.binary_join_element_wise(times, "+00:00", "")
    try:
        return batch.set_column(position, cursor.name, times.cast(cursor.arrow))
    except pa.ArrowInvalid:
        is_sound = pa.array([_is_time(text, cursor.arrow) for text in times.to_pylist()])
    for index in pc.indices_nonzero(pc.invert(is_sound)).to_pylist():
        error = f"the cursor column '{cursor.name}' is no time: read a view that has null in its place"
        where = {"file": request.table.query_table, "line": before + index + 1}
        rejected.append({**where, "error": error, "content": repr(batch.slice(index, 1).to_pylist()[0])})
    sound = batch.filter(is_sound)
    return sound.set_column(position, cursor.name, times.filter(is_sound).cast(cursor.arrow))


def _is_time(text: str | None, kind: pa.DataType) -> bool:
    try:
        pa.scalar(text, pa.string()).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
