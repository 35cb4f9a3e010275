"""Models of the dbt project, rendered and run without dbt.

dbt takes seconds to start and parses the whole project. A dry run, a first look and an export of lists need a few
models of it: they are rendered here with the macros of the project, each one when another one refers to it, so that no
rule is stated twice.
"""

import json
import os
import runpy
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2

from pipeline.base import settings as project
from pipeline.base.catalog import read_models
from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.base.errors import UserError
from pipeline.build.dbt_process.failures import place_of
from pipeline.build.macros import add_macros, of_engine


class Models:
    """Models as tables of a database of their own, made when they are asked for.

    Parameters
    ----------
    connection
        Where they are made.
    variables
        dbt's variables of the build (pipeline.build.dbt.build_variables); others have the defaults of the project.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, variables: Mapping[str, Any]) -> None:
        self.connection = connection
        self.variables = {**read_models(project.DBT_PROJECT / "dbt_project.yml")["vars"], **variables}
        models = project.DBT_PROJECT / "models"
        self.paths = {path.stem: path for kind in ("sql", "py") for path in models.rglob(f"*.{kind}")}
        self.paths |= {path.stem: path for path in project.STAGING.rglob("*.sql")}
        self.seeds = {path.stem: path for path in (project.DBT_PROJECT / "seeds").rglob("*.csv")}
        self.made: set[str] = set()
        self.views: set[str] = set()
        self.model = SimpleNamespace(name="", resource_type="model", fqn=["", ""])
        self.environment = self._environment()

    def make(self, name: str) -> str:
        """Make a model or seed, and what it refers to; return its name in SQL.

        Raises
        ------
        UserError
            DuckDB refuses the SQL of a staging model; the message names the file.
        """
        relation = quote_identifier(name)
        if name not in self.made:
            self.made.add(name)
            if name in self.seeds:
                kinds = {column: quote_literal(kind) for column, kind in _types_of_seeds()[name].items()}
                columns = ", ".join(f"{quote_literal(column)}: {kind}" for column, kind in kinds.items())
                listed = f"read_csv({quote_literal(str(self.seeds[name]))}, columns = {{{columns}}}, header = true)"
                self.connection.execute(f"create table {relation} as from {listed}")
            else:
                self._make_model(name, relation)
        return relation

    def _make_model(self, name: str, relation: str) -> None:
        path = self.paths.get(name)
        if path is None:
            raise UserError(f"There is no model '{name}', which a model reads by ref(). Write {name}.sql.")
        if path.suffix == ".py":
            module = runpy.run_path(str(path))
            dbt = SimpleNamespace(ref=lambda other: self.connection.table(self.make(other)))
            module["model"](dbt, self.connection).create(relation)
            return
        with self._rendering(name):
            try:
                sql = self.environment.get_template(name).render()
            except jinja2.TemplateError as error:
                raise UserError(f"{project.shown(path)} cannot be rendered ({error}). Correct it there.") from error
        kind = "view" if name.startswith("base_") or name in self.views else "table"
        try:
            self.connection.execute(f"create {kind} {relation} as {sql}")
        except duckdb.Error as error:
            said, place = str(error).splitlines()[0], place_of(path, str(error)) or project.shown(path)
            raise UserError(f"{place}: DuckDB cannot run it ({said}). Correct it there.") from error

    @contextmanager
    def _rendering(self, name: str) -> Any:
        """Say to the macros which model is rendered; one that is referred to is rendered in the midst of another."""
        before = self.model.name
        self.model.name = name
        try:
            yield
        finally:
            self.model.name = before

    def _configure(self, *, materialized: str = "table", **_: Any) -> str:
        """Heed what a model says of itself: what is a view in a build is one here."""
        if materialized == "view":
            self.views.add(self.model.name)
        return ""

    def _environment(self) -> jinja2.Environment:
        environment = jinja2.Environment(
            extensions=["jinja2.ext.do"],
            autoescape=False,  # noqa: S701 - SQL, not HTML
            loader=jinja2.FunctionLoader(lambda name: self.paths[name].read_text(encoding="utf-8")),
        )
        environment.globals.update(
            **of_engine(environment),
            config=self._configure,
            env_var=lambda name, default="": os.environ.get(name, default),
            exceptions=SimpleNamespace(raise_compiler_error=_refuse),
            execute=True,
            fromjson=json.loads,
            is_incremental=lambda: False,
            model=self.model,
            ref=self.make,
            this=SimpleNamespace(schema="main"),
            var=self.variables.__getitem__,
        )
        add_macros(environment, sorted((project.DBT_PROJECT / "macros").glob("*.sql")))
        of_build: Callable[[str], Any] = self.variables.get
        environment.globals |= {"of_build": of_build, "content_of": lambda path: Path(path).read_text(encoding="utf-8")}
        return environment


def _types_of_seeds() -> dict[str, dict[str, str]]:
    """The types of the columns of each seed, as its yml has them for dbt."""
    seeds = read_models(project.DBT_PROJECT / "seeds" / "seeds.yml")["seeds"]
    return {seed["name"]: seed["config"]["column_types"] for seed in seeds}


def _refuse(message: str) -> None:
    raise UserError(f"{message} Correct it there.")
