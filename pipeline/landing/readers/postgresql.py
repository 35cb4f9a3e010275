"""PostgreSQL through ADBC: binary COPY, streamed as Arrow, one snapshot for all tables of a load."""

import logging
import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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
from pipeline.landing.readers.base import Rejects, Request, Stream
from pipeline.landing.readers.database import Column, Connection, Database, TimeKind, UnavailableError

log = logging.getLogger("perennial.landing")
BEGIN = "set transaction isolation level repeatable read, read only"
BATCH_BYTES = str(16 << 20)
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


class PostgreSQL(Database):
    """Connections that share the snapshot of the first one: all tables are read as of one moment."""

    def __init__(self, address: Address, connections: int) -> None:
        self.address = address.with_defaults(connect_timeout=CONNECT_SECONDS, application_name="perennial")
        self._all: list[_Connection] = []
        self._idle: queue.SimpleQueue[_Connection] = queue.SimpleQueue()
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
        connection = _Connection(self.address)
        self._all.append(connection)
        connection.run(BEGIN)
        if snapshot:
            connection.run(f"set transaction snapshot '{snapshot}'")
        self._idle.put(connection)
        return connection

    @contextmanager
    def connection(self) -> Iterator["_Connection"]:
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
    def __init__(self, address: Address) -> None:
        self.address = address
        self.place = address.label
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
        cursor = self._connection.cursor()
        try:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": BATCH_BYTES})
            cursor.execute(sql)
            received = cursor.fetch_record_batch()
        except adbc.Error as error:
            cursor.close()
            raise self._failed(request, error) from None
        types = [column.arrow or kind for column, kind in zip(columns, received.schema.types, strict=True)]
        schema = pa.schema([(column.name, kind) for column, kind in zip(columns, types, strict=True)])
        rejected: Rejects = []

        def batches() -> Iterator[pa.RecordBatch]:
            number = 0
            try:
                for batch in received:
                    yield _typed(batch, schema, number, rejected, request)
                    number += batch.num_rows
            except (adbc.Error, OSError, pa.ArrowException) as error:
                raise self._failed(request, error) from None
            finally:
                cursor.close()

        return Stream(schema, batches(), rejected)

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


def _column(name: str, kind: str, modifier: int, declared: str) -> Column:
    quoted = quote_identifier(name)
    if kind == "numeric":  # as text it comes four times as fast as in ADBC's own way, and as exact
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
