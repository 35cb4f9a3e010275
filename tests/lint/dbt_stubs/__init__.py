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

from pipeline.build.macros import add_macros as _add_macros

_PROJECT = Path(__file__).resolve().parents[3] / "dbt_project"
_VARIABLES = yaml.safe_load((_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


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


_environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)  # SQL, not HTML
_environment.globals.update(
    adapter=SimpleNamespace(dispatch=_dispatch),
    api=SimpleNamespace(Column=SimpleNamespace(translate_type=lambda name: "text" if name == "string" else name)),
    config=_no_text,
    exceptions=SimpleNamespace(raise_compiler_error=_raise),
    execute=False,
    is_incremental=lambda: False,
    model=SimpleNamespace(name="stg_source__entity", resource_type="model"),
    modules=SimpleNamespace(re=re),
    ref=_ref,
    target=SimpleNamespace(schema="main"),
    this="this_model",
    var=_var,
)
_add_macros(_environment, sorted((_PROJECT / "macros").glob("*.sql")))

globals().update(_environment.globals)
