"""Values of PostgreSQL: how a column is asked for, and what becomes of values that Arrow has not."""

import logging

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.base.duck import quote_identifier
from pipeline.landing.readers.base import Request
from pipeline.landing.readers.databases.database import Column, TimeKind
from pipeline.landing.readers.rejects import Rejects

log = logging.getLogger("perennial.landing")
# What ADBC hands over whole. Everything else is asked for as text, which loses nothing.
AS_IT_IS = {
    *("bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar", "bytea"),
    *("date", "timestamp", "timestamptz"),
}
TIMES: dict[str, TimeKind] = {"timestamptz": "instant", "timestamp": "local", "date": "date"}
NUMERIC_HEADER, LARGEST_DECIMAL = 4, 38
NO_NUMBERS = pa.array(["NaN", "Infinity", "-Infinity"])
# PostgreSQL's times end in the year 294276; ADBC turns 'infinity' into a time far before the first year of them.
FIRST_TIME = {"date": -2_440_588, "timestamp": -210_866_803_200_000_000}


def column_of(name: str, kind: str, modifier: int, declared: str) -> Column:
    """Say how a column is asked for; `kind` is its type in pg_type, `declared` as it is written in SQL."""
    quoted = quote_identifier(name)
    if kind == "numeric":  # exact as text, which is also what ADBC makes of it by itself
        return Column(name, declared, f"{quoted}::text", arrow=_decimal(modifier))
    if kind == "money":  # its own text is written as the server's country writes it
        return Column(name, declared, f"{quoted}::numeric::text")
    select = quoted if kind in AS_IT_IS else f"{quoted}::text"
    return Column(name, declared, select, time=TIMES.get(kind))


def _decimal(modifier: int) -> pa.DataType | None:
    """Type of a numeric(p, s); None where it has no bounds, or wider ones than Arrow has: it stays text."""
    if modifier < NUMERIC_HEADER:
        return None
    precision, scale = (modifier - NUMERIC_HEADER) >> 16, (modifier - NUMERIC_HEADER) & 0x7FF
    return pa.decimal128(precision, scale) if scale <= precision <= LARGEST_DECIMAL else None


def typed(batch: pa.RecordBatch, schema: pa.Schema, before: int, rejects: Rejects, request: Request) -> pa.RecordBatch:
    """Cast the numbers that came as text; set aside rows with values that Arrow has not: NaN, infinity."""
    odd = _infinite_times(batch)
    if not odd:
        try:
            return _cast(batch, schema)
        except pa.ArrowInvalid:
            log.debug("%s: a number that cannot be cast", request.label)
    numbers = [field.name for field in schema if pa.types.is_decimal(field.type)]
    odd |= {name: pc.is_in(batch.column(name), NO_NUMBERS) for name in numbers}
    is_odd = pa.array([False] * batch.num_rows)
    sound = batch.select([name for name in batch.schema.names if name not in odd])  # Python has no such values either
    for mask in odd.values():
        is_odd = pc.or_(is_odd, pc.fill_null(mask, fill_value=False))
    for position in pc.indices_nonzero(is_odd).to_pylist():
        name = next(name for name, mask in odd.items() if mask[position].as_py())
        error = f"column '{name}' is NaN or infinite: read a view that has null, or a bound, in its place"
        content = repr(sound.slice(position, 1).to_pylist()[0])
        rejects.add(request.table.query_table, before + position + 1, error, content)
    return _cast(batch.filter(pc.invert(is_odd)), schema)


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    pairs = zip(schema, batch.columns, strict=True)
    arrays = [array if array.type == field.type else array.cast(field.type) for field, array in pairs]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _infinite_times(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """Masks of the columns that hold a time before PostgreSQL's first one: what ADBC makes of infinity."""
    masks = {}
    for field, array in zip(batch.schema, batch.columns, strict=True):
        is_date = pa.types.is_date32(field.type)
        if is_date or pa.types.is_timestamp(field.type):
            number = array.view(pa.int32() if is_date else pa.int64())
            first = FIRST_TIME["date" if is_date else "timestamp"]
            smallest = pc.min(number).as_py()
            if smallest is not None and smallest < first:
                masks[field.name] = pc.less(number, first)
    return masks
