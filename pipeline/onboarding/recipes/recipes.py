"""Recognise a known export by its columns, and give its table what they mean.

A recipe is a small yml in `known/`: docs/adding_a_recipe.md says how one is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict, Field

from pipeline.base.catalog import input_contract, read_models
from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.draft.draft import Draft, Told
from pipeline.onboarding.evidence.question import Question, about_second_table
from pipeline.onboarding.inspection.facts import Mark, ask
from pipeline.onboarding.inspection.profile import Profile

FOLDER = Path(__file__).with_name("known")
# A table with so many of the columns of a recipe, but not all, is of it in a version that the recipe does not know.
MOST_COLUMNS = 0.7


class Also(BaseModel):
    """Another entity that the rows tell of, such as the consent on a profile: its columns, and which rows do (SQL)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    columns: dict[str, str | list[str]]
    values: dict[str, str] = Field(default_factory=dict)
    where: str


class Recipe(BaseModel):
    """A known export.

    Parameters
    ----------
    name
        What messages call it.
    recognised_by
        Columns that it always has.
    entity
        What its rows are.
    columns
        Contract columns of the entity and of the orders that are grouped from lines: the column of the export, or
        several, of which the first that is there is used.
    values
        Contract columns that no column says, as SQL over the export's columns.
    excluded
        Rows that are left out on purpose: reason, and SQL of the condition.
    returns
        Lines that take a sale back: what marks them, in words, and SQL of the condition.
    also
        Other entities that the rows tell of.
    money
        Whether the amounts are left to the sums (pipeline.onboarding.evidence), as exports differ in them.
    not_known
        What the export does not say, in sentences; each is a question of the draft.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    recognised_by: tuple[str, ...]
    entity: str
    columns: dict[str, str | list[str]]
    values: dict[str, str] = Field(default_factory=dict)
    excluded: dict[str, str] = Field(default_factory=dict)
    returns: dict[str, str] = Field(default_factory=dict)
    also: dict[str, Also] = Field(default_factory=dict)
    money: bool = False
    not_known: dict[str, list[str]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    """A recipe for a table; `missing` are columns that it needs and the table has not, so that it cannot be used."""

    recipe: Recipe
    missing: list[str]


@cache
def recipes() -> list[Recipe]:
    """The known exports; those that are recognised by more columns first."""
    found = [Recipe.model_validate(read_models(path)) for path in sorted(FOLDER.glob("*.yml"))]
    return sorted(found, key=lambda recipe: (-len(recipe.recognised_by), recipe.name))


def match(columns: Sequence[str]) -> Match | None:
    """Return the known export that a table is, or nearly is."""
    there = {column.strip().lower() for column in columns}
    nearly: Match | None = None
    for recipe in recipes():
        missing = [column for column in recipe.recognised_by if column.lower() not in there]
        if not missing:
            needed = [role for role in _required(recipe) if not _columns(recipe.columns[role], columns)]
            return Match(recipe, [str(recipe.columns.get(role, role)) for role in needed])
        if nearly is None and len(missing) <= len(recipe.recognised_by) * (1 - MOST_COLUMNS):
            nearly = Match(recipe, missing)
    return nearly


def _required(recipe: Recipe) -> list[str]:
    columns = input_contract()[recipe.entity]["columns"]
    needed = [role for role, (_, is_required) in columns.items() if is_required and role not in recipe.values]
    return [role for role in needed if role in recipe.columns]


def _columns(named: str | list[str], columns: Sequence[str]) -> list[str]:
    """The columns of the export for a contract column, as the table spells them."""
    spelled = {column.strip().lower(): column for column in reversed(columns)}
    listed = [named] if isinstance(named, str) else named
    return [spelled[name.lower()] for name in listed if name.lower() in spelled]


def with_recipes(connection: duckdb.DuckDBPyConnection, tables: Sequence[Draft]) -> list[Draft]:
    """Give the tables of known exports their entities and columns; others are returned as they are, or with a message.

    A source has one table of an entity: the one with the most rows. Others are left out, which is a question.
    """
    found = [_with_recipe(connection, table) for table in tables]
    homes = {table.entity: table for table in sorted(found, key=lambda table: table.profiles[0].rows) if table.entity}
    return [_alone(table, homes, found) if table.recipe else table for table in found]


def _alone(table: Draft, homes: Mapping[str, Draft], tables: Sequence[Draft]) -> Draft:
    """Leave a table out of which another one has the entity; ask about it at the other one."""
    if homes[str(table.entity)] is not table:
        return replace(table, entity=None, roles={}, constants={}, excluded={}, mark=None, also={}, questions=[])
    others = [other for other in tables if other.entity == table.entity and other is not table]
    questions = [about_second_table(other.found.name, str(table.entity), other.profiles[0].rows) for other in others]
    also = {entity: told for entity, told in table.also.items() if entity not in homes}
    return replace(table, also=also, questions=[*table.questions, *questions])


def _with_recipe(connection: duckdb.DuckDBPyConnection, table: Draft) -> Draft:
    names = [profile.name for profile in table.profiles]
    found = match(names)
    if found is None or table.found.unfolded:
        return table
    recipe = found.recipe
    if found.missing:
        text = f"it looks like {recipe.name}, but has no {', '.join(found.missing)}: drafted by what its columns show"
        return replace(table, dropped=[*table.dropped, text])
    profiles = {profile.name: profile for profile in table.profiles}
    return replace(
        table,
        entity=recipe.entity,
        roles=_roles(recipe.entity, recipe.columns, profiles),
        constants=_values(recipe.values, profiles),
        excluded=_values(recipe.excluded, profiles),
        mark=_mark(connection, table, _values(recipe.returns, profiles)),
        also={entity: told for entity, also in recipe.also.items() if (told := _told(entity, also, profiles))},
        questions=[*table.questions, *(Question(text, answers) for text, answers in recipe.not_known.items())],
        recipe=recipe.name,
        has_known_money=not recipe.money,
    )


def _roles(entity: str, named: Mapping[str, str | list[str]], profiles: Mapping[str, Profile]) -> dict[str, Profile]:
    """The column of each contract column: the first that is there and filled; of a time, the first that has times."""
    orders = input_contract()["orders"]["columns"]
    kinds = {role: kind for role, (kind, _) in {**orders, **input_contract()[entity]["columns"]}.items()}
    roles: dict[str, Profile] = {}
    for role, names in named.items():
        filled = [profiles[name] for name in _columns(names, [*profiles]) if not profiles[name].is_empty]
        times = [profile for profile in filled if profile.is_time] if kinds[role] in ("timestamp", "date") else []
        if filled:
            roles[role] = (times or filled)[0]
    return roles


def _values(values: Mapping[str, str], profiles: Mapping[str, Profile]) -> dict[str, str]:
    """Values of which all columns that they name, in quotes, are there; days are read as they are written."""
    found = {}
    for role, value in values.items():
        named = value.split('"')[1::2]
        if all(name in profiles for name in named):
            found[role] = value
            for name in named:
                if profiles[name].formats:
                    found[role] = found[role].replace(f'"{name}"', sql.time(profiles[name], is_date=True))
    return found


def _mark(connection: duckdb.DuckDBPyConnection, table: Draft, returns: Mapping[str, str]) -> Mark | None:
    if not returns:
        return None
    condition = f"coalesce({' or '.join(returns.values())}, false)"
    (rows,) = ask(connection, f"select count(*) filter ({condition}) from {table.found.rows}")
    return Mark(condition, " or ".join(returns), int(str(rows)), 0, is_of_order=True)


def _told(entity: str, also: Also, profiles: Mapping[str, Profile]) -> Told | None:
    """Another entity that the rows tell of, where they have what it needs."""
    where = _values({"where": also.where}, profiles)
    columns = {role: _value(entity, role, p) for role, p in _roles(entity, also.columns, profiles).items()}
    columns |= _values(also.values, profiles)
    required = [role for role, (_, is_required) in input_contract()[entity]["columns"].items() if is_required]
    return Told(columns, where["where"]) if where and {*required} <= {*columns} else None


def _value(entity: str, role: str, profile: Profile) -> str:
    """SQL of a contract column, over the landed table."""
    kind, _ = input_contract()[entity]["columns"][role]
    if kind in ("timestamp", "date"):
        return sql.time(profile, is_date=kind == "date")
    if kind in ("decimal", "integer"):
        return sql.number(profile, profile.has_comma)
    return sql.name_or_number(profile)
