"""Which column says the order of a row, and which columns stand once for an order."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.inspection.profile import Profile

FEW_ORDERS = 2  # so many orders of several rows tell that a value is the order's


@dataclass(frozen=True)
class Level:
    """How a column behaves within orders of several rows.

    Attributes
    ----------
    orders, varies
        Orders of several rows, and those in which the column has different values.
    is_once
        In each of them only one row has a value.
    """

    orders: int
    varies: int
    is_once: bool

    @property
    def is_header(self) -> bool:
        """Whether the values are the order's."""
        return self.is_once or (self.orders >= FEW_ORDERS and not self.varies)

    @property
    def is_line(self) -> bool:
        """Whether the values are the line's."""
        return self.varies > 0


def key_by_header(connection: duckdb.DuckDBPyConnection, rows: str, profiles: Sequence[Profile]) -> Profile | None:
    """Return the column that identifies orders whose header stands on their first row only; None where none does.

    Columns that are filled on some rows are then filled once for each of its values.
    """
    sparse = [profile for profile in profiles if 0 < profile.filled < profile.rows]
    full = [p for p in profiles if p.is_full and 1 < p.distinct < p.rows and not p.is_time and not p.is_boolean]
    best: tuple[int, Profile] | None = None
    for key in full:
        fitting = [column for column in sparse if column.filled == key.distinct]
        if len(fitting) < FEW_ORDERS:
            continue
        name = sql.identifier(key.name)
        counted = ", ".join(
            f"count(distinct {name}) filter ({sql.identifier(column.name)} is not null)" for column in fitting
        )
        hits = sum(n == key.distinct for n in connection.execute(f"select {counted} from {rows}").fetchall()[0])
        if hits >= FEW_ORDERS and (best is None or hits > best[0]):
            best = (hits, key)
    return best[1] if best else None


def levels(
    connection: duckdb.DuckDBPyConnection, rows: str, order: Profile, columns: Sequence[Profile]
) -> dict[str, Level]:
    """Return how columns behave within orders, by name."""
    if not columns:
        return {}
    key = sql.identifier(order.name)
    counted = ", ".join(
        f"count(distinct {sql.identifier(c.name)}) as d{n}, count({sql.identifier(c.name)}) as f{n}"
        for n, c in enumerate(columns)
    )
    orders = f"select count(*) as n, {counted} from {rows} where {key} is not null group by {key} having count(*) > 1"
    asked = ", ".join(
        f"count(*) filter (d{n} > 1), count(*) filter (f{n} > 1), count(*) filter (f{n} = 1)"
        for n in range(len(columns))
    )
    total, *found = connection.execute(f"select count(*), {asked} from ({orders})").fetchall()[0]
    return {
        column.name: Level(total, found[3 * n], bool(total) and not found[3 * n + 1] and bool(found[3 * n + 2]))
        for n, column in enumerate(columns)
    }


def are_positions(connection: duckdb.DuckDBPyConnection, rows: str, order: Profile, column: Profile) -> bool:
    """Whether a column counts the rows of each order: 1, 2, … n. Such numbers are no quantities."""
    if not (column.is_number and column.is_whole and column.is_full):
        return False
    key, value = sql.identifier(order.name), f"try_cast({sql.identifier(column.name)} as decimal(18, 4))"
    query = f"""
        select count(*) filter (n > 1), count(*) filter (low <> 1 or high <> n or different <> n) from (
            select count(*) as n, min({value}) as low, max({value}) as high, count(distinct {value}) as different
            from {rows} group by {key}
        )
    """
    several, others = connection.execute(query).fetchall()[0]
    return bool(several) and not others
