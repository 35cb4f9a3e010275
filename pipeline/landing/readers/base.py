"""What every reader takes and gives."""

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.base.errors import UserError
from pipeline.landing.readers.rejects import Rejects
from pipeline.sources.schema import RESERVED_COLUMNS, Source, Table

if TYPE_CHECKING:
    from pipeline.landing.readers.databases.database import Connection

BATCH_ROWS = 122_880  # a row group of DuckDB's
VECTOR_ROWS = 2048  # what DuckDB reads at once
BATCH_BYTES = 32 << 20
NOT_IN_ARROW = {"INTERVAL", "UUID", "BIT", "BIGNUM", "TIME WITH TIME ZONE"}


@dataclass(frozen=True)
class Window:
    """The instants between which the cursor of a row lies: `start` included, `end` excluded. None: no limit.

    `also` are more such ranges, of cursors as they stand in the table: what a local time says, marked as UTC.
    """

    start: datetime | None
    end: datetime | None
    also: Sequence[tuple[datetime, datetime]] = ()


@dataclass(frozen=True)
class Request:
    """A table to read.

    Attributes
    ----------
    source, name, table
        Its definition.
    files
        Its files in the order in which they are read.
    only
        The columns that are needed: a reader that can leaves the others out. Empty: all.
    window
        Which rows of a database's table are asked for. None: all.
    """

    source: Source
    name: str
    table: Table
    files: Sequence[Path]
    only: Sequence[str] = ()
    window: Window | None = None

    @property
    def label(self) -> str:
        """How messages name the table."""
        return f"{self.source.name}.{self.name}"

    @property
    def is_ordered(self) -> bool:
        """Whether a database is asked for rows in the order of their key: so that equal content is an equal load."""
        return not self.source.is_scheduled and bool(self.table.key_columns)

    @property
    def definition(self) -> str:
        """Where messages send the reader to."""
        return f"table '{self.name}' in dags/sources/{self.source.name}.yml"


@dataclass(frozen=True)
class Session:
    """Where a reader works: a DuckDB connection, and a folder for temporary files that is removed afterwards.

    `database` is the connection to the source, where that is a database.
    """

    connection: duckdb.DuckDBPyConnection
    scratch: Path
    database: "Connection | None" = None
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def new_file(self, name: str) -> Path:
        """Return a path in the scratch folder that is not in use; `name` ends it."""
        return self.scratch / f"{next(self._numbers)}{name}"

    def new_rejects(self) -> Rejects:
        """Return a list for the rows that cannot be read."""
        return Rejects(self.new_file(".rejects.parquet"))


@dataclass(frozen=True)
class Stream:
    """Rows that can be read once. `expected` is about how many rows there are."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    expected: int | None = None


@dataclass(frozen=True)
class Rows:
    """Rows ready to be read, in the order of the source.

    Attributes
    ----------
    columns : list of str
        Names as received.
    relation : str
        What stands after FROM in SQL on the session's connection. Empty where there is a `stream`.
    rejects : Rejects
        The lines that could not be read. Those of a stream are complete when it has been read.
    stream : Stream or None
        The rows themselves, to be read once.
    is_whole : callable or None
        Asked after the relation was read: whether all of it was sound. If not, or if DuckDB raised, `fallback` opens
        the same rows in the slow exact way.
    fallback : callable or None
        See `is_whole`. None: the relation is known to be sound.
    may_be_long : bool
        Whether rows may be so long that as many as a batch has do not fit into memory.
    """

    columns: list[str]
    relation: str = ""
    rejects: Rejects = field(default_factory=Rejects)
    stream: Stream | None = None
    is_whole: Callable[[], bool] | None = None
    fallback: "Callable[[], Rows] | None" = None
    may_be_long: bool = False


def with_fallback(rows: Rows, action: Callable[[Rows], object]) -> Rows:
    """Do something with rows; where their file turns out to be broken, do it again with what can be read of it."""
    try:
        action(rows)
    except (duckdb.Error, pa.ArrowException, OSError):  # DuckDB's own errors come through Arrow as one of these
        if rows.fallback is None:
            raise
    else:
        if rows.is_whole is None or rows.is_whole():
            return rows
    assert rows.fallback is not None
    rows = rows.fallback()
    action(rows)
    return rows


def streamed(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], *, may_be_long: bool = False
) -> Stream:
    """Stream columns of a relation; types that Arrow's Parquet does not have become their text."""
    types = connection.execute(f"describe select * from {relation}").fetchall()
    as_text = {name for name, kind, *_ in types if kind in NOT_IN_ARROW}
    selected = ", ".join(
        f"cast({name} as varchar) as {name}" if column in as_text else name
        for column, name in zip(columns, map(quote_identifier, columns), strict=True)
    )
    reader: pa.RecordBatchReader = connection.sql(f"select {selected} from {relation}").to_arrow_reader(
        VECTOR_ROWS if may_be_long else BATCH_ROWS
    )
    return Stream(reader.schema, _of_one_size(reader) if may_be_long else iter(reader))


def _of_one_size(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join small batches, up to the rows or bytes of a large one."""
    some: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        some.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= BATCH_ROWS or size >= BATCH_BYTES:
            yield pa.concat_batches(some)
            some, rows, size = [], 0, 0
    if some:
        yield pa.concat_batches(some)


def one_ahead(batches: Iterator[pa.RecordBatch]) -> Generator[pa.RecordBatch]:
    """Yield batches while the next one is fetched in a thread of its own."""
    with ThreadPoolExecutor(1) as thread:
        ahead = thread.submit(next, batches, None)
        while (batch := ahead.result()) is not None:
            ahead = thread.submit(next, batches, None)
            yield batch


def spool(session: Session, schema: pa.Schema, batches: Iterable[pa.RecordBatch], rejects: Rejects) -> Rows:
    """Write batches to the scratch folder, and return them with the rejects that making them has collected."""
    path = write_batches(session, schema, batches)
    return Rows(schema.names, list_of_files("read_parquet", [path]), rejects, may_be_long=have_long_rows([path]))


def write_batches(session: Session, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Path:
    """Write batches to a file of the scratch folder."""
    path = session.new_file(".parquet")
    with pq.ParquetWriter(path, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return path


def list_of_files(function: str, files: Iterable[Path], options: str = "") -> str:
    """SQL: a table function of DuckDB over files, which it reads in this order."""
    listed = ", ".join(quote_literal(str(path)) for path in files)
    return f"{function}([{listed}]{f', {options}' if options else ''})"


def read_parts(parts: Sequence[Path], columns: Sequence[str]) -> str:
    """SQL: the rows of Parquet files one after the other; each file has all columns, in any order."""
    names = ", ".join(quote_identifier(name) for name in columns)
    return f"(select {names} from {list_of_files('read_parquet', parts, 'union_by_name = true')})"


def have_long_rows(parts: Iterable[Path]) -> bool:
    """Whether Parquet files have a row group of which a batch's number of rows would be too large."""
    files = map(pq.read_metadata, parts)
    groups = (file.row_group(number) for file in files for number in range(file.num_row_groups))
    return any(group.total_byte_size * BATCH_ROWS > 2 * BATCH_BYTES * group.num_rows for group in groups)


def check_columns(request: Request, columns: Sequence[str], where: str) -> None:
    """Raise when a declared column is absent, or a name is used twice or reserved."""
    table = request.table
    needed = [*table.columns, *table.named_columns]
    missing = [name for name in needed if name not in columns]
    if missing:
        advice = " Is `delimiter` right?" if len(columns) == 1 and table.format == "csv" else ""
        raise UserError(
            f"{where} has no column '{missing[0]}', which is named for {request.definition}. "
            f"It has: {', '.join(columns)}.{advice} Correct the name there, or ask for a file with this column."
        )
    seen: dict[str, str] = {}
    for name in columns:
        if name.lower() in RESERVED_COLUMNS:
            raise UserError(f"{where} has a column '{name}', a name that landing uses itself. Rename it in the file.")
        if name.lower() in seen:
            raise UserError(f"{where} has two columns '{seen[name.lower()]}' and '{name}'. Rename one in the file.")
        seen[name.lower()] = name


def personal_columns(request: Request, columns: Sequence[str]) -> list[str]:
    """Return the personal columns that were received.

    Raises
    ------
    UserError
        One is not there: were it renamed, it would land among the others. A line of JSON may lack any key.
    """
    table = request.table
    missing = [name for name in table.personal if name not in columns]
    if missing and table.format != "jsonl":
        raise UserError(
            f"{request.label}: there is no column '{missing[0]}', which is named under `personal` of "
            f"{request.definition}. It has: {', '.join(columns)}. Correct the name there."
        )
    return [name for name in table.personal if name in columns]
