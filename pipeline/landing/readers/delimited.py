"""CSV and its relatives: every value as text, a broken line set aside with its number."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.duck import quote_literal
from pipeline.errors import UserError
from pipeline.landing.readers.base import (
    REJECTS,
    Rejects,
    Request,
    Rows,
    Session,
    check_columns,
    list_of_files,
    read_parts,
    write_batches,
)
from pipeline.landing.readers.records import Broken, records
from pipeline.landing.readers.text import utf8_file

ROWS_AT_ONCE = 65_536
# Files up to this size are read together.
SMALL = 8 << 20


@dataclass(frozen=True)
class _Text:
    """A file, its text in UTF-8 (the file itself where it is that), its columns, and its rows where counted."""

    path: Path
    text: Path
    names: list[str]
    rows: int | None


def open_rows(session: Session, request: Request) -> Rows:
    """Open delimited files; all files of a glob have the same columns, in any order. An empty value is null.

    DuckDB reads what is well formed, many small files at once. Where it finds a broken line it may skip many good ones
    after it (an open quote swallows them), so then that file is read record by record instead.
    """
    texts = []
    for path in request.files:
        text = utf8_file(path, session, request)
        rows = _count(text, request) if len(request.files) > 1 else None
        texts.append(_Text(path, text, _header(path, text, request), rows))
    _check_same(request, texts)
    rejected: Rejects = []
    parts: list[Path] = []
    for (_, is_counted), group in groupby(texts, key=lambda text: (text.names, text.rows is not None)):
        for run in [list(group)] if is_counted else [[text] for text in group]:
            parts += _parts(session, request, run, rejected)
    columns = texts[0].names
    return Rows(columns, read_parts(parts, columns), pa.Table.from_pylist(rejected, schema=REJECTS))


def _parts(session: Session, request: Request, texts: list[_Text], rejected: Rejects) -> list[Path]:
    """Write texts with the same columns as Parquet. Where something is broken, the half without it is read at once."""
    whole = _read_at_once(session, request, texts)
    if whole is not None:
        return [whole]
    if len(texts) == 1:
        schema = pa.schema([(name, pa.string()) for name in texts[0].names])
        return [write_batches(session, schema, _batches(texts[0], schema, request, rejected))]
    middle = len(texts) // 2
    halves = (texts[:middle], texts[middle:])
    return [part for half in halves for part in _parts(session, request, half, rejected)]


def _count(text: Path, request: Request) -> int | None:
    """Rows of a small file; None when it is large, or not well formed in its quotes.

    DuckDB 2.0 reads many files with one thread each, and then says nothing of a quote that is open at a file's end: the
    rows behind it are gone. So what it has read of many files is compared with this.
    """
    if text.stat().st_size > SMALL:
        return None
    with text.open(encoding="utf-8", newline="") as handle:
        lines = islice(handle, request.table.skip_rows, None)
        try:
            found = sum(map(bool, csv.reader(lines, delimiter=request.table.delimiter, strict=True)))
        except csv.Error:
            return None
    return found - int(request.table.header)


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


def _check_same(request: Request, texts: Sequence[_Text]) -> None:
    first = texts[0]
    for text in texts:
        if text.names == first.names and text is not first:
            continue
        check_columns(request, text.names, f"{request.label}: {text.path.name}")
        if set(text.names) != set(first.names):
            odd = min(set(text.names) ^ set(first.names))
            raise UserError(
                f"{request.label}: {text.path.name} and {first.path.name} do not have the same columns: '{odd}' is in "
                "one of them only. Give them the same columns, or make them two tables."
            )


def _read_at_once(session: Session, request: Request, texts: Sequence[_Text]) -> Path | None:
    """Write the rows of texts with the same columns as Parquet; None when a line of them is broken or lost."""
    table = request.table
    typed = ", ".join(f"{quote_literal(name)}: 'VARCHAR'" for name in texts[0].names)
    target = session.new_file(".parquet")
    rejects = f"rejects_{target.stem}"
    options = (
        f"columns = {{{typed}}}, delim = {quote_literal(table.delimiter)}, quote = '\"', escape = '\"', "
        f"header = {str(table.header).lower()}, skip = {table.skip_rows}, auto_detect = false, strict_mode = true, "
        f"store_rejects = true, rejects_table = '{rejects}', rejects_scan = 'scans_{target.stem}'"
    )
    rows = list_of_files("read_csv", [text.text for text in texts], options)
    copy = f"copy (select * from {rows}) to {quote_literal(str(target))} (format parquet)"
    try:
        (read,) = session.connection.execute(copy).fetchall()[0]
    except duckdb.InvalidInputException:
        return None
    ((broken,),) = session.connection.execute(f"select count(*) from {rejects}").fetchall()
    is_complete = len(texts) == 1 or read == sum(text.rows or 0 for text in texts)
    return target if is_complete and not broken else None


def _batches(text: _Text, schema: pa.Schema, request: Request, rejected: Rejects) -> Iterator[pa.RecordBatch]:
    table = request.table
    with text.text.open(encoding="utf-8", newline="") as handle:
        found = records(handle, width=len(text.names), delimiter=table.delimiter, skip_lines=table.skip_rows)
        whole = islice(_without_broken(found, text.path, rejected), int(table.header), None)
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
