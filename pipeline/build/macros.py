"""Call macros of the dbt project from Python, so that a rule is stated once."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from pipeline.base import settings as project

MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)\(.*?\{%-?\s*endmacro\s*-?%\}", re.DOTALL)


class _Returned(Exception):  # noqa: N818 - it is not an error
    """What dbt's `return()` ends a macro with: a value of any type."""


def macros(*files: str, **variables: Any) -> dict[str, Callable[..., Any]]:
    """Return the macros of some files of `dbt_project/macros`, by name; they may call each other.

    Parameters
    ----------
    *files
        Names, without `.sql`.
    **variables
        What dbt's `var` gives them.
    """
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - SQL, not HTML
    environment.globals["var"] = variables.__getitem__
    folder = project.DBT_PROJECT / "macros"
    return add_macros(environment, [folder / f"{name}.sql" for name in files])


def add_macros(environment: jinja2.Environment, paths: Iterable[Path]) -> dict[str, Callable[..., Any]]:
    """Give an environment the macros of some files and dbt's `return`; return the macros by name."""
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    found = {match[1]: _macro(environment, match[1], match[0]) for match in MACRO.finditer(text)}
    environment.globals |= {"return": _return, **found}
    return found


def _return(value: Any = None) -> None:
    raise _Returned(value)


def _macro(environment: jinja2.Environment, name: str, source: str) -> Callable[..., Any]:
    @cache
    def template() -> jinja2.Template:  # only what is called is compiled
        return environment.from_string(source)

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return str(getattr(template().module, name)(*args, **kwargs))
        except _Returned as returned:
            return returned.args[0]

    return call
