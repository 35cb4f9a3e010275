"""Which column of a table names the rows of another one: as a database declares it, or as the values show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.draft.words import words_of_table
from pipeline.onboarding.inspection.found import Found
from pipeline.onboarding.inspection.profile import Profile

MOST_VALUES = 0.95


@dataclass(frozen=True)
class Link:
    """A column of a table, and the column of another table that has its values."""

    table: str
    column: str
    to: str
    key: str
    is_declared: bool = False


def find_links(connection: duckdb.DuckDBPyConnection, tables: Sequence[tuple[Found, Sequence[Profile]]]) -> list[Link]:
    """Return the relations of the tables: the declared ones first."""
    names = {found.name for found, _ in tables}
    declared = [
        Link(found.name, column, to, key, is_declared=True)
        for found, _ in tables
        for column, (to, key) in found.foreign_keys.items()
        if to in names
    ]
    known = {(link.table, link.column) for link in declared}
    inferred = [
        link
        for found, profiles in tables
        for profile in profiles
        if (found.name, profile.name) not in known and _may_be_link(profile)
        for other, columns in tables
        if other.name != found.name
        if (link := _inferred(connection, (found, profile), (other, columns)))
    ]
    return declared + inferred


def _may_be_link(profile: Profile) -> bool:
    return not (profile.is_time or profile.is_boolean or profile.is_empty or profile.is_long_text) and (
        profile.is_whole or not profile.is_number
    )


def _inferred(
    connection: duckdb.DuckDBPyConnection, one: tuple[Found, Profile], many: tuple[Found, Sequence[Profile]]
) -> Link | None:
    """A link to the only column that identifies the rows of the other table, whose name speaks of it."""
    (found, profile), (other, columns) = one, many
    about = {*words_of_table(other.name)}
    for key in columns:
        if not key.is_full or key.distinct != key.rows or not _may_be_link(key):
            continue
        said = {*profile.words} - {"id"}
        is_kin = profile.name == key.name or bool(said and said & (about | ({*key.words} - {"id"})))
        if is_kin and _is_included(connection, (found.rows, profile.name), (other.rows, key.name)):
            return Link(found.name, profile.name, other.name, key.name)
    return None


def _is_included(connection: duckdb.DuckDBPyConnection, one: tuple[str, str], other: tuple[str, str]) -> bool:
    value, key = (f"cast({sql.identifier(column)} as varchar)" for _, column in (one, other))
    query = f"""
        select count(*), count(*) filter (value in (select {key} from {other[0]}))
        from (select distinct {value} as value from {one[0]} where {value} is not null)
    """
    values, known = connection.execute(query).fetchall()[0]
    return bool(values) and known >= values * MOST_VALUES


def linked(links: Sequence[Link], table: str, to: str, columns: Mapping[str, Profile]) -> Profile | None:
    """The column of a table that names the rows of another one."""
    return next((columns[link.column] for link in links if (link.table, link.to) == (table, to)), None)
