"""Recognise a known export by its columns, and give its table what they mean.

A recipe is a small yml in `known/`: docs/adding_a_recipe.md says how one is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from pipeline.base.catalog import input_contract, read_models
from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.draft.draft import Draft
from pipeline.onboarding.evidence.question import Question
from pipeline.onboarding.inspection.profile import Profile

FOLDER = Path(__file__).with_name("known")
# A table with so many of the columns of a recipe, but not all, is of it in a version that the recipe does not know.
MOST_COLUMNS = 0.7


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
            needed = [role for role in _required(recipe) if _column(recipe, role, columns) is None]
            return Match(recipe, [str(recipe.columns.get(role, role)) for role in needed])
        if nearly is None and len(missing) <= len(recipe.recognised_by) * (1 - MOST_COLUMNS):
            nearly = Match(recipe, missing)
    return nearly


def _required(recipe: Recipe) -> list[str]:
    columns = input_contract()[recipe.entity]["columns"]
    needed = [role for role, (_, is_required) in columns.items() if is_required and role not in recipe.values]
    return [role for role in needed if role in recipe.columns]


def _column(recipe: Recipe, role: str, columns: Sequence[str]) -> str | None:
    """The column of the export for a contract column, as the table spells it."""
    spelled = {column.strip().lower(): column for column in reversed(columns)}
    named = recipe.columns[role]
    listed = [named] if isinstance(named, str) else named
    return next((spelled[name.lower()] for name in listed if name.lower() in spelled), None)


def with_recipe(table: Draft) -> Draft:
    """Give a table of a known export its entity and columns; others are returned as they are, or with a message."""
    names = [profile.name for profile in table.profiles]
    found = match(names)
    if found is None or table.found.unfolded:
        return table
    recipe = found.recipe
    if found.missing:
        text = f"it looks like {recipe.name}, but has no {', '.join(found.missing)}: drafted by what its columns show"
        return replace(table, dropped=[*table.dropped, text])
    profiles = {profile.name: profile for profile in table.profiles}
    roles: dict[str, Profile] = {}
    for role in recipe.columns:
        column = _column(recipe, role, names)
        if column is not None and not profiles[column].is_empty:
            roles[role] = profiles[column]
    return replace(
        table,
        entity=recipe.entity,
        roles=roles,
        constants=_values(recipe, profiles),
        questions=[*table.questions, *(Question(text, answers) for text, answers in recipe.not_known.items())],
        recipe=recipe.name,
        has_known_money=not recipe.money,
    )


def _values(recipe: Recipe, profiles: Mapping[str, Profile]) -> dict[str, str]:
    """Values of which all columns that they name, in quotes, are there; days are read as they are written."""
    found = {}
    for role, value in recipe.values.items():
        named = value.split('"')[1::2]
        if all(name in profiles for name in named):
            found[role] = value
            for name in named:
                if profiles[name].formats:
                    found[role] = found[role].replace(f'"{name}"', sql.time(profiles[name], is_date=True))
    return found
