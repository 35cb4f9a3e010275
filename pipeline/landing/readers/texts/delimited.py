"""CSV and its relatives: every value as text, a broken line set aside with its number."""

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.base.duck import quote_literal
from pipeline.base.errors import UserError
from pipeline.landing.readers.base import (
    Request,
    Rows,
    Session,
    check_columns,
    have_long_rows,
    list_of_files,
    read_parts,
    write_batches,
)
from pipeline.landing.readers.rejects import Rejects
from pipeline.landing.readers.texts.quotes import Way, way_to_read
from pipeline.landing.readers.texts.records import Broken, records
from pipeline.landing.readers.texts.text import (
    BLOCK,
    Text,
    open_text,
    set_aside,
    text_as_it_stands,
    wrong_encoding,
)

ROWS_AT_ONCE = 65_536
# Files up to this size are laid end to end: DuckDB takes a millisecond to open one.
SMALL = 2 << 20
# Of a large file, that much is looked at before it is read, and the rest meanwhile.
FIRST_PART = 16 << 20
LINES_OF_A_HEADER = 100


@dataclass(frozen=True)
class _Text:
    """A file and its text in UTF-8.

    Attributes
    ----------
    names
        Its columns.
    header_lines
        Number of lines before the first row.
    rows
        Their number; None when they were not counted.
    """

    path: Path
    text: Text
    names: list[str]
    header_lines: int
    rows: int | None


def open_rows(session: Session, request: Request) -> Rows:
    """Open delimited files; all files of a glob have the same columns, in any order. An empty value is null.

    DuckDB reads what is well formed, small files together. Where it finds a broken line it may skip many good ones
    after it (an open quote swallows them), so then that file is read record by record instead; and so is one in which
    it would not find what is broken (`way_to_read`). One large file in UTF-8 is read only when its rows are.
    """
    if len(request.files) == 1 and (lazy := _lazy(session, request, request.files[0])):
        return lazy
    return _read(session, request)


def _lazy(session: Session, request: Request, path: Path) -> Rows | None:
    """Rows of a large file that looks like UTF-8; None for another, and for one that DuckDB cannot read."""
    text = text_as_it_stands(path, request) if path.stat().st_size > SMALL else None
    if text is None:
        return None
    look = partial(way_to_read, path, request.table.delimiter, request.table.skip_rows)
    way = look(up_to=FIRST_PART)
    if way == Way.BY_RECORD:
        return None
    names, _ = _header(path, text, request)
    relation = _scan(request, path, names, way)
    thread = ThreadPoolExecutor(1)
    way_of_all = thread.submit(look)
    thread.shutdown(wait=False)
    return Rows(
        names,
        relation,
        is_whole=lambda: way_of_all.result() == way,
        fallback=partial(_read, session, request),
        may_be_long=way == Way.IN_ONE_GO,
    )


def _read(session: Session, request: Request) -> Rows:
    texts = [_open(path, session, request) for path in request.files]
    _check_same(request, texts)
    rejects = session.new_rejects()
    parts: list[Path] = []
    for (_, is_counted), group in groupby(texts, key=lambda text: (text.names, text.rows is not None)):
        for run in [list(group)] if is_counted else [[text] for text in group]:
            parts += _parts(session, request, run, rejects)
    columns = texts[0].names
    return Rows(columns, read_parts(parts, columns), rejects, may_be_long=have_long_rows(parts))


def _parts(session: Session, request: Request, texts: list[_Text], rejects: Rejects) -> list[Path]:
    """Write texts with the same columns as Parquet. Where something is broken, the half without it is read at once."""
    whole = _read_at_once(session, request, texts)
    if whole is not None:
        return [whole]
    if len(texts) == 1:
        schema = pa.schema([(name, pa.string()) for name in texts[0].names])
        return [write_batches(session, schema, _batches(texts[0], schema, request, rejects))]
    middle = len(texts) // 2
    halves = (texts[:middle], texts[middle:])
    return [part for half in halves for part in _parts(session, request, half, rejects)]


def _open(path: Path, session: Session, request: Request) -> _Text:
    text = open_text(path, session, request)
    names, header_lines = _header(path, text, request)
    rows = None
    if len(request.files) > 1 and text.is_plain and text.path.stat().st_size <= SMALL:
        found = csv.reader(islice(text.lines(), header_lines, None), delimiter=request.table.delimiter, strict=True)
        with suppress(csv.Error):  # a quote that may be open at its end: it must not reach into another file
            rows = sum(map(bool, found))
    return _Text(path, text, names, header_lines, rows)


def _header(path: Path, text: Text, request: Request) -> tuple[list[str], int]:
    """Names of the columns, and the number of lines before the first row."""
    table = request.table
    if not table.header:
        return list(table.columns), table.skip_rows
    first = list(islice(text.lines(), table.skip_rows, table.skip_rows + LINES_OF_A_HEADER))
    found = csv.reader(first, delimiter=table.delimiter, strict=True)
    try:
        names = next(found, [])
    except csv.Error as error:
        raise UserError(
            f"{request.label}: the header of {path}, line {table.skip_rows + 1}, cannot be read ({error}). Correct its "
            f"quotes, or `delimiter` and `skip_rows` of {request.definition}."
        ) from error
    if fault := next(filter(None, map(text.fault, names)), None):
        what = f"its header, line {table.skip_rows + 1}, cannot be read ({fault})"
        raise wrong_encoding(path, text.encoding, what, text.bytes_of("".join(first)), request)
    if not any(name.strip() for name in names):
        raise UserError(
            f"{request.label}: {path} has no header in line {table.skip_rows + 1}. "
            f"Set `skip_rows`, or `header: false` with `columns`, for {request.definition}."
        )
    names = [name.strip() or f"column_{number}" for number, name in enumerate(names, 1)]
    return names, table.skip_rows + found.line_num


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
    text = _join(session, texts) if is_joined else texts[0].text.path
    way = way_to_read(text, request.table.delimiter, 0 if is_joined else request.table.skip_rows)
    if way == Way.BY_RECORD or not all(text.text.is_plain for text in texts):
        return None
    rows = _scan(request, text, texts[0].names, way, is_joined=is_joined)
    target = session.new_file(".parquet")
    try:
        ((read,),) = session.connection.execute(
            f"copy (select * from {rows}) to {quote_literal(str(target))} (format parquet)"
        ).fetchall()
    except duckdb.InvalidInputException:
        return None
    is_whole = not is_joined or read == sum(text.rows or 0 for text in texts)
    return target if is_whole else None


def _scan(request: Request, text: Path, names: Sequence[str], way: Way, *, is_joined: bool = False) -> str:
    """SQL of the rows of a text. DuckDB raises at the first line that it cannot read."""
    table = request.table
    typed = ", ".join(f"{quote_literal(name)}: 'VARCHAR'" for name in names)
    options = (
        f"columns = {{{typed}}}, delim = {quote_literal(table.delimiter)}, quote = '\"', escape = '\"', "
        f"header = {str(table.header and not is_joined).lower()}, skip = {0 if is_joined else table.skip_rows}, "
        f"parallel = {str(way == Way.IN_PARTS).lower()}, "
        "auto_detect = false, strict_mode = true, compression = 'none'"
    )
    return list_of_files("read_csv", [text], options)


def _join(session: Session, texts: Sequence[_Text]) -> Path:
    """Lay the rows of texts end to end."""
    joined = session.new_file(".csv")
    with joined.open("w", encoding="utf-8", newline="") as output:
        for text in texts:
            rows = "".join(islice(text.text.lines(), text.header_lines, None))
            output.write(rows if not rows or rows.endswith(("\r", "\n")) else rows + "\n")
    return joined


def _batches(text: _Text, schema: pa.Schema, request: Request, rejects: Rejects) -> Iterator[pa.RecordBatch]:
    found = records(
        text.text.lines(),
        width=len(text.names),
        delimiter=request.table.delimiter,
        skip_lines=text.header_lines,
        fault=text.text.fault,
    )
    whole = _without_broken(found, text.path, rejects)
    while some := _some(whole):
        arrays = [pa.array(values, pa.string()) for values in zip(*some, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _some(rows: Iterator[list[str | None]]) -> list[list[str | None]]:
    """As many rows as a batch holds: few where they are long."""
    some: list[list[str | None]] = []
    size = 0
    for row in rows:
        some.append(row)
        size += sum(map(len, filter(None, row)))
        if len(some) == ROWS_AT_ONCE or size > BLOCK:
            break
    return some


def _without_broken(
    found: Iterator[list[str | None] | Broken], path: Path, rejects: Rejects
) -> Iterator[list[str | None]]:
    for record in found:
        if isinstance(record, Broken):
            set_aside(rejects, path, record.line, record.error, record.content)
        else:
            yield record
