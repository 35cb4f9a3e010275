"""Rows below or between the others that sum them up: they say "Total", and have nothing else but figures."""

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from pipeline.base.duck import quote_literal
from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.draft.words import snake, words_of
from pipeline.onboarding.evidence.question import Question
from pipeline.onboarding.inspection.found import Found
from pipeline.onboarding.inspection.profile import Profile

SAY_TOTAL = {"amount", "grand", "subtotal"}
MOST_LABELS = 20


def without_totals(
    connection: duckdb.DuckDBPyConnection, found: Found, profiles: Sequence[Profile]
) -> tuple[Found, list[Question]]:
    """Return a table without its rows of totals, with the condition that they fulfil, and a question about them."""
    if found.unfolded or not found.is_whole:
        return found, []
    for profile in profiles:
        if profile.is_text and (labels := _labels(connection, found, profile, profiles)):
            column, listed = sql.identifier(profile.name), ", ".join(map(quote_literal, labels))
            condition = f"coalesce(lower(trim({column})) in ({listed}), false)"
            rows = sql.identifier(f"{snake(found.name)}_without_totals")
            connection.execute(f"create or replace temp view {rows} as from {found.rows} where not {condition}")
            count = f"select count(*) from {found.rows} where {condition}"
            (number,) = connection.execute(count).fetchall()[0]
            text = f"{number:,} rows of {found.name} say '{labels[0]}' in {profile.name} and have nothing but figures"
            answers = ["they are totals: left out, and counted as excluded"]
            answers.append("they are rows like the others: take `excluded` out of the model")
            return replace(found, rows=rows, totals=condition), [Question(text, answers, "a totals row")]
    return found, []


def _labels(
    connection: duckdb.DuckDBPyConnection, found: Found, label: Profile, profiles: Sequence[Profile]
) -> list[str]:
    """The words for totals in a column, of which no row has more than figures beside it."""
    said = [p for p in profiles if p is not label and (p.is_time or not p.is_number) and not p.is_empty]
    if not said:
        return []
    column = f"lower(trim({sql.identifier(label.name)}))"
    alone = " and ".join(f"nullif(trim(cast({sql.identifier(p.name)} as varchar)), '') is null" for p in said)
    query = (
        f"select {column}, count(*) filter (not ({alone})) from {found.rows} where {column} in "
        f"(select distinct {column} from {found.rows} where {alone} limit {MOST_LABELS}) group by 1 order by 1"
    )
    listed = connection.execute(query).fetchall()
    return [word for word, with_more in listed if not with_more and word and {*words_of(word)} <= SAY_TOTAL]
