"""Words of an order's status: those in use, and what the list of known words says of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from pipeline.base import settings as project
from pipeline.base.duck import quote_literal
from pipeline.build.macros import macros
from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.inspection.profile import Profile

WORDS = project.DBT_PROJECT / "seeds" / "order_status_words.csv"
MOST_WORDS = 40
KNOWN_SHARE = 0.5


@dataclass(frozen=True)
class Statuses:
    """The words of a column: each with its meaning, None where it is not known, and how many rows have it."""

    column: Profile
    words: list[tuple[str, str | None, int]]

    @property
    def is_status(self) -> bool:
        """Whether most of its words are words of an order's status."""
        known = sum(meaning is not None for _, meaning, _ in self.words)
        return bool(self.words) and known >= len(self.words) * KNOWN_SHARE

    @property
    def unsold(self) -> list[str]:
        """Words of orders that are no sales."""
        return [word for word, meaning, _ in self.words if meaning in ("waiting", "cancelled")]

    @property
    def unknown(self) -> list[str]:
        """Words that are not in the list."""
        return [word for word, meaning, _ in self.words if meaning is None]


def statuses_of(connection: duckdb.DuckDBPyConnection, rows: str, column: Profile) -> Statuses:
    """Return the words of a column; none where they are too many, or are numbers or times."""
    if column.is_time or column.is_number or column.distinct > MOST_WORDS:
        return Statuses(column, [])
    name = (
        f"trim({sql.identifier(column.name)})" if column.is_text else f"cast({sql.identifier(column.name)} as varchar)"
    )
    key = macros("order_status")["status_key"]
    query = f"""
        with used as (select {name} as word, count(*) as number from {rows} where {name} <> '' group by 1),
        known as (
            select {key("status")} as key, min(meaning) as meaning
            from read_csv({quote_literal(str(WORDS))}, all_varchar = true, header = true) group by 1
        )
        select word, meaning, number from used left join known on {key("word")} = known.key order by number desc, word
    """
    return Statuses(column, connection.execute(query).fetchall())


def status_column(
    connection: duckdb.DuckDBPyConnection, rows: str, profiles: Sequence[Profile]
) -> tuple[Statuses | None, list[Statuses]]:
    """Return the column of the order's status, and columns that are called so and have other words.

    Of several the one that says most of what is no sale; then the one of the payment, and the one of the delivery last.
    """
    named = [profile for profile in profiles if "status" in profile.words and not profile.is_empty]
    found = [statuses_of(connection, rows, profile) for profile in named]
    fitting = [each for each in found if each.is_status]
    others = [each for each in found if each.words and not each.is_status and len(each.words) <= MOST_WORDS / 2]
    if not fitting:
        return None, others
    ranked = sorted(
        fitting,
        key=lambda each: (
            "fulfil" in each.column.words or "shipping" in each.column.words,
            -sum(number for word, meaning, number in each.words if meaning in ("waiting", "cancelled")),
            "financial" not in each.column.words and "payment" not in each.column.words,
        ),
    )
    return ranked[0], others
