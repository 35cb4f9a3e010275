"""CSV and its relatives: every value as text, a broken line set aside with its number."""

import codecs
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
from pipeline.landing.readers.text import CHUNK, UTF8, utf8_file

ROWS_AT_ONCE = 65_536
# Files up to this size are laid end to end: DuckDB takes a millisecond to open one.
SMALL = 2 << 20


@dataclass(frozen=True)
class _Text:
    """A file and its text in UTF-8 (the file itself where it is that).

    Attributes
    ----------
    names
        Its columns.
    rows, header_lines
        Number of rows, and of lines before the first; `rows` is None when they were not counted.
    """

    path: Path
    text: Path
    names: list[str]
    rows: int | None = None
    header_lines: int = 0


def open_rows(session: Session, request: Request) -> Rows:
    """Open delimited files; all files of a glob have the same columns, in any order. An empty value is null.

    DuckDB reads what is well formed, small files together. Where it finds a broken line it may skip many good ones
    after it (an open quote swallows them), so then that file is read record by record instead. One large file in UTF-8
    is read only when its rows are.
    """
    if len(request.files) == 1 and (lazy := _lazy(session, request, request.files[0])):
        return lazy
    return _read(session, request)


def _lazy(session: Session, request: Request, path: Path) -> Rows | None:
    """Rows of a large file that looks like UTF-8; None for another."""
    is_utf8 = codecs.lookup(request.table.encoding).name in UTF8
    if not is_utf8 or path.suffix == ".gz" or path.stat().st_size <= SMALL:
        return None
    with path.open("rb") as handle:
        first = handle.read(CHUNK)
    if first.startswith(codecs.BOM_UTF8) or b"\0" in first:
        return None
    try:
        names = _header(path, path, request)
    except UnicodeDecodeError:
        return None
    relation, rejects = _scan(session, request, path, names)

    def is_whole() -> bool:
        ((broken,),) = session.connection.execute(f"select count(*) from {rejects}").fetchall()
        return not broken

    return Rows(names, relation, is_whole=is_whole, fallback=lambda: _read(session, request))


def _read(session: Session, request: Request) -> Rows:
    texts = [_open(path, session, request) for path in request.files]
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


def _open(path: Path, session: Session, request: Request) -> _Text:
    text = utf8_file(path, session, request)
    names = _header(path, text, request)
    if len(request.files) == 1 or text.stat().st_size > SMALL:
        return _Text(path, text, names)
    table = request.table
    with text.open(encoding="utf-8", newline="") as handle:
        rows = csv.reader(islice(handle, table.skip_rows, None), delimiter=table.delimiter, strict=True)
        try:
            if table.header:
                next(rows)
            header_lines = table.skip_rows + rows.line_num
            return _Text(path, text, names, sum(map(bool, rows)), header_lines)
        except csv.Error:  # a quote that may be open at its end: it must not reach into another file
            return _Text(path, text, names)


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
    """Write the rows of texts with the same columns as Parquet; None when a line of them is broken."""
    is_joined = len(texts) > 1
    text = _join(session, texts) if is_joined else texts[0].text
    rows, rejects = _scan(session, request, text, texts[0].names, is_joined=is_joined)
    target = session.new_file(".parquet")
    try:
        ((read,),) = session.connection.execute(
            f"copy (select * from {rows}) to {quote_literal(str(target))} (format parquet)"
        ).fetchall()
    except duckdb.InvalidInputException:
        return None
    ((broken,),) = session.connection.execute(f"select count(*) from {rejects}").fetchall()
    is_whole = not is_joined or read == sum(text.rows or 0 for text in texts)
    return target if is_whole and not broken else None


def _scan(
    session: Session, request: Request, text: Path, names: Sequence[str], *, is_joined: bool = False
) -> tuple[str, str]:
    """SQL of the rows of a text, and the name of the table with what it could not read, once it has been read."""
    table = request.table
    typed = ", ".join(f"{quote_literal(name)}: 'VARCHAR'" for name in names)
    number = session.new_file("").name
    options = (
        f"columns = {{{typed}}}, delim = {quote_literal(table.delimiter)}, quote = '\"', escape = '\"', "
        f"header = {str(table.header and not is_joined).lower()}, skip = {0 if is_joined else table.skip_rows}, "
        "auto_detect = false, strict_mode = true, "
        f"store_rejects = true, rejects_table = 'rejects_{number}', rejects_scan = 'scans_{number}'"
    )
    return list_of_files("read_csv", [text], options), f"rejects_{number}"


def _join(session: Session, texts: Sequence[_Text]) -> Path:
    """Lay the rows of texts end to end."""
    joined = session.new_file(".csv")
    with joined.open("w", encoding="utf-8", newline="") as output:
        for text in texts:
            with text.text.open(encoding="utf-8", newline="") as handle:
                rows = "".join(islice(handle, text.header_lines, None))
            output.write(rows if not rows or rows.endswith(("\r", "\n")) else rows + "\n")
    return joined


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
