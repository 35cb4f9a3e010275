"""SQLite tables, read with Python's own module in batches. Decimals stay exact as text."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.duck import quote_identifier
from pipeline.errors import UserError
from pipeline.landing.readers.base import Rejects, Request, Rows, Session, check_columns, spool

ROWS_AT_ONCE = 65_536
NOT_OF_THE_TYPE = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError)


def open_rows(session: Session, request: Request) -> Rows:
    """Open a table or view of a SQLite file. A row with a value that is not of the declared type is unreadable."""
    path = request.files[0]
    schema = _schema(path, request)
    check_columns(request, schema.names, f"{request.label}: table '{request.table.query_table}' of {path.name}")
    rejected: Rejects = []
    return spool(session, schema, _batches(path, request, schema, rejected), rejected)


def _connect(path: Path, request: Request) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    database.text_factory = lambda raw: raw.decode(request.table.encoding)
    return database


def _schema(path: Path, request: Request) -> pa.Schema:
    table = request.table.query_table or ""
    with closing(_connect(path, request)) as database:
        try:
            columns = database.execute("select name, type from pragma_table_info(?)", [table]).fetchall()
            names = database.execute("select name from sqlite_master where type in ('table', 'view') order by 1")
            tables = [row[0] for row in names]
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"{request.label}: {path} cannot be read as a SQLite database ({error}). "
                f"Correct `location` in dags/sources/{request.source.name}.yml, or copy the file again."
            ) from error
    if not columns:
        raise UserError(
            f"{request.label}: {path} has no table '{table}'. It has: {', '.join(tables) or 'none'}. "
            f"Correct `query_table` of {request.definition}."
        )
    return pa.schema([(name, _arrow_type(declared)) for name, declared in columns])


def _arrow_type(declared: str) -> pa.DataType:
    """Map a declared type by SQLite's affinity rules (sqlite.org/datatype3.html, 3.1).

    NUMERIC affinity, which holds decimals and dates, becomes text, so that no digit is lost.
    """
    kind = declared.upper()
    if "INT" in kind or "BOOL" in kind:
        return pa.int64()
    if "BLOB" in kind:
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
    order = ", ".join(quote_identifier(name) for name in request.table.key_columns)
    if not order:
        kind = "select type = 'table' and not wr from pragma_table_list where schema = 'main' and name = ?"
        (has_rowid,) = database.execute(kind, [request.table.query_table]).fetchone() or (False,)
        order = "rowid" if has_rowid else ", ".join(quote_identifier(name) for name in schema.names)
    return f"select {columns} from {table} order by {order}"


def _batches(path: Path, request: Request, schema: pa.Schema, rejected: Rejects) -> Iterator[pa.RecordBatch]:
    number = 0
    with closing(_connect(path, request)) as database:
        try:
            cursor = database.execute(_query(database, request, schema))
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield _batch(rows, schema, number, rejected, path.name)
                number += len(rows)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise UserError(
                f"{request.label}: {path} cannot be read after row {number} of table '{request.table.query_table}' "
                f"({error}). Set `encoding:` for {request.definition} if its text is not {request.table.encoding}."
            ) from error


def _batch(
    rows: Sequence[Sequence[Any]], schema: pa.Schema, before: int, rejected: Rejects, file: str
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
                rejected.append({"file": file, "line": number, "error": error, "content": repr(tuple(row))})
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
