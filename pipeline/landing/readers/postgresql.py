"""PostgreSQL through ADBC: binary COPY, streamed as Arrow, one snapshot for all tables of a load."""

import logging
import queue
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import adbc_driver_manager as adbc
import adbc_driver_postgresql.dbapi as postgresql
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.duck import quote_identifier
from pipeline.errors import UserError
from pipeline.landing.connections import CONNECT_SECONDS, Address
from pipeline.landing.readers.base import Rejects, Request, Stream, one_ahead
from pipeline.landing.readers.database import Column, Connection, Database, TimeKind, UnavailableError

log = logging.getLogger("perennial.landing")
BEGIN = "set transaction isolation level repeatable read, read only"
BATCH_BYTES = 16 << 20  # of all connections that a table is read over
# What ADBC hands over whole. Everything else is asked for as text, which loses nothing.
AS_IT_IS = {
    *("bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar", "bytea"),
    *("date", "timestamp", "timestamptz"),
}
TIMES: dict[str, TimeKind] = {"timestamptz": "instant", "timestamp": "local", "date": "date"}
NUMERIC_HEADER, LARGEST_DECIMAL = 4, 38
NO_NUMBERS = pa.array(["NaN", "Infinity", "-Infinity"])
# PostgreSQL's times end in the year 294276; ADBC turns 'infinity' into a time far before the first year of them.
FIRST_TIME = {"date": -2_440_588, "timestamp": -210_866_803_200_000_000}
WRONG_LOGIN = ("password authentication failed", "no password supplied", "role ", "pg_hba.conf", "authentication")
COLUMNS = """
select attribute.attname::text, kind.typname::text, attribute.atttypmod, format_type(kind.oid, attribute.atttypmod)
from pg_catalog.pg_attribute as attribute
inner join pg_catalog.pg_class as relation on attribute.attrelid = relation.oid
inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
inner join pg_catalog.pg_type as kind on attribute.atttypid = kind.oid
where
    relation.relname = $1 and namespace.nspname = coalesce(nullif($2, ''), current_schema())
    and relation.relkind in ('r', 'v', 'm', 'f', 'p') and attribute.attnum > 0 and not attribute.attisdropped
order by attribute.attnum
"""
TABLES = """
select relation.relname::text
from pg_catalog.pg_class as relation
inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
where namespace.nspname = coalesce(nullif($1, ''), current_schema()) and relation.relkind in ('r', 'v', 'm', 'f', 'p')
order by 1
"""
ROWS = """
select relation.reltuples::float8
from pg_catalog.pg_class as relation
inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
where relation.relname = $1 and namespace.nspname = coalesce(nullif($2, ''), current_schema())
"""


# Where a table's rows are in its file; a server before version 14 finds a range only by reading everything.
PAGES = """
select pg_catalog.pg_relation_size(relation.oid) / current_setting('block_size')::int8
from pg_catalog.pg_class as relation
inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
where
    relation.relname = $1 and namespace.nspname = coalesce(nullif($2, ''), current_schema())
    and relation.relkind in ('r', 'm') and current_setting('server_version_num')::int4 >= 140000
"""
LEAST_PAGES = 8_192  # 64 MB: below that a second connection gains nothing
Idle = queue.SimpleQueue["_Connection"]


class PostgreSQL(Database):
    """Connections that share the snapshot of the first one: all tables are read as of one moment."""

    def __init__(self, address: Address, connections: int) -> None:
        self.address = address.with_defaults(connect_timeout=CONNECT_SECONDS, application_name="perennial")
        self._all: list[_Connection] = []
        self._idle: Idle = queue.SimpleQueue()
        try:
            first = self._open()
            if connections > 1:
                ((snapshot,),) = first.ask("select pg_catalog.pg_export_snapshot()")
                for _ in range(connections - 1):
                    self._open(snapshot)
        except BaseException:
            self.close()
            raise

    def _open(self, snapshot: str | None = None) -> "_Connection":
        connection = _Connection(self.address, self._idle)
        self._all.append(connection)
        connection.run(BEGIN)
        if snapshot:
            connection.run(f"set transaction snapshot '{snapshot}'")
        self._idle.put(connection)
        return connection

    @contextmanager
    def connection(self) -> Generator["_Connection"]:
        """Lend a connection; wait for one while all are lent."""
        lent = self._idle.get()
        try:
            yield lent
        finally:
            self._idle.put(lent)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._all:
            connection.close()


class _Connection(Connection):
    def __init__(self, address: Address, others: Idle) -> None:
        self.address = address
        self.place = address.label
        self._others = others
        try:
            self._connection = postgresql.connect(address.url)
        except adbc.Error as error:
            raise _cannot_connect(address, error) from None

    def close(self) -> None:
        with suppress(adbc.Error):  # the server may have gone
            self._connection.close()

    def run(self, sql: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)

    def ask(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, list(values) or None)
            return cursor.fetchall()

    def tables(self, schema: str | None) -> list[str]:
        return [name for (name,) in self.ask(TABLES, schema or "")]

    def columns(self, table: str, schema: str | None) -> list[Column]:
        return [_column(*row) for row in self.ask(COLUMNS, table, schema or "")]

    def rows_about(self, table: str, schema: str | None) -> int | None:
        ((rows,),) = self.ask(ROWS, table, schema or "") or [(-1,)]
        return int(rows) if rows > 0 else None

    def moment(self, column: Column, moment: datetime, zone: str) -> tuple[str, str]:
        quoted = self.quote(column.name)
        if column.time == "instant":
            return quoted, f"timestamptz '{moment.astimezone(UTC).isoformat()}'"
        local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        return quoted, f"date '{local.date()}'" if column.time == "date" else f"timestamp '{local.isoformat()}'"

    def query(self, sql: str, columns: Sequence[Column], request: Request) -> Stream:
        return _stream([self._open(sql, request)], columns, request)

    def query_whole(self, select: Callable[[str], str], columns: Sequence[Column], request: Request) -> Stream:
        """Read ranges of a large table over the connections that are idle now: a server works on one core for each."""
        pages = self.ask(PAGES, request.table.query_table or "", request.table.query_schema or "")
        if request.is_ordered or not pages or pages[0][0] < LEAST_PAGES:
            return self.query(select(""), columns, request)
        borrowed = _all_of(self._others)
        try:
            readers = [self, *borrowed]
            opened = [
                reader._open(select(condition), request, BATCH_BYTES // len(readers))
                for reader, condition in zip(readers, _ranges(pages[0][0], len(readers)), strict=True)
            ]
        except BaseException:
            _give_back(borrowed, self._others)
            raise
        return _stream(opened, columns, request, lambda: _give_back(borrowed, self._others))

    def _open(self, sql: str, request: Request, batch_bytes: int = BATCH_BYTES) -> "_Opened":
        cursor = self._connection.cursor()
        try:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(batch_bytes)})
            cursor.execute(sql)
            received = cursor.fetch_record_batch()
        except adbc.Error as error:
            cursor.close()
            raise self._failed(request, error) from None
        return _Opened(received.schema, self._batches(cursor, received, request))

    def _batches(
        self, cursor: postgresql.Cursor, received: pa.RecordBatchReader, request: Request
    ) -> Generator[pa.RecordBatch]:
        try:
            yield from received
        except (adbc.Error, OSError, pa.ArrowException) as error:
            raise self._failed(request, error) from None
        finally:
            cursor.close()

    def _failed(self, request: Request, error: Exception) -> UserError:
        """What the server said of a query; its text has no values of rows."""
        said = self.address.without_secrets(str(error)).split("Query was:")[0].strip()
        state = getattr(error, "sqlstate", None)
        if state == "42501":
            return UserError(
                f"{request.label}: {self.place} does not let the user '{self.address.user}' read the table ({said}). "
                "Ask for the right to select from it."
            )
        if state is None or state.startswith(("08", "57", "53")):
            return UnavailableError(f"{request.label}: the connection to {self.place} broke ({said}). Run again.")
        return UserError(f"{request.label}: {self.place} could not answer ({said}). Check {request.definition}.")


@dataclass(frozen=True)
class _Opened:
    """The answer to a query, as it comes."""

    schema: pa.Schema
    batches: Generator[pa.RecordBatch]


def _stream(
    opened: Sequence[_Opened], columns: Sequence[Column], request: Request, done: Callable[[], None] = lambda: None
) -> Stream:
    types = [column.arrow or kind for column, kind in zip(columns, opened[0].schema.types, strict=True)]
    schema = pa.schema([(column.name, kind) for column, kind in zip(columns, types, strict=True)])
    rejected: Rejects = []

    def batches() -> Generator[pa.RecordBatch]:
        number = 0
        parts = [one_ahead(part.batches) if len(opened) > 1 else part.batches for part in opened]
        try:
            for batch in _by_turns(parts):
                yield _typed(batch, schema, number, rejected, request)
                number += batch.num_rows
        finally:
            for part in (*parts, *(part.batches for part in opened)):
                part.close()
            done()

    return Stream(schema, batches(), rejected)


def _by_turns(parts: Sequence[Generator[pa.RecordBatch]]) -> Generator[pa.RecordBatch]:
    """Yield a batch of each part in turn: an order that does not depend on which server process is faster."""
    live = list(parts)
    while live:
        for part in list(live):
            batch = next(part, None)
            if batch is None:
                live.remove(part)
            else:
                yield batch


def _ranges(pages: int, count: int) -> list[str]:
    """SQL conditions that share out the rows of a table among `count` readers by where they are in its file."""
    firsts = [pages * number // count for number in range(count)]
    return [
        f"ctid >= '({first},0)'::tid" + (f" and ctid < '({last},0)'::tid" if last else "")
        for first, last in zip(firsts, [*firsts[1:], None], strict=True)
    ]


def _all_of(idle: Idle) -> list[_Connection]:
    taken: list[_Connection] = []
    with suppress(queue.Empty):
        while True:
            taken.append(idle.get_nowait())
    return taken


def _give_back(lent: list[_Connection], idle: Idle) -> None:
    while lent:
        idle.put(lent.pop())


def _column(name: str, kind: str, modifier: int, declared: str) -> Column:
    quoted = quote_identifier(name)
    if kind == "numeric":  # exact as text, which is also what ADBC makes of it by itself
        return Column(name, declared, f"{quoted}::text", arrow=_decimal(modifier))
    select = quoted if kind in AS_IT_IS else f"{quoted}::text"
    return Column(name, declared, select, time=TIMES.get(kind))


def _decimal(modifier: int) -> pa.DataType | None:
    """Type of a numeric(p, s); None where it has no bounds, or wider ones than Arrow has: it stays text."""
    if modifier < NUMERIC_HEADER:
        return None
    precision, scale = (modifier - NUMERIC_HEADER) >> 16, (modifier - NUMERIC_HEADER) & 0x7FF
    return pa.decimal128(precision, scale) if scale <= precision <= LARGEST_DECIMAL else None


def _typed(
    batch: pa.RecordBatch, schema: pa.Schema, before: int, rejected: Rejects, request: Request
) -> pa.RecordBatch:
    """Cast the numbers that came as text; set aside rows with values that Arrow has not: NaN, infinity."""
    odd = _infinite_times(batch)
    if not odd:
        try:
            return _cast(batch, schema)
        except pa.ArrowInvalid:
            log.debug("%s: a number that is none", request.label)
    numbers = [field.name for field in schema if pa.types.is_decimal(field.type)]
    odd |= {name: pc.is_in(batch.column(name), NO_NUMBERS) for name in numbers}
    is_odd = pa.array([False] * batch.num_rows)
    sound = batch.select([name for name in batch.schema.names if name not in odd])  # Python has no such values either
    for name, mask in odd.items():
        error = f"column '{name}' is NaN or infinite: read a view that has null, or a bound, in its place"
        for position in pc.indices_nonzero(mask).to_pylist():
            where = {"file": request.table.query_table, "line": before + position + 1}
            rejected.append({**where, "error": error, "content": repr(sound.slice(position, 1).to_pylist()[0])})
        is_odd = pc.or_(is_odd, pc.fill_null(mask, fill_value=False))
    return _cast(batch.filter(pc.invert(is_odd)), schema)


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    pairs = zip(schema, batch.columns, strict=True)
    arrays = [array if array.type == field.type else array.cast(field.type) for field, array in pairs]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _infinite_times(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """Masks of the columns that hold a time before PostgreSQL's first one: what ADBC makes of infinity."""
    masks = {}
    for field, array in zip(batch.schema, batch.columns, strict=True):
        is_date = pa.types.is_date32(field.type)
        if is_date or pa.types.is_timestamp(field.type):
            number = array.view(pa.int32() if is_date else pa.int64())
            first = FIRST_TIME["date" if is_date else "timestamp"]
            smallest = pc.min(number).as_py()
            if smallest is not None and smallest < first:
                masks[field.name] = pc.less(number, first)
    return masks


def _cannot_connect(address: Address, error: Exception) -> UserError:
    said = " ".join(address.without_secrets(str(error)).split())
    if any(words in said for words in WRONG_LOGIN):
        return UserError(
            f"{address.label} refused the login of user '{address.user}' ({said}). Correct user and password of the "
            "connection, in Airflow or in its environment variable."
        )
    if "does not exist" in said:
        return UserError(f"{address.label} has no such database ({said}). Correct the connection.")
    return UnavailableError(
        f"{address.label} cannot be reached ({said}). Is the server up, and are host and port of the connection right?"
    )
