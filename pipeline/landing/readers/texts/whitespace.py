"""Text whose columns are separated by one or more blanks or tabs. Every value is text."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.base.errors import UserError
from pipeline.landing.readers.base import Request, Rows, Session, check_columns, spool
from pipeline.landing.readers.rejects import Rejects
from pipeline.landing.readers.texts.text import line_blocks, set_aside, utf8_file


def open_rows(session: Session, request: Request) -> Rows:
    """Open whitespace-delimited files. A line with another number of values is unreadable; empty lines are skipped."""
    rejects = session.new_rejects()
    texts = {path: utf8_file(path, session, request, rejects) for path in request.files}
    columns = [_columns(path, text, request) for path, text in texts.items()]
    for path, names in zip(texts, columns, strict=True):
        check_columns(request, names, f"{request.label}: {path.name}")
        if names != columns[0]:
            raise UserError(
                f"{request.label}: {path.name} has the columns {', '.join(names)}, and {next(iter(texts)).name} has "
                f"{', '.join(columns[0])}. Give them the same columns, or make them two tables."
            )
    schema = pa.schema([(name, pa.string()) for name in columns[0]])
    return spool(session, schema, _batches(texts, schema, request, rejects), rejects)


def _columns(path: Path, text: Path, request: Request) -> list[str]:
    table = request.table
    if not table.header:
        return list(table.columns)
    names = next((line.split() for block in line_blocks(text, table.skip_rows) for _, line in block), [])
    if not names:
        raise UserError(
            f"{request.label}: {path} has no header in line {table.skip_rows + 1}. "
            f"Set `skip_rows`, or `header: false` with `columns`, for {request.definition}."
        )
    return names


def _batches(
    texts: dict[Path, Path], schema: pa.Schema, request: Request, rejects: Rejects
) -> Iterator[pa.RecordBatch]:
    skipped = request.table.skip_rows + int(request.table.header)
    for path, text in texts.items():
        for block in line_blocks(text, skipped):
            yield _batch(block, schema, path, rejects)


def _batch(lines: Sequence[tuple[int, str]], schema: pa.Schema, path: Path, rejects: Rejects) -> pa.RecordBatch:
    whole = []
    for number, line in lines:
        values = line.split()
        if len(values) == len(schema):
            whole.append(values)
        elif values:
            set_aside(rejects, path, number, f"{len(schema)} columns expected, {len(values)} found", line)
    columns = zip(*whole, strict=True) if whole else [[] for _ in schema]
    return pa.RecordBatch.from_arrays([pa.array(values, pa.string()) for values in columns], schema=schema)
