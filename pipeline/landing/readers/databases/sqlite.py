"""SQLite files, read with Python's own module in batches. Decimals stay exact as text."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.base.errors import UserError
from pipeline.landing.readers.base import Request, Stream
from pipeline.landing.readers.databases.database import Column, Connection, Database
from pipeline.landing.readers.rejects import Rejects

ROWS_AT_ONCE = 65_536
NOT_OF_THE_TYPE = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError)


class SQLite(Database):
    """A SQLite file. Each table is read in a transaction of its own; the file is not to change meanwhile."""

    def __init__(self, path: Path, source: str) -> None:
        self.path = path
        self.source = source

    @contextmanager
    def connection(self) -> Iterator["_Connection"]:
        """Open the file for reading."""
        with closing(
            sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        ) as database:
            yield _Connection(database, self.path, self.source)

    def close(self) -> None:
        """Nothing stays open."""


class _Connection(Connection):
    def __init__(self, database: sqlite3.Connection, path: Path, source: str) -> None:
        self._database = database
        self._path = path
        self._source = source
        self.place = path.name

    def _ask(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"{self._source}: {self._path} cannot be read as a SQLite database ({error}). "
                f"Correct `location` in dags/sources/{self._source}.yml, or copy the file again."
            ) from error

    def tables(self, schema: str | None) -> list[str]:
        return [
            name for (name,) in self._ask("select name from sqlite_master where type in ('table', 'view') order by 1")
        ]

    def columns(self, table: str, schema: str | None) -> list[Column]:
        found = self._ask("select name, type from pragma_table_info(?)", table)
        return [_column(name, declared) for name, declared in found]

    def moment(self, column: Column, moment: datetime, zone: str) -> tuple[str, str]:
        local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        return f"datetime({self.quote(column.name)})", quote_literal(local.isoformat(" ", "seconds"))

    def query(self, sql: str, columns: Sequence[Column], request: Request, rejects: Rejects) -> Stream:
        schema = pa.schema([(column.name, column.arrow) for column in columns])
        return Stream(schema, self._batches(f"{sql}{self._in_order(sql, request, schema)}", schema, request, rejects))

    def _in_order(self, sql: str, request: Request, schema: pa.Schema) -> str:
        """Order of a table without a key: as the file has it, where it has one."""
        if " order by " in sql or request.table.key_columns:
            return ""
        kind = "select type = 'table' and not wr from pragma_table_list where schema = 'main' and name = ?"
        ((has_rowid,),) = self._ask(kind, request.table.query_table or "") or [(False,)]
        return " order by " + ("rowid" if has_rowid else ", ".join(self.quote(name) for name in schema.names))

    def _batches(self, sql: str, schema: pa.Schema, request: Request, rejects: Rejects) -> Iterator[pa.RecordBatch]:
        number = 0
        self._database.text_factory = lambda raw: raw.decode(request.table.encoding)
        try:
            cursor = self._database.execute(sql)
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield _batch(rows, schema, number, rejects, self._path.name)
                number += len(rows)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise UserError(
                f"{request.label}: {self._path} cannot be read after row {number} of table "
                f"'{request.table.query_table}' ({error}). "
                f"Set `encoding:` for {request.definition} if its text is not {request.table.encoding}."
            ) from error


def _column(name: str, declared: str) -> Column:
    """Map a declared type by SQLite's affinity rules (sqlite.org/datatype3.html, 3.1).

    NUMERIC affinity, which holds decimals and dates, becomes text, so that no digit is lost. Text may hold times.
    """
    kind = declared.upper()
    quoted = quote_identifier(name)
    if "INT" in kind or "BOOL" in kind:
        return Column(name, declared, quoted, pa.int64())
    if "BLOB" in kind:
        return Column(name, declared, quoted, pa.binary())
    if any(word in kind for word in ("REAL", "FLOA", "DOUB")):
        return Column(name, declared, quoted, pa.float64())
    return Column(name, declared, f"cast({quoted} as text)", pa.string(), time="local")


def _batch(
    rows: Sequence[Sequence[Any]], schema: pa.Schema, before: int, rejects: Rejects, file: str
) -> pa.RecordBatch:
    try:
        return _arrays(rows, schema)
    except NOT_OF_THE_TYPE:
        whole = []
        for number, row in enumerate(rows, before + 1):
            error = _misfit(row, schema)
            if error is None:
                whole.append(row)
            else:
                rejects.add(file, number, error, repr(tuple(row)))
        return _arrays(whole, schema)


def _arrays(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else [() for _ in schema]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _misfit(row: Sequence[Any], schema: pa.Schema) -> str | None:
    for value, field in zip(row, schema, strict=True):
        try:
            pa.array([value], field.type)
        except NOT_OF_THE_TYPE:
            return f"column '{field.name}' is declared {field.type} and holds a value of type {type(value).__name__}"
    return None
