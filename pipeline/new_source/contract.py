"""The input contract, from the macro of dbt that is its only definition."""

from functools import cache
from typing import Any

import duckdb

from pipeline.macros import macros


@cache
def read_contract() -> dict[str, dict[str, Any]]:
    """Return the contract: entity, to its `key`, `columns` (name: [type, required]), `personal` and the rest."""
    return dict(macros("words", "contract")["contract"]())


@cache
def reserved_words() -> frozenset[str]:
    """Words that cannot stand in SQL as a name without quotes."""
    query = "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
    with duckdb.connect() as connection:
        return frozenset(name for (name,) in connection.execute(query).fetchall())
