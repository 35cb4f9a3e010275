"""What the columns of money are: by their names, and by the sums that agree with each other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations

import duckdb

from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.draft.words import HARMLESS
from pipeline.onboarding.evidence.orders import Level
from pipeline.onboarding.inspection.profile import Profile

CENT = "0.0101"
MOST_ORDERS = 0.98
MOST_EXTRAS = 4
# The kind of a column, by the ideas in its name; the first that fits counts. No figure is mapped without a kind.
KINDS: tuple[tuple[str, set[str], set[str]], ...] = (
    ("none", {"rate"}, set()),
    ("none", {"due"}, set()),
    ("cost", {"cost"}, {"shipping"}),
    ("refund", {"refund"}, set()),
    ("refund", {"cancel"}, set()),
    ("tax of shipping", {"shipping", "tax"}, set()),
    ("tax of discount", {"discount", "tax"}, set()),
    ("tip", {"tip"}, set()),
    ("fee", {"fee"}, {"shipping"}),
    ("discount", {"discount"}, {"price", "net", "after"}),
    ("tax", {"tax"}, {"price", "net", "gross", "before", "after", "without", "with", "subtotal", "amount_incl"}),
    ("shipping", {"shipping"}, {"id", "method", "address"}),
    ("subtotal", {"subtotal"}, set()),
    ("price", {"price"}, {"amount"}),
    ("paid", {"payment"}, {"id", "method", "date"}),
    ("net", {"net"}, set()),
    ("amount", {"amount"}, set()),
    ("amount", {"gross"}, set()),
    ("amount", {"price"}, set()),
)
ADDED = {"shipping": 1, "tax": 1, "tip": 1, "fee": 1, "discount": -1}


def kind_of(profile: Profile) -> str | None:
    """The kind of money that the name of a column says; None: none."""
    said = {*profile.words} - HARMLESS
    if not profile.is_number or profile.is_time or (profile.is_boolean and profile.distinct > 1):
        return None
    if said & {"id", "number", "phone", "postcode", "birth", "count", "survey"}:
        return None
    if said in ({"order"}, {"placed"}):  # Sales, Umsätze
        return "amount"
    return next((kind for kind, needed, not_with in KINDS if needed <= said and not said & not_with), None)


def is_quantity(profile: Profile) -> bool:
    """Whether a column is called a number of pieces."""
    said = {*profile.words}
    counts = "quantity" in said or ("count" in said and bool(said & {"product", "line"}))
    return profile.is_number and not profile.is_time and counts and not said & {"id", "price", "amount", "status"}


@dataclass(frozen=True)
class Rows:
    """Rows to look at. `has_comma`: numbers are written 1.249,00."""

    connection: duckdb.DuckDBPyConnection
    relation: str
    has_comma: bool = False

    def value(self, profile: Profile) -> str:
        """SQL of a column as an exact number."""
        return sql.exact(sql.number(profile, self.has_comma, here=True))

    def total(self, amount: str, condition: str = "true") -> tuple[int, Decimal]:
        """Return how many rows fulfil a condition, and the sum of an amount over them."""
        summed = f"count(*) filter ({condition}), coalesce(sum({amount}) filter ({condition}), 0)"
        number, total = self.connection.execute(f"select {summed} from {self.relation}").fetchall()[0]
        return number, Decimal(total)

    def filled(self, profile: Profile) -> tuple[int, Decimal]:
        """Return in how many rows a column is not zero, and its sum."""
        value = self.value(profile)
        return self.total(value, f"{value} <> 0")

    def is_share(self, profile: Profile) -> bool:
        """Whether a column has shares such as 0.2 instead of amounts, or nothing at all."""
        value = self.value(profile)
        query = f"select min({value}), max({value}) from {self.relation}"
        low, high = self.connection.execute(query).fetchall()[0]
        return high is None or (low >= 0 and 0 < high <= 1 and not profile.is_whole) or (low == high == 0)


@dataclass(frozen=True)
class Reading:
    """A way to read the amount of a line or of an order.

    Attributes
    ----------
    words, amount
        How messages say it, and its SQL.
    column, quantity, price, discount
        The columns that it is made of.
    """

    words: str
    amount: str
    column: Profile | None = None
    quantity: Profile | None = None
    price: Profile | None = None
    discount: Profile | None = None


@dataclass(frozen=True)
class Sum:
    """A total of orders that a reading adds up to, and what has to be added to the lines for it.

    Attributes
    ----------
    reading, total
        What is summed, and the column that has the total.
    extras
        Columns that are in the total and not in the lines, with their kinds.
    orders
        How many orders agree.
    """

    reading: Reading
    total: Profile
    extras: list[tuple[str, Profile]] = field(default_factory=list)
    orders: int = 0


@dataclass(frozen=True)
class Columns:
    """The columns of money of a table, or of two that are joined by the order, by what they may be."""

    line: list[Profile]
    prices: list[Profile]
    quantities: list[Profile]
    totals: list[Profile]
    extras: list[tuple[str, Profile]]


def readings(columns: Columns, rows: Rows) -> list[Reading]:
    """Ways to read a line, the likeliest by name first."""
    found = [Reading(p.name, rows.value(p), column=p) for p in columns.line]
    for quantity in columns.quantities:
        for price in columns.prices:
            amount = f"{rows.value(quantity)} * {rows.value(price)}"
            found.append(Reading(f"{quantity.name} * {price.name}", amount, quantity=quantity, price=price))
    found += [Reading(p.name, rows.value(p), column=p) for p in columns.prices]
    less = [
        replace(
            one,
            words=f"{one.words} - {profile.name}",
            amount=f"({one.amount}) - abs({rows.value(profile)})",
            discount=profile,
        )
        for one in found
        for kind, profile in columns.extras
        if kind == "discount"
    ]
    return found + less


def agreeing(
    rows: Rows, order: str, ways: Sequence[Reading], columns: Columns, behaves: Mapping[str, Level]
) -> list[Sum]:
    """Return the sums that agree within a cent in nearly all orders, the simplest of each reading first.

    Parameters
    ----------
    rows, order
        The lines with the header of their orders, and SQL of the order's number.
    """
    extras = columns.extras[:MOST_EXTRAS]
    trials = [
        (way, total, some)
        for way in range(len(ways))
        for total in range(len(columns.totals))
        if ways[way].column is not columns.totals[total]
        for some in _subsets(range(len(extras)))
        if not any(ways[way].discount is extras[n][1] for n in some)
    ]
    if not trials:
        return []
    selected = [f"coalesce(sum({way.amount}), 0) as r{n}" for n, way in enumerate(ways)]
    selected += [f"max({rows.value(total)}) as t{n}" for n, total in enumerate(columns.totals)]
    selected += [f"{_added(rows, kind, extra, behaves)} as e{n}" for n, (kind, extra) in enumerate(extras)]
    rows.connection.execute(
        f"create or replace temp table summed as select {', '.join(selected)} from {rows.relation} "
        f"where {order} is not null group by {order}"
    )
    asked = []
    for way, total, some in trials:
        added = "".join(f" {'-' if ADDED[extras[n][0]] < 0 else '+'} e{n}" for n in some)
        asked.append(f"count(*) filter (abs(r{way}{added} - t{total}) < {CENT}), count(t{total})")
        asked += [f"count(*) filter (e{n} <> 0)" for n in some]
    values = iter(rows.connection.execute(f"select {', '.join(asked)} from summed").fetchall()[0])
    found = []
    for way, total, some in trials:
        agrees, orders = next(values), next(values)
        times_used = [next(values) for _ in some]
        if orders and agrees >= orders * MOST_ORDERS and all(times_used):
            found.append(Sum(ways[way], columns.totals[total], [extras[n] for n in some], agrees))
    return found


def _added(rows: Rows, kind: str, extra: Profile, behaves: Mapping[str, Level]) -> str:
    """SQL of what an order has besides its lines: once, or on each line."""
    value = f"abs({rows.value(extra)})" if kind == "discount" else rows.value(extra)
    return f"coalesce({'max' if is_once(extra, behaves) else 'sum'}({value}), 0)"


def is_once(profile: Profile, behaves: Mapping[str, Level]) -> bool:
    """Whether a column stands once for an order; where no order has several rows, there is no difference."""
    level = behaves.get(profile.name)
    return level is None or level.is_header or not level.orders


def _subsets(numbers: Iterable[int]) -> list[tuple[int, ...]]:
    listed = list(numbers)
    return [some for size in range(len(listed) + 1) for some in combinations(listed, size)]
