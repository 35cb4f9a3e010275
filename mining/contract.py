"""Columns of a table as its yml states them: a score file that a mart passes on unchanged needs no list of its own."""

import re
from functools import cache

import pyarrow as pa

from pipeline.base import catalog

TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}


@cache
def mart_schema(name: str) -> pa.Schema:
    """Read the columns of `marts.<name>`, in their order."""
    return pa.schema([(column.name, TYPES[str(column.data_type)]) for column in catalog.table(name).columns])


def amount_type() -> pa.DataType:
    """The type of an amount, as dbt_project.yml states it."""
    precision, digits = map(int, re.findall(r"\d+", catalog.variables()["amount"]))
    return pa.decimal128(precision, digits)
