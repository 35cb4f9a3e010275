"""CSV and its relatives: every value as text, a broken line set aside with its number."""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.duck import quote_literal
from pipeline.errors import UserError
from pipeline.landing.readers.base import Rejects, Request, Rows, Session, check_columns, spool
from pipeline.landing.readers.records import Broken, records
from pipeline.landing.readers.text import utf8_file

ROWS_AT_ONCE = 65_536


def open_rows(session: Session, request: Request) -> Rows:
    """Open delimited files; all files of a glob have the same columns, in any order. An empty value is null.

    DuckDB reads what is well formed. Where it finds a broken line it may skip many good ones after it (an open quote
    swallows them), so then the files are read record by record instead.
    """
    texts = {path: utf8_file(path, session, request) for path in request.files}
    headers = {path: _header(path, text, request) for path, text in texts.items()}
    _check_same(request, headers)
    columns = next(iter(headers.values()))
    scanned = session.scratch / "scanned.parquet"
    parts = (f"select * from {_scan(texts[path], names, request)}" for path, names in headers.items())
    query = f"copy ({' union all by name '.join(parts)}) to {quote_literal(str(scanned))} (format parquet)"
    if _is_well_formed(session, query):
        return Rows(columns, f"read_parquet({quote_literal(str(scanned))})")
    schema = pa.schema([(name, pa.string()) for name in columns])
    rejected: Rejects = []
    batches = (
        batch.select(columns)
        for path, names in headers.items()
        for batch in _batches(path, texts[path], names, request, rejected)
    )
    return spool(session, schema, batches, rejected)


def _header(path: Path, text: Path, request: Request) -> list[str]:
    table = request.table
    if not table.header:
        return list(table.columns)
    with text.open(encoding="utf-8", newline="") as handle:
        names = next(csv.reader(islice(handle, table.skip_rows, None), delimiter=table.delimiter), [])
    if not any(name.strip() for name in names):
        raise UserError(
            f"{request.label}: {path} has no header in line {table.skip_rows + 1}. "
            f"Set `skip_rows`, or `header: false` with `columns`, for {request.definition}."
        )
    return [name.strip() or f"column_{number}" for number, name in enumerate(names, 1)]


def _check_same(request: Request, headers: dict[Path, list[str]]) -> None:
    first_path, first = next(iter(headers.items()))
    for path, names in headers.items():
        check_columns(request, names, f"{request.label}: {path.name}")
        if set(names) != set(first):
            odd = min(set(names) ^ set(first))
            raise UserError(
                f"{request.label}: {path.name} and {first_path.name} do not have the same columns: '{odd}' is in one "
                "of them only. Give them the same columns, or make them two tables."
            )


def _scan(text: Path, names: list[str], request: Request) -> str:
    table = request.table
    typed = ", ".join(f"{quote_literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv([{quote_literal(str(text))}], columns = {{{typed}}}, delim = {quote_literal(table.delimiter)}, "
        f"quote = '\"', escape = '\"', header = {str(table.header).lower()}, skip = {table.skip_rows}, "
        "auto_detect = false, strict_mode = true, store_rejects = true)"
    )


def _is_well_formed(session: Session, query: str) -> bool:
    try:
        session.connection.execute(query)
    except duckdb.InvalidInputException:
        return False
    (broken,) = session.connection.execute("select count(*) from reject_errors").fetchone() or (0,)
    return not broken


def _batches(path: Path, text: Path, names: list[str], request: Request, rejected: Rejects) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([(name, pa.string()) for name in names])
    with text.open(encoding="utf-8", newline="") as handle:
        found = records(handle, width=len(names), delimiter=request.table.delimiter, skip_lines=request.table.skip_rows)
        whole = islice(_without_broken(found, path, rejected), int(request.table.header), None)
        while some := list(islice(whole, ROWS_AT_ONCE)):
            arrays = [pa.array(values, pa.string()) for values in zip(*some, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _without_broken(
    found: Iterator[list[str | None] | Broken], path: Path, rejected: Rejects
) -> Iterator[list[str | None]]:
    for record in found:
        if isinstance(record, Broken):
            rejected.append({"file": path.name, "line": record.line, "error": record.error, "content": record.content})
        else:
            yield record
