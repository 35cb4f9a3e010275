"""The customer pyramid: platinum, gold, iron, lead, by what customers bring; set at the ends of months.

Zeithaml, Rust & Lemon (2001), The Customer Pyramid, California Management Review 43(4), 118-142. Who has bought nothing
for a year is `inactive`, which is not a tier below lead but the answer to another question.

A customer crosses a border at once when a share of it beyond (`Rule.band`: with gold's 20 % and a band of .225, up
inside 15.5 %, down outside 24.5 %), or when beyond it at several month-ends in a row (`Rule.month_ends`).
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mining.purchases.rhythm import ACTIVE_DAYS
from mining.segments.dates import Ints, day_of, month_ends, month_of
from pipeline.base import catalog
from pipeline.base.errors import UserError

TIERS = ("platinum", "gold", "iron", "lead")
INACTIVE = "inactive"
NAMES = np.array([*TIERS, INACTIVE], dtype=object)
AWAY, NONE = 4, -1
"""Levels: 0 to 3 are `TIERS`; 4 is inactive; -1 was not placed yet."""
MONTHS = 12
UNREACHED = np.iinfo(np.int64).max
NEVER = np.iinfo(np.int32).min
Levels = NDArray[np.int8]
VALUES = HISTORIC, FUTURE, TOTAL = "historic", "future", "total"
PaysOn = Callable[[int], NDArray[np.bool_]]
Expect = Callable[[int, Ints], NDArray[np.float64]]


class Rule(NamedTuple):
    """Who is in which tier: `vars.tiers` of dbt_project.yml.

    Attributes
    ----------
    cuts
        Shares of the active customers that are platinum; platinum or gold; platinum, gold or iron.
    value
        What is ranked: historic (what customers brought in 12 months), future (what they are expected to bring), total.
    band
        A border is crossed at once when this share of it beyond.
    month_ends
        Or when beyond it at so many month-ends in a row.
    """

    cuts: tuple[float, ...] = (0.01, 0.20, 0.50)
    value: str = HISTORIC
    band: float = 0.225
    month_ends: int = 3

    @classmethod
    def of_company(cls) -> "Rule":
        """Read the company's rule.

        Raises
        ------
        UserError
            A value cannot be used.
        """
        given = catalog.variables()["tiers"]
        cuts, band, month_ends = (given.get(name) for name in ("cuts", "band", "month_ends"))
        are_cuts = isinstance(cuts, list) and len(cuts) == len(TIERS) - 1 and all(map(_is_share, cuts))
        for name, is_usable, wanted in (
            ("value", given.get("value") in VALUES, f"one of {', '.join(VALUES)}"),
            ("cuts", are_cuts and cuts == sorted(cuts), "three shares from the smallest up, such as [0.01, 0.2, 0.5]"),
            ("band", band == 0 or _is_share(band), "a share between 0 and 1, such as 0.225"),
            ("month_ends", isinstance(month_ends, int) and month_ends >= 1, "a whole number of 1 or more"),
        ):
            if not is_usable:
                raise UserError(f"vars.tiers.{name} of dbt_project.yml is {given.get(name)}: write {wanted}.")
        return cls(tuple(cuts), given["value"], band, month_ends)


def _is_share(value: object) -> bool:
    return isinstance(value, float) and 0 < value < 1


class Months(NamedTuple):
    """What was booked of each customer in each month: one element per customer and month, sorted by month.

    Attributes
    ----------
    entity
        Place of the customer, from 0.
    month
        Months since 1970.
    value, revenue
        What the customer brought, and net revenue, in ten-thousandths of the currency: whole numbers add up exactly.
    last_purchase
        Last day of the month with a purchase, in days since 1970; `NEVER` without one.
    """

    entity: Ints
    month: Ints
    value: Ints
    revenue: Ints
    last_purchase: Ints


class Year(NamedTuple):
    """What is known of each customer on a day.

    Attributes
    ----------
    value
        What tiers rank.
    brought, revenue
        What the customer brought, and net revenue, in 12 months.
    is_active, has_bought
        Whether in the last 365 days, and ever.
    """

    day: int
    value: Ints
    brought: Ints
    revenue: Ints
    is_active: NDArray[np.bool_]
    has_bought: NDArray[np.bool_]


class Moves(NamedTuple):
    """Tiers that customers got, day by day: the first one and each change, with the value that gave it."""

    entity: Ints
    day: Ints
    level: Levels
    previous: Levels
    value: Ints


class Placed(NamedTuple):
    """Tiers on the as-of day.

    Attributes
    ----------
    level, since
        The tier, and the day on which it was set; shape (customers,).
    value, brought, revenue
        Those of the last month-end (`Year`).
    to_next
        What is missing to the next tier; negative where there is none.
    moves
        How it came about.
    """

    level: Levels
    since: Ints
    value: Ints
    brought: Ints
    revenue: Ints
    to_next: Ints
    moves: Moves


def borders(values: Ints, shares: Sequence[float] | NDArray[np.float64]) -> Ints:
    """Return the smallest value that is within each share of the best; `UNREACHED` where none is.

    A customer's place is (customers above + half of the *other* customers equal) / customers: equal values share a
    tier, and the best customer of a small company is platinum.
    """
    found, number = np.unique(values, return_counts=True)
    above = len(values) - np.cumsum(number)
    place = (above + (number - 1) / 2) / max(len(values), 1)
    first = [int(np.argmax(place < share)) if (place < share).any() else -1 for share in shares]
    return np.array([found[at] if at >= 0 else UNREACHED for at in first], dtype=np.int64)


def level_of(values: Ints, border: Ints) -> Levels:
    """Return 0 where the first border is reached, 3 where none is."""
    level = np.zeros(len(values), dtype=np.int8)
    for value in border:
        level += values < value
    return level


class Pyramid:
    """Tiers from one month-end to the next."""

    def __init__(self, customers: int, rule: Rule) -> None:
        self.rule = rule
        self.level = np.full(customers, NONE, dtype=np.int8)
        self.since, self.value, self.brought, self.revenue = np.zeros((4, customers), dtype=np.int64)
        self.border = self.entry = np.full(len(rule.cuts), UNREACHED, dtype=np.int64)
        self._side, self._months = np.zeros((2, customers), dtype=np.int16)
        self._moves: list[Moves] = []

    def month_end(self, year: Year) -> None:
        """Set the tiers of a month-end."""
        shares = np.outer([1, 1 - self.rule.band, 1 + self.rule.band], self.rule.cuts).round(9)
        self.border, self.entry, leave = borders(year.value[year.is_active], shares.ravel()).reshape(shares.shape)
        # Neither worse than what is reached with the band against the customer, nor better than with it in favour.
        held = np.clip(self.level, level_of(year.value, leave), level_of(year.value, self.entry))
        plain = level_of(year.value, self.border)
        is_placed = (self.level >= 0) & (self.level < AWAY)
        level = np.where(is_placed & ~self._is_confirmed(plain), held, plain)
        away = np.where(year.has_bought, AWAY, NONE)
        self._set(np.where(year.is_active, level, away).astype(np.int8), year, year.has_bought)

    def _is_confirmed(self, plain: Levels) -> NDArray[np.bool_]:
        """Who has been beyond the own tier, on the same side of it, for enough month-ends in a row."""
        side = np.sign(plain - self.level)
        self._months = np.where(side == self._side, self._months + 1, 1) * (side != 0)
        self._side = side
        return self._months >= self.rule.month_ends

    def between(self, year: Year) -> None:
        """Place customers who have come, or come back, since the last month-end: by its borders."""
        is_back = year.is_active & ((self.level == NONE) | (self.level == AWAY))
        self._set(np.where(is_back, level_of(year.value, self.border), self.level), year, is_back)

    def _set(self, level: Levels, year: Year, is_seen: NDArray[np.bool_]) -> None:
        changed = np.flatnonzero(level != self.level)
        day = np.full(len(changed), year.day)
        self._moves.append(Moves(changed, day, level[changed], self.level[changed], year.value[changed]))
        self.since[changed], self._months[changed] = year.day, 0
        self.level = level
        for kept, seen in ((self.value, year.value), (self.brought, year.brought), (self.revenue, year.revenue)):
            np.copyto(kept, seen, where=is_seen)

    def placed(self) -> Placed:
        """Return where customers are now."""
        is_below = (self.level > 0) & (self.level < AWAY)
        entry = self.entry[np.where(is_below, self.level - 1, 0)]
        missing = np.maximum(entry - self.value, 0)
        to_next = np.where(is_below & (entry != UNREACHED), missing, -1)
        moves = Moves(*(np.concatenate(parts) for parts in zip(*self._moves, strict=True)))
        return Placed(self.level, self.since, self.value, self.brought, self.revenue, to_next, moves)


def place(
    months: Months,
    customers: int,
    as_of: dt.date,
    rule: Rule,
    *,
    pays_on: PaysOn | None = None,
    expect: Expect | None = None,
) -> Placed:
    """Place customers from the first month-end to the as-of day.

    A tier follows from what happened up to its month-end. Between month-ends it stays, but for customers who come or
    come back; in a company younger than a month the as-of day is the first month-end.

    Parameters
    ----------
    months
        What they brought; by month.
    customers
        How many there are.
    as_of
        Day of the last row.
    rule
        Who is in which tier.
    pays_on
        Who has a contract on a day: whoever has bought before is active as long as it runs.
    expect
        What customers are expected to bring after a day, given what they have brought so far; where it is ranked.
    """
    pyramid = Pyramid(customers, rule)
    book = _Book(months, customers, pays_on, expect if rule.value != HISTORIC else None)
    last = day_of(as_of)
    ends = month_ends(int(months.month[0]), as_of) if len(months.month) else np.array([], dtype=np.int64)
    for day in ends.tolist() or [last]:
        pyramid.month_end(book.year(day, rule.value))
    if len(ends) and last > ends[-1]:
        pyramid.between(book.year(last, rule.value))
    return pyramid.placed()


class _Book:
    """Sums of 12 months, carried on from month to month."""

    def __init__(self, months: Months, customers: int, pays_on: PaysOn | None, expect: Expect | None) -> None:
        self._months, self._pays_on, self._expect = months, pays_on, expect
        self._total, self._brought, self._revenue = np.zeros((3, customers), dtype=np.int64)
        self._last = np.full(customers, NEVER, dtype=np.int64)
        self._next = int(months.month[0]) if len(months.month) else 0

    def year(self, day: int, ranked: str = HISTORIC) -> Year:
        """Return the year that ends on a day, later than those asked for before."""
        for month in range(self._next, int(month_of(np.array([day]))[0]) + 1):
            self._add(month, 1)
            self._add(month - MONTHS, -1)
            self._next = month + 1
        active, has_bought = self._last > day - ACTIVE_DAYS, self._last != NEVER
        if self._pays_on is not None:
            active |= self._pays_on(day) & has_bought
        brought = self._brought.copy()
        return Year(day, self._ranked(day, brought, ranked), brought, self._revenue.copy(), active, has_bought)

    def _ranked(self, day: int, brought: Ints, ranked: str) -> Ints:
        if self._expect is None:
            return brought
        future = np.rint(self._expect(day, self._total)).astype(np.int64)
        return future if ranked == FUTURE else brought + future

    def _add(self, month: int, sign: int) -> None:
        rows = slice(*np.searchsorted(self._months.month, [month, month + 1]))
        entity, value = self._months.entity[rows], self._months.value[rows]
        self._brought[entity] += sign * value
        self._revenue[entity] += sign * self._months.revenue[rows]
        if sign > 0:
            self._total[entity] += value
            self._last[entity] = np.maximum(self._last[entity], self._months.last_purchase[rows])
