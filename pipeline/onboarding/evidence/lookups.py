"""Tables that only give a name to what another table has a number for: of a category, a status, a country."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import duckdb

from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.draft.words import snake
from pipeline.onboarding.evidence.relations import Link
from pipeline.onboarding.inspection.found import Found, Lookup
from pipeline.onboarding.inspection.profile import Profile, profile_table

Looked = tuple[Found, list[Profile]]
MOST_COLUMNS = 8
SAYS_NAME = ("name", "description")


def find_lookups(tables: Sequence[Looked], used: Mapping[str, bool], links: Sequence[Link]) -> dict[str, list[Lookup]]:
    """Return what tables can look up in those that are not used, by the table's name.

    `used` says of each table that is used whether it looks anything up: a known export is read as it is known.
    """
    by_name = {found.name: (found, profiles) for found, profiles in tables}
    lookups: dict[str, list[Lookup]] = {}
    for link in links:
        found, profiles = by_name[link.table]
        name = _name_column(by_name[link.to][1], link)
        is_own = link.column in found.primary_key or all(p.words == ["id"] for p in profiles if p.name == link.column)
        if used.get(link.table) and link.to not in used and name and not (is_own or found.unfolded):
            taken = {profile.name for profile in profiles}
            called = f"{snake(link.column).removesuffix('_id').removesuffix('_code')}_name"
            called = next(each for each in (called, f"{called}_of_{link.to}") if each not in taken)
            lookups.setdefault(link.table, []).append(Lookup(link.to, link.column, link.key, name, called))
    return lookups


def _name_column(profiles: Sequence[Profile], link: Link) -> str | None:
    """The column that says what a row is called: the one that is called so, or the only text."""
    key = next(profile for profile in profiles if profile.name == link.key)
    if not key.is_full or key.distinct != key.rows or len(profiles) > MOST_COLUMNS:
        return None
    texts = [
        profile
        for profile in profiles
        if profile.is_text and not (profile is key or profile.is_time or profile.is_number or profile.is_email)
    ]
    named = [profile for said in SAYS_NAME for profile in texts if said in profile.words]
    chosen = named or (texts if len(texts) == 1 else [])
    return chosen[0].name if chosen and not chosen[0].is_empty else None


def with_lookups(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[Looked], table: Looked, lookups: Sequence[Lookup]
) -> Looked:
    """Join names to a table. Each stands in place of the number that it is the name of, and says what that said."""
    found, profiles = table
    others = {other.name: other.rows for other, _ in tables}
    selected = ["named.*"]
    joined = []
    for number, lookup in enumerate(lookups):
        selected.append(f"l{number}.{sql.identifier(lookup.name)} as {sql.identifier(lookup.called)}")
        one, other = f"named.{sql.identifier(lookup.column)}", f"l{number}.{sql.identifier(lookup.key)}"
        joined.append(
            f"left join {others[lookup.table]} as l{number} on cast({one} as varchar) = cast({other} as varchar)"
        )
    rows = sql.identifier(f"{snake(found.name)}_with_names")
    connection.execute(
        f"create or replace temp view {rows} as select {', '.join(selected)} from {found.rows} as named "
        f"{' '.join(joined)}"
    )
    said = {profile.name: [word for word in profile.words if word != "id"] for profile in profiles}
    words = {lookup.called: said[lookup.column] or ["name"] for lookup in lookups}
    replaced = {lookup.column for lookup in lookups}
    added = [replace(p, words=words[p.name]) for p in profile_table(connection, rows) if p.name in words]
    kept = [profile for profile in profiles if profile.name not in replaced]
    return replace(found, rows=rows, lookups=list(lookups)), [*kept, *added]
