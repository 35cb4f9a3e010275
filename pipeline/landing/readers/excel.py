"""Excel workbooks (.xlsx): every value as text, a date as ISO, a number as it is stored."""

import datetime as dt
import zipfile
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
from openpyxl.utils.exceptions import InvalidFileException

from pipeline.errors import UserError
from pipeline.landing.readers.base import Rejects, Request, Rows, Session, check_columns, spool

ROWS_AT_ONCE = 16_384


def open_rows(session: Session, request: Request) -> Rows:
    """Open a sheet of workbooks; a row without any value is no row, a cell with an error (#N/A) makes it unreadable."""
    columns = [_columns(path, request) for path in request.files]
    for path, names in zip(request.files, columns, strict=True):
        check_columns(request, names, f"{request.label}: {path.name}")
        if names != columns[0]:
            raise UserError(
                f"{request.label}: {path.name} has the columns {', '.join(names)}, and {request.files[0].name} has "
                f"{', '.join(columns[0])}. Give them the same columns, or make them two tables."
            )
    rejected: Rejects = []
    schema = pa.schema([(name, pa.string()) for name in columns[0]])
    return spool(session, schema, _batches(request, schema, rejected), rejected)


def _cells(path: Path, request: Request) -> Generator[tuple[Any, ...], None, None]:
    """Rows of the sheet, cells as openpyxl has them."""
    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, OSError) as error:
        raise UserError(
            f"{request.label}: {path} is not a whole Excel workbook ({error}). Save it as .xlsx and copy it again, or "
            f"correct `format` of {request.definition}."
        ) from error
    with closing(workbook):
        names = workbook.sheetnames
        sheet = request.table.sheet or names[0]
        if sheet not in names:
            raise UserError(
                f"{request.label}: {path.name} has no sheet '{sheet}'. It has: {', '.join(names)}. "
                f"Correct `sheet` of {request.definition}."
            )
        yield from workbook[sheet].iter_rows()


def _columns(path: Path, request: Request) -> list[str]:
    table = request.table
    if not table.header:
        return list(table.columns)
    with closing(_cells(path, request)) as rows:
        first = next(islice(rows, table.skip_rows, None), ())
    names = [_text(cell.value) for cell in first]
    while names and names[-1] is None:
        names.pop()
    if not names:
        raise UserError(
            f"{request.label}: {path} has no header in row {table.skip_rows + 1}. "
            f"Set `skip_rows`, or `header: false` with `columns`, for {request.definition}."
        )
    return [(name or "").strip() or f"column_{number}" for number, name in enumerate(names, 1)]


def _batches(request: Request, schema: pa.Schema, rejected: Rejects) -> Iterator[pa.RecordBatch]:
    skipped = request.table.skip_rows + int(request.table.header)
    for path in request.files:
        with closing(_cells(path, request)) as rows:
            numbered = enumerate(islice(rows, skipped, None), skipped + 1)
            while some := list(islice(numbered, ROWS_AT_ONCE)):
                whole = list(filter(None, (_row(number, cells, schema, path.name, rejected) for number, cells in some)))
                columns = zip(*whole, strict=True) if whole else [[] for _ in schema]
                arrays = [pa.array(values, pa.string()) for values in columns]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _row(
    number: int, cells: tuple[Any, ...], schema: pa.Schema, file: str, rejected: Rejects
) -> list[str | None] | None:
    values = [_text(cell.value) for cell in cells]
    if not any(values):
        return None
    error = None
    if any(values[len(schema) :]):
        error = f"{len(schema)} columns expected, a value stands behind them"
    for cell in cells[: len(schema)]:
        if cell.data_type == "e":
            error = f"cell {cell.coordinate} has the error {cell.value}"
    if error:
        rejected.append({"file": file, "line": number, "error": error, "content": repr(values)})
        return None
    padded = [*values, *([None] * len(schema))]
    return padded[: len(schema)]


def _text(value: Any) -> str | None:
    """Value of a cell as text. Excel stores numbers as doubles: a whole one is written without a point."""
    match value:
        case None | "":
            return None
        case bool():
            return str(value).lower()
        case dt.datetime():
            return value.isoformat(" ")
        case dt.date() | dt.time():
            return value.isoformat()
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
    return str(value)
