"""What each table is: the ymls of the dbt models, read once.

A model's yml says its contract in `config.meta`: grain, date, relations, identities, totals … The gate, the releases,
`make diff`, the documentation and the rules that dbt checks (pipeline/build/contracts.py) are loops over it. `Contract`
below says what each key means. Staging models belong to their sources, and are not in the catalog.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.base.yaml_file import read_yaml

# Schemas that readers see. Others hold steps.
PUBLISHED = ("core", "marts", "ops")
# How a yml names a type that dbt_project.yml states once.
VARIABLE = re.compile(r"\{\{ var\('(\w+)'\) \}\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Relation(_Strict):
    """Where the values of a column are found.

    Parameters
    ----------
    to
        The other model, and its column after a point where it is not the model's grain.
    or_value
        `or` in the yml: a value that stands for a row that is not in the data.
    where
        SQL: only these rows have a parent.
    optional
        Null has no parent, and needs none.
    until_year_end
        Only days up to the end of the as-of year: the calendar ends there. Null needs no parent.
    """

    to: str
    or_value: str | None = Field(None, alias="or")
    where: str | None = None
    optional: bool = False
    until_year_end: bool = False


class Total(_Strict):
    """A sum over the table and what it must equal: the sum of expressions over other models.

    An expression may end in `where` and a condition, and name measures of the other model in braces: `{refunds}`.
    With a name in `account` the gate makes it, and shows it in the report of the release; without one dbt checks it
    when it has made the table. `as_of`: of the other models only rows that had happened, and were known, on the as-of
    date.
    """

    total: str
    equals: dict[str, str]
    account: str | None = None
    as_of: bool = False


class Column(BaseModel):
    """A column of a model."""

    model_config = ConfigDict(frozen=True)
    name: str
    data_type: str | None = None
    description: str = ""

    @field_validator("data_type")
    @classmethod
    def _of_variable(cls, name: str | None) -> str | None:
        return VARIABLE.sub(lambda match: str(variables()[match[1]]), name) if name else name


class Contract(_Strict):
    """`config.meta` of a model: what holds for its table.

    Parameters
    ----------
    grain, unique
        Columns that are unique together and never null, and other such groups of columns.
    date
        The day that a row of a fact is of.
    entity
        The entity of the input contract (vars.contract of dbt_project.yml) that a fact is made of.
    is_daily
        The gate looks whether the as-of date has as many rows as the days before it.
    cluster_by
        SQL: rows of one value are stored together within each quarter.
    measures
        Sums over a fact, by name, which models and totals name: `measure('fct_return', 'refunds')`, `{refunds}`.
        `make diff` explains how they differ between two releases.
    is_shared_out
        Rows are shares of other amounts, and change with those who carry them.
    is_personal
        Published in contacts.duckdb alone.
    relations, required, values
        Columns with the table that has their values; that are never null; with the only values that they may have.
    identities
        SQL that is true in each row.
    totals
        What sums over the table must equal.
    questions
        What readers ask of the table, each with the query that answers it; docs/marts.md shows them.
    """

    owner: str
    changed_in: str | None = None
    grain: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    date: str | None = None
    entity: str | None = None
    is_daily: bool = False
    cluster_by: str | None = None
    measures: dict[str, str] = Field(default_factory=dict)
    is_shared_out: bool = False
    is_personal: bool = False
    relations: dict[str, Relation | str] = Field(default_factory=dict)
    required: tuple[str, ...] = ()
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    identities: tuple[str, ...] = ()
    totals: tuple[Total, ...] = ()
    questions: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A model of the catalog."""

    name: str
    schema: str
    path: Path
    description: str
    columns: tuple[Column, ...]
    contract: Contract

    @property
    def full_name(self) -> str:
        """`schema.name`, as in SQL and in release.json."""
        return f"{self.schema}.{self.name}"

    @property
    def is_published(self) -> bool:
        """Whether readers see it."""
        return self.schema in PUBLISHED

    @property
    def grain(self) -> tuple[str, ...]:
        """Columns that are unique together."""
        return self.contract.grain

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """The grain, and other columns that are unique together."""
        return tuple(key for key in (self.contract.grain, *self.contract.unique) if key)

    @property
    def measures(self) -> dict[str, str]:
        """SQL of each measure for one row: what is measured, and zero where its condition does not hold."""
        found = {}
        for name, (amount, condition) in ((name, parse_sum(sql)) for name, sql in self.contract.measures.items()):
            known = f"coalesce({amount}, 0)"
            found[name] = known if condition == "true" else f"case when {condition} then {known} else 0 end"
        return found

    def with_measures(self, expression: str) -> str:
        """Return an expression with the SQL of the measures that it names in braces."""
        for name, sql in self.measures.items():
            expression = expression.replace(f"{{{name}}}", sql)
        return expression

    @property
    def relations(self) -> dict[str, Relation]:
        """Where the values of columns are found, by column."""
        return {
            column: Relation(to=relation) if isinstance(relation, str) else relation
            for column, relation in self.contract.relations.items()
        }


@cache
def catalog() -> dict[str, Table]:
    """Return all tables but those of staging, by the model's name.

    Raises
    ------
    UserError
        A yml cannot be read, or says something that is no contract; the message names the file and the model.
    """
    schemas = _schemas()
    folder = project.DBT_PROJECT / "models"
    paths = [path for path in sorted(folder.rglob("*.yml")) if not path.is_relative_to(project.STAGING)]
    return {table.name: table for path in paths for table in _tables(path, "models", schemas)}


@cache
def seeds() -> dict[str, Table]:
    """Return the tables of the seeds, by name; their contracts are checked as those of models are.

    Raises
    ------
    UserError
        As `catalog`.
    """
    paths = sorted((project.DBT_PROJECT / "seeds").rglob("*.yml"))
    return {table.name: table for path in paths for table in _tables(path, "seeds", _schemas())}


def table(name: str) -> Table:
    """Return the table of a model.

    Raises
    ------
    UserError
        No yml describes it.
    """
    found = catalog().get(name)
    if found is None:
        raise UserError(f"No yml in dbt_project/models describes a model '{name}'. Write one beside its SQL.")
    return found


def published() -> dict[str, Table]:
    """Return the tables that readers see, by full name, in the order of the names."""
    found = {each.full_name: each for each in catalog().values() if each.is_published}
    return dict(sorted(found.items()))


def parent_of(relation: Relation) -> tuple[Table, str]:
    """Return the table that a relation refers to, and its column there.

    Raises
    ------
    UserError
        There is no such table, or its grain is not one column and none is named.
    """
    name, _, column = relation.to.partition(".")
    parent = table(name)
    if not column and len(parent.grain) != 1:
        raise UserError(
            f"A relation to {name} names no column, and the grain of {name} ({project.shown(parent.path)}) is not one "
            f"column. Write the relation as {name}.<column>."
        )
    return parent, column or parent.grain[0]


@cache
def input_contract() -> dict[str, dict[str, Any]]:
    """Return what sources map their columns to, by entity: `vars.contract` of dbt_project.yml, which explains it."""
    return dict(variables()["contract"])


@cache
def variables() -> dict[str, Any]:
    """Return the variables of dbt_project.yml, with the values that hold where the build gives no others."""
    return dict(read_models(project.DBT_PROJECT / "dbt_project.yml")["vars"])


def parse_sum(expression: str) -> tuple[str, str]:
    """Split `amount where kind = 'service'` into what is summed and the condition, which is `true` without one."""
    summed, _, condition = expression.rpartition(" where ")
    return (summed, condition) if summed else (condition, "true")


def read_models(path: Path) -> dict[str, Any]:
    """Read a yml of models; libyaml is ten times as fast as the reader that names the line of what is wrong."""
    try:
        content = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    except (yaml.YAMLError, OSError, ValueError):
        content = None
    return content if isinstance(content, dict) else read_yaml(path).content


def _tables(path: Path, kind: str, schemas: dict[str, str]) -> list[Table]:
    folders = path.parent.relative_to(project.DBT_PROJECT).parts
    schema = next(schemas[name] for name in reversed(folders) if name in schemas)
    return [_table(path, each, schema) for each in read_models(path).get(kind, [])]


def _table(path: Path, model: dict[str, Any], schema: str) -> Table:
    config = model.get("config", {})
    try:
        contract = Contract.model_validate(config.get("meta", {}))
        columns = tuple(map(Column.model_validate, model.get("columns", [])))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{project.shown(path)}, model {model['name']}: meta.{where}: {first['msg']}. Correct it there."
        ) from error
    return Table(
        name=model["name"],
        schema=config.get("schema", schema),
        path=path,
        description=model.get("description", ""),
        columns=columns,
        contract=contract,
    )


def _schemas() -> dict[str, str]:
    """Schemas of the folders of models, and of the seeds, as dbt_project.yml says."""
    found: dict[str, str] = {}
    dbt_project = read_models(project.DBT_PROJECT / "dbt_project.yml")
    waiting = [("", dbt_project["models"]), *(("seeds", each) for each in dbt_project.get("seeds", {}).values())]
    while waiting:
        folder, settings = waiting.pop()
        if "+schema" in settings:
            found[folder] = settings["+schema"]
        waiting += [(name, value) for name, value in settings.items() if isinstance(value, dict) and name[0] != "+"]
    return found
