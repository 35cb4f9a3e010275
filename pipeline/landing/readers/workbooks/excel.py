"""Sheets of Excel workbooks as tables (workbook.py says how they are read)."""

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pyarrow as pa

from pipeline.base.errors import UserError
from pipeline.landing.readers.base import Request, Rows, Session, check_columns, spool
from pipeline.landing.readers.rejects import Rejects
from pipeline.landing.readers.workbooks.workbook import Row, open_workbook

CELLS_AT_ONCE = 200_000


def open_rows(session: Session, request: Request) -> Rows:
    """Open a sheet of workbooks. A row without values is skipped, one with a cell that cannot be read is rejected."""
    columns = [_columns(path, request) for path in request.files]
    for path, names in zip(request.files, columns, strict=True):
        check_columns(request, names, f"{request.label}: {path.name}")
        if names != columns[0]:
            raise UserError(
                f"{request.label}: {path.name} has the columns {', '.join(names)}, and {request.files[0].name} has "
                f"{', '.join(columns[0])}. Give them the same columns, or make them two tables."
            )
    rejects = session.new_rejects()
    schema = pa.schema([(name, pa.string()) for name in columns[0]])
    return spool(session, schema, _batches(request, schema, rejects), rejects)


def column_names(header: list[str | None]) -> list[str]:
    """The names of the columns under a header; one without a name is called by its number."""
    return [(name or "").strip() or f"column_{number}" for number, name in enumerate(header, 1)]


def _rows(path: Path, request: Request, merged_in: int = 0) -> Generator[Row]:
    """Rows of the table's sheet, from its header on."""
    try:
        with open_workbook(path) as workbook:
            name = request.table.sheet or next(iter(workbook.sheets), "")
            if name not in workbook.sheets:
                has = f"It has: {', '.join(workbook.sheets)}" if workbook.sheets else "No sheet of it has cells"
                what = "is a chart" if name in workbook.charts else "is not there"
                raise UserError(
                    f"sheet '{name}' of {path.name} {what}. {has}. Correct `sheet` of {request.definition}."
                )
            yield from (row for row in workbook.rows(name, merged_in) if row[0] > request.table.skip_rows)
    except UserError as error:
        raise UserError(f"{request.label}: {error}") from error


def _columns(path: Path, request: Request) -> list[str]:
    table = request.table
    if not table.header:
        return list(table.columns)
    with closing(_rows(path, request)) as rows:
        number, header, fault = next(rows, (0, [], None))
    if number != table.skip_rows + 1 or fault:
        raise UserError(
            f"{request.label}: {path} has no header in row {table.skip_rows + 1}{f': {fault}' if fault else ''}. "
            f"Set `skip_rows`, or `header: false` with `columns`, for {request.definition}."
        )
    return column_names(header)


def _batches(request: Request, schema: pa.Schema, rejects: Rejects) -> Iterator[pa.RecordBatch]:
    width = len(schema)
    for path in request.files:
        with closing(_rows(path, request, merged_in=width)) as rows:
            below = islice(rows, int(request.table.header), None)
            while some := list(islice(below, max(1, CELLS_AT_ONCE // width))):
                whole = [values for row in some if (values := _values(row, width, path.name, rejects))]
                columns = zip(*whole, strict=True) if whole else [[] for _ in schema]
                arrays = [pa.array(values, pa.string()) for values in columns]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _values(row: Row, width: int, file: str, rejects: Rejects) -> list[str | None] | None:
    number, values, fault = row
    if len(values) > width:
        fault = f"{width} columns expected, a value stands behind them"
    if fault:
        rejects.add(file, number, fault, repr(values))
        return None
    return values + [None] * (width - len(values))
