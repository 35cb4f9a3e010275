"""Times of Parquet files that DuckDB cannot hold: their rows are set aside.

DuckDB keeps times in microseconds, from 290,309 BC to the year 294,247. It raises where milliseconds lie farther away,
and cannot print the first microseconds that an integer holds.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.landing.readers.base import Session, write_batches
from pipeline.landing.readers.rejects import Rejects

MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}  # nanoseconds end in the year 2262
FIRST, LAST = -9_223_372_022_400_000_000, 2**63 - 1
MINUS_INFINITY = -(2**63) + 1  # as DuckDB and PostgreSQL write it, in microseconds


def without_far_times(path: Path, session: Session, rejects: Rejects) -> Path:
    """Return the file itself, or a copy without the rows that have a time which DuckDB cannot hold."""
    with pq.ParquetFile(path) as file:
        far = [field.name for field in file.schema_arrow if _holds_times(field.type) and _has_far(file, field)]
        return write_batches(session, file.schema_arrow, _sound(file, path.name, far, rejects)) if far else path


def _limits(kind: pa.DataType) -> tuple[int, int] | None:
    """The first and the last time of a type; None where it cannot be too far away."""
    if not pa.types.is_timestamp(kind) or kind.unit not in MICROSECONDS:
        return None
    unit = MICROSECONDS[kind.unit]
    return -(-FIRST // unit), LAST // unit


def _holds_times(kind: pa.DataType) -> bool:
    """Whether values of a type are, or contain, times that can be too far away."""
    return _limits(kind) is not None or any(_holds_times(kind.field(index).type) for index in range(kind.num_fields))


def _has_far(file: pq.ParquetFile, field: pa.Field) -> bool:
    """Whether a column has such times: by its statistics, or where they do not say it by its values."""
    return not _statistics_are_near(file, field) and any(
        _is_far(batch.column(0)).any() for batch in file.iter_batches(columns=[field.name])
    )


def _statistics_are_near(file: pq.ParquetFile, field: pa.Field) -> bool:
    limits = _limits(field.type)
    if limits is None:
        return False
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    columns = [group.column(index) for group in groups for index in range(group.num_columns)]
    found = [column.statistics for column in columns if column.path_in_schema == field.name]
    return bool(found) and all(
        each is not None
        and each.has_min_max
        and each.physical_type == "INT64"
        and limits[0] <= each.min_raw <= each.max_raw <= limits[1]
        for each in found
    )


def _sound(file: pq.ParquetFile, name: str, columns: list[str], rejects: Rejects) -> Iterator[pa.RecordBatch]:
    before = 0
    for batch in file.iter_batches():
        masks = {column: _is_far(batch.column(column)) for column in columns}
        is_far = np.logical_or.reduce(list(masks.values()))
        for position in np.flatnonzero(is_far):
            column = next(column for column, mask in masks.items() if mask[position])
            error = f"the time in column '{column}' lies before 290,309 BC or after the year 294,247"
            rejects.add(name, before + int(position) + 1, error, _content(batch, int(position)))
        yield batch.filter(pa.array(~is_far)) if is_far.any() else batch
        before += batch.num_rows


def _is_far(values: pa.Array) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Say for each value whether it is, or contains, a time that is too far away."""
    limits = _limits(values.type)
    if limits is None:
        return _contains_far(values)
    numbers = pc.fill_null(values.view(pa.int64()), 0).to_numpy(zero_copy_only=False)
    is_far = (numbers < limits[0]) | (numbers > limits[1])
    return is_far & (numbers != MINUS_INFINITY) if values.type.unit == "us" else is_far


def _contains_far(values: pa.Array) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    is_far = np.zeros(len(values), dtype=bool)
    if pa.types.is_map(values.type):
        values = values.cast(pa.list_(pa.struct([values.type.key_field, values.type.item_field])))
    if pa.types.is_struct(values.type):
        for part in filter(lambda part: _holds_times(part.type), values.flatten()):
            is_far |= _is_far(part)
    elif values.type.num_fields == 1 and _holds_times(values.type):
        parents = pc.list_parent_indices(values).to_numpy()
        is_far[parents[_is_far(pc.list_flatten(values))]] = True
    return is_far


def _content(batch: pa.RecordBatch, position: int) -> str:
    """A row; its times as numbers, because Python's end with the year 9999."""
    row = batch.slice(position, 1)
    columns = zip(row.schema, row.columns, strict=True)
    return repr({field.name: column.cast(_numbers(field.type)).to_pylist()[0] for field, column in columns})


def _numbers(kind: pa.DataType) -> pa.DataType:
    """Return a type with numbers in the place of its times."""
    if pa.types.is_temporal(kind):
        return pa.int64() if kind.bit_width == 64 else pa.int32()
    if pa.types.is_struct(kind):
        return pa.struct([part.with_type(_numbers(part.type)) for part in kind])
    if pa.types.is_map(kind):
        return pa.map_(_numbers(kind.key_type), _numbers(kind.item_type))
    return pa.list_(_numbers(kind.value_type)) if kind.num_fields == 1 else kind
