"""The input contract, from the macro of dbt that is its only definition."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import duckdb
import jinja2

from pipeline import settings as project

MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)\(.*?\{%-?\s*endmacro\s*-?%\}", re.DOTALL)


class _Returned(Exception):  # noqa: N818 - it is no error
    """dbt's `return()`: ends a macro with a value of any type."""


def _return(value: Any = None) -> None:
    raise _Returned(value)


@cache
def read_contract() -> dict[str, dict[str, Any]]:
    """Return the contract: entity, to its `key`, `columns` (name: [type, required]), `personal` and the rest."""
    text = (project.DBT_PROJECT / "macros" / "contract.sql").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - values, not HTML
    environment.globals["return"] = _return
    for match in MACRO.finditer(text):
        environment.globals[match[1]] = _macro(environment, match[1], match[0])
    contract: Any = environment.globals["contract"]
    return dict(contract())


def _macro(environment: jinja2.Environment, name: str, source: str) -> Callable[..., Any]:
    template = environment.from_string(source)

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return str(getattr(template.module, name)(*args, **kwargs))
        except _Returned as returned:
            return returned.args[0]

    return call


@cache
def reserved_words() -> frozenset[str]:
    """Words that cannot stand in SQL as a name without quotes."""
    query = "select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'"
    with duckdb.connect() as connection:
        return frozenset(name for (name,) in connection.execute(query).fetchall())
