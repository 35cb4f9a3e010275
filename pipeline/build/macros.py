"""Call macros of the dbt project from Python, so that a rule is stated once."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2

from pipeline.base import settings as project

MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)\(.*?\{%-?\s*endmacro\s*-?%\}", re.DOTALL)

CALLED_BY_OTHERS = ("accents", "contract", "text", "values")


class _Returned(Exception):  # noqa: N818 - it is not an error
    """What dbt's `return()` ends a macro with: a value of any type."""


def macros(*files: str, engine: str = "default", **variables: Any) -> dict[str, Callable[..., Any]]:
    """Return the macros of some files of `dbt_project/macros`, by name; they may call each other.

    Parameters
    ----------
    *files
        Names, without `.sql`. `CALLED_BY_OTHERS` are there, too.
    engine
        `spark`, or `default` for DuckDB: whose variant a dispatched macro takes.
    **variables
        What dbt's `var` gives them.
    """
    environment = jinja2.Environment(autoescape=False, extensions=["jinja2.ext.do"])  # noqa: S701 - SQL, not HTML
    environment.globals |= {"var": variables.__getitem__, **of_engine(environment, engine)}
    folder = project.DBT_PROJECT / "macros"
    return add_macros(environment, [folder / f"{name}.sql" for name in sorted({*CALLED_BY_OTHERS, *files})])


def of_engine(environment: jinja2.Environment, engine: str = "default") -> dict[str, Any]:
    """What dbt gives macros by the engine: the variant that `adapter.dispatch` finds, and the names of types."""

    def dispatch(name: str, *_: Any) -> Callable[..., Any]:
        known: dict[str, Any] = environment.globals
        found: Callable[..., Any] = known.get(f"{engine}__{name}") or known[f"default__{name}"]
        return found

    text = "text" if engine == "default" else "string"
    return {
        "adapter": SimpleNamespace(dispatch=dispatch),
        "api": SimpleNamespace(Column=SimpleNamespace(translate_type={"string": text}.get)),
        "modules": SimpleNamespace(re=re),
    }


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
