"""dbt's own names and this project's macros, for sqlfluff, which renders the models without dbt.

Every public name here is a name in the models. Variables have the defaults of dbt_project.yml, and nothing runs
(`execute` is false), so the lint needs no landing and no warehouse.
"""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml

_PROJECT = Path(__file__).resolve().parents[3] / "dbt_project"
_MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)\(.*?\{%-?\s*endmacro\s*-?%\}", re.DOTALL)
_VARIABLES = yaml.safe_load((_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


class _Returned(Exception):  # noqa: N818 - it is no error
    """dbt's `return()`: ends a macro with a value of any type."""


def _return(value: Any = None) -> None:
    raise _Returned(value)


def _no_text(*_: Any, **__: Any) -> str:
    return ""


def _var(name: str, default: Any = None) -> Any:
    return _VARIABLES.get(name, default)


def _ref(*names: str) -> str:
    return names[-1]


def _raise(message: str) -> None:
    raise ValueError(message)


def _dispatch(name: str, *_: Any) -> Callable[..., Any]:
    return _environment.globals[f"default__{name}"]


def _macro(name: str, source: str) -> Callable[..., Any]:
    template = _environment.from_string(source)

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return str(getattr(template.module, name)(*args, **kwargs))
        except _Returned as returned:
            return returned.args[0]

    return call


_environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)  # SQL, not HTML
_environment.globals.update(
    adapter=SimpleNamespace(dispatch=_dispatch),
    api=SimpleNamespace(Column=SimpleNamespace(translate_type=lambda name: "text" if name == "string" else name)),
    config=_no_text,
    exceptions=SimpleNamespace(raise_compiler_error=_raise),
    execute=False,
    is_incremental=lambda: False,
    model=SimpleNamespace(name="stg_source__entity", resource_type="model"),
    ref=_ref,
    target=SimpleNamespace(schema="main"),
    this="this_model",
    var=_var,
    **{"return": _return},
)
for _file in sorted((_PROJECT / "macros").glob("*.sql")):
    for _match in _MACRO.finditer(_file.read_text(encoding="utf-8")):
        _environment.globals[_match[1]] = _macro(_match[1], _match[0])

globals().update(_environment.globals)
