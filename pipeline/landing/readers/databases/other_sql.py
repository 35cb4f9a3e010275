"""MySQL, SQL Server, Oracle and Redshift through connectorx. Numbers with decimals come as text, so none is rounded."""

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import connectorx
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.base.duck import quote_literal
from pipeline.base.errors import UserError
from pipeline.landing.connections import CONNECT_SECONDS, Address
from pipeline.landing.readers.base import Request, Stream
from pipeline.landing.readers.databases import faults
from pipeline.landing.readers.databases.database import Column, Connection, Database, TimeKind
from pipeline.landing.readers.databases.dialects import DIALECTS
from pipeline.landing.readers.databases.faults import names_in_messages
from pipeline.landing.readers.rejects import Rejects

BATCH_ROWS = 65_536
NO_LOGIN = "timed out waiting for connection"  # connectorx, after 30 seconds of trying
MICROSECONDS = len("2024-01-05 00:00:00.000000")
ARROW_TIMES = {"instant": pa.timestamp("us", "UTC"), "local": pa.timestamp("us"), "date": pa.date32()}


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
    """Check that the server accepts connections."""
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
        """Check that the server accepts the login."""
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

    def query(self, sql: str, columns: Sequence[Column], request: Request, rejects: Rejects) -> Stream:
        received = self._read(sql, request.label, request.definition)
        # The cursor is compared, so it becomes a time; other times stay what the server wrote, such as 2024-02-30.
        cursor = next((i for i, c in enumerate(columns) if c.name == request.table.cursor and c.arrow), None)
        kinds = list(received.schema.types)
        if cursor is not None:
            kinds[cursor] = columns[cursor].arrow
        schema = pa.schema([(column.name, kind) for column, kind in zip(columns, kinds, strict=True)])

        def batches() -> Iterator[pa.RecordBatch]:
            number = 0
            with self._named(request.label, request.definition):
                for batch in received:
                    renamed = pa.RecordBatch.from_arrays(batch.columns, names=schema.names)
                    sound = (
                        renamed if cursor is None else _with_times(renamed, columns[cursor], number, rejects, request)
                    )
                    yield sound.cast(schema)
                    number += batch.num_rows

        return Stream(schema, batches())

    @contextmanager
    def _named(self, label: str, definition: str) -> Iterator[None]:
        """Name what the server said; connectorx raises RuntimeError and Rust's panic, which is not an Exception."""
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
    batch: pa.RecordBatch, cursor: Column, before: int, rejects: Rejects, request: Request
) -> pa.RecordBatch:
    """Convert the cursor's text to times; set aside rows in which it is not a time."""
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
        error = f"the cursor column '{cursor.name}' is not a time: read a view that has null in its place"
        content = repr(batch.slice(index, 1).to_pylist()[0])
        rejects.add(request.table.query_table, before + index + 1, error, content)
    sound = batch.filter(is_sound)
    return sound.set_column(position, cursor.name, times.filter(is_sound).cast(cursor.arrow))


def _is_time(text: str | None, kind: pa.DataType) -> bool:
    try:
        pa.scalar(text, pa.string()).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
