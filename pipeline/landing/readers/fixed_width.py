"""Fixed-width text: each column between two character positions, blanks around it removed."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.landing.readers.base import REJECTS, Request, Rows, check_columns
from pipeline.landing.readers.text import utf8_file

LINES_AT_ONCE = 65_536


def open_rows(connection: duckdb.DuckDBPyConnection, request: Request, scratch: Path) -> Rows:
    """Open fixed-width files. A line that ends before its last column does is unreadable; empty lines are no rows."""
    positions = {name: tuple(span) for name, span in dict(request.table.columns).items()}
    check_columns(request, list(positions), request.label)
    rejected: list[dict[str, object]] = []
    schema = pa.schema([(name, pa.string()) for name in positions])
    batches = _batches(request, scratch, positions, schema, rejected)
    connection.register("landing_stream", pa.RecordBatchReader.from_batches(schema, batches))
    return Rows(
        columns=list(positions),
        relation="landing_stream",
        rejects=lambda: pa.Table.from_pylist(rejected, schema=REJECTS),
    )


def _batches(
    request: Request,
    scratch: Path,
    positions: dict[str, tuple[int, int]],
    schema: pa.Schema,
    rejected: list[dict[str, object]],
) -> Iterator[pa.RecordBatch]:
    width = max(end for _, end in positions.values())
    skipped = request.table.skip_rows
    for path in request.files:
        with utf8_file(path, request, scratch).open(encoding="utf-8", newline=None) as handle:
            numbered = enumerate(islice(handle, skipped, None), skipped + 1)
            while some := list(islice(numbered, LINES_AT_ONCE)):
                whole = []
                for number, line in some:
                    text = line.rstrip("\n")
                    if len(text) >= width:
                        whole.append(text)
                    elif text.strip():
                        error = f"line has {len(text)} characters, the columns need {width}"
                        rejected.append({"file": path.name, "line": number, "error": error, "content": text})
                yield _cut(pa.array(whole, pa.string()), positions, schema)


def _cut(lines: pa.Array, positions: dict[str, tuple[int, int]], schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for start, end in positions.values():
        value = pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(lines, start, end))
        columns.append(pc.if_else(pc.equal(value, ""), pa.scalar(None, pa.string()), value))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
