"""Fixed-width text: each column between two character positions, blanks around it removed."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.landing.readers.base import Request, Rows, Session, check_columns, spool
from pipeline.landing.readers.rejects import Rejects
from pipeline.landing.readers.texts.text import line_blocks, set_aside, utf8_file


def open_rows(session: Session, request: Request) -> Rows:
    """Open fixed-width files. A line that ends before its last column does is unreadable; empty lines are skipped."""
    check_columns(request, list(request.table.positions), request.label)
    schema = pa.schema([(name, pa.string()) for name in request.table.positions])
    rejects = session.new_rejects()
    texts = {path: utf8_file(path, session, request, rejects) for path in request.files}
    return spool(session, schema, _batches(texts, request, rejects), rejects)


def _batches(texts: dict[Path, Path], request: Request, rejects: Rejects) -> Iterator[pa.RecordBatch]:
    positions = request.table.positions
    width = max(end for _, end in positions.values())
    skipped = request.table.skip_rows
    for path, text in texts.items():
        for block in line_blocks(text, skipped):
            whole = []
            for number, ended in block:
                line = ended.rstrip("\n")
                if len(line) >= width:
                    whole.append(line)
                elif line.strip():
                    error = f"the line has {len(line)} characters, its columns need {width}"
                    set_aside(rejects, path, number, error, line)
            yield _cut(pa.array(whole, pa.string()), positions)


def _cut(lines: pa.Array, positions: dict[str, tuple[int, int]]) -> pa.RecordBatch:
    columns = []
    for start, end in positions.values():
        value = pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(lines, start, end))
        columns.append(pc.if_else(pc.equal(value, ""), pa.scalar(None, pa.string()), value))
    return pa.RecordBatch.from_arrays(columns, names=list(positions))
