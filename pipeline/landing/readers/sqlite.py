"""SQLite tables, read with Python's own module in batches. Decimals stay exact as text."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.duck import quote_identifier
from pipeline.errors import UserError
from pipeline.landing.readers.base import REJECTS, Request, Rows, check_columns

ROWS_AT_ONCE = 65_536


def open_rows(connection: duckdb.DuckDBPyConnection, request: Request, scratch: Path) -> Rows:
    """Open a table or view of a SQLite file. A row with a value that is not of the declared type is unreadable."""
    path = request.files[0]
    try:
        schema = _schema(path, request)
    except sqlite3.DatabaseError as error:
        raise UserError(f"{request.label}: {path} cannot be read as a SQLite database ({error}). Check `location`.") from error
    check_columns(request, schema.names, f"{request.label}: table '{request.table.query_table}' of {path.name}")
    rejected: list[dict[str, object]] = []
    batches = _batches(path, request, schema, rejected)
    connection.register("landing_stream", pa.RecordBatchReader.from_batches(schema, batches))
    return Rows(
        columns=schema.names,
        relation="landing_stream",
        rejects=lambda: pa.Table.from_pylist(rejected, schema=REJECTS),
    )


def _connect(path: Path, request: Request) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    database.text_factory = lambda raw: raw.decode(request.table.encoding)
    return database


def _schema(path: Path, request: Request) -> pa.Schema:
    table = request.table.query_table or ""
    with closing(_connect(path, request)) as database:
        columns = database.execute("select name, type from pragma_table_info(?)", [table]).fetchall()
        if not columns:
            tables = [row[0] for row in database.execute("select name from sqlite_master where type in ('table', 'view') order by 1")]
            raise UserError(
                f"{request.label}: {path} has no table '{table}'. It has: {', '.join(tables) or 'none'}. "
                f"Correct `query_table` in dags/sources/{request.source.name}.yml."
            )
    return pa.schema([(name, _arrow_type(declared)) for name, declared in columns])


def _arrow_type(declared: str) -> pa.DataType:
    """SQLite's affinity rules (sqlite.org/datatype3.html, 3.1), but NUMERIC as text: it is where decimals and dates are."""
    kind = declared.upper()
    if "INT" in kind or "BOOL" in kind:
        return pa.int64()
    if any(word in kind for word in ("CHAR", "CLOB", "TEXT")):
        return pa.string()
    if kind == "BLOB":
        return pa.binary()
    if any(word in kind for word in ("REAL", "FLOA", "DOUB")):
        return pa.float64()
    return pa.string()


def _query(database: sqlite3.Connection, request: Request, schema: pa.Schema) -> str:
    columns = ", ".join(
        f"cast({quote_identifier(field.name)} as text)" if field.type == pa.string() else quote_identifier(field.name)
        for field in schema
    )
    table = quote_identifier(request.table.query_table or "")
    if request.table.key != "position":
        order = ", ".join(quote_identifier(name) for name in request.table.key)
        return f"select {columns} from {table} order by {order}"
    try:
        database.execute(f"select rowid from {table} limit 0")
    except sqlite3.OperationalError:
        return f"select {columns} from {table}"
    return f"select {columns} from {table} order by rowid"


def _batches(
    path: Path, request: Request, schema: pa.Schema, rejected: list[dict[str, object]]
) -> Iterator[pa.RecordBatch]:
    with closing(_connect(path, request)) as database:
        cursor = database.execute(_query(database, request, schema))
        number = 0
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            try:
                yield _batch(rows, schema)
            except (pa.ArrowInvalid, pa.ArrowTypeError):
                yield _batch(list(_whole(rows, schema, number, rejected, path)), schema)
            number += len(rows)


def _batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in schema]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _whole(
    rows: Sequence[Sequence[Any]], schema: pa.Schema, before: int, rejected: list[dict[str, object]], path: Path
) -> Iterator[Sequence[Any]]:
    for number, row in enumerate(rows, before + 1):
        wrong = next((pair for pair in zip(row, schema, strict=True) if not _fits(*pair)), None)
        if wrong is None:
            yield row
        else:
            value, field = wrong
            error = f"column '{field.name}' is declared {field.type} and holds a {type(value).__name__}"
            rejected.append({"file": path.name, "line": number, "error": error, "content": repr(tuple(row))})


def _fits(value: Any, field: pa.Field) -> bool:
    try:
        pa.array([value], field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return False
    return True
