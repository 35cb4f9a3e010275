"""Columns of a table as its yml states them: a score file that a mart passes on unchanged needs no list of its own."""

import re
from collections.abc import Sequence
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
def mart_schema(name: str, without: Sequence[str] = ()) -> pa.Schema:
    """Read the columns of `marts.<name>`, in their order; `without` those that the mart adds itself."""
    columns = [column for column in catalog.table(name).columns if column.name not in without]
    return pa.schema([(column.name, _type(str(column.data_type))) for column in columns])


def _type(name: str) -> pa.DataType:
    return amount_type() if name == catalog.variables()["amount"] else TYPES[name]


def amount_type() -> pa.DataType:
    """The type of an amount, as dbt_project.yml states it."""
    precision, digits = map(int, re.findall(r"\d+", catalog.variables()["amount"]))
    return pa.decimal128(precision, digits)
