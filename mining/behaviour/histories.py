"""Purchase histories as arrays, and the cells of the year by which purchases are compared."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

WEEKS = 52
YEAR_DAYS = 365.25


class Calendar(NamedTuple):
    """The days of a history, from 0 to the as-of day.

    Attributes
    ----------
    cell
        The season of each day (days,): the week of the year, or the known event that the day belongs to.
    discounted
        The share of all purchases of each day that had a discount (days,).
    events
        Number of known events; event i is cell `WEEKS + i`.
    """

    cell: Ints
    discounted: Floats
    events: int

    @property
    def days(self) -> int:
        """Number of days."""
        return len(self.cell)

    @property
    def cells(self) -> int:
        """Number of seasons."""
        return WEEKS + self.events


class Histories(NamedTuple):
    """Purchases of customers, sorted by (customer, day); one row per purchase day.

    Attributes
    ----------
    customer
        Index of the customer, 0 to n - 1, each at least once (purchases,).
    day
        Days since the first day of the calendar (purchases,).
    amount
        Net sales of the day (purchases,). Amounts of zero or less say nothing of how much somebody spends.
    is_discounted
        Whether the goods were bought at a discount (purchases,).
    """

    customer: Ints
    day: Ints
    amount: Floats
    is_discounted: Bools

    @property
    def customers(self) -> int:
        """Number of customers."""
        return int(self.customer[-1]) + 1 if len(self.customer) else 0

    def sums(self, values: Floats) -> Floats:
        """Sum a value of the purchases by customer (customers,)."""
        return np.asarray(np.bincount(self.customer, values, self.customers), dtype=np.float64)

    def rows_of(self, chosen: Ints) -> "Histories":
        """Return the histories of some customers, who may repeat, numbered in this order."""
        starts, counts = self.starts, self.counts
        taken = counts[chosen]
        begins = np.cumsum(taken) - taken
        rows = np.arange(int(taken.sum())) - np.repeat(begins - starts[chosen], taken)
        customer = np.repeat(np.arange(len(chosen)), taken)
        return Histories(customer, self.day[rows], self.amount[rows], self.is_discounted[rows])

    @property
    def counts(self) -> Ints:
        """Purchases of each customer (customers,)."""
        return np.bincount(self.customer, minlength=self.customers)

    @property
    def starts(self) -> Ints:
        """The row of each customer's first purchase (customers,)."""
        counts = self.counts
        return np.asarray(np.cumsum(counts) - counts, dtype=np.int64)


def calendar_of(histories: Histories, day_of_year: Ints, event: Ints, events: int) -> Calendar:
    """Make the calendar of a company.

    Parameters
    ----------
    histories
        Of all its customers: they say on which days prices were reduced.
    day_of_year
        0 on 1 January, of each day (days,).
    event
        Number of the known event that a day belongs to, -1 for none (days,).
    events
        How many known events there are.
    """
    days = len(day_of_year)
    week = np.minimum(day_of_year // 7, WEEKS - 1)
    bought = np.bincount(histories.day, minlength=days)
    reduced = np.bincount(histories.day, histories.is_discounted.astype(float), days)
    return Calendar(np.where(event >= 0, WEEKS + event, week).astype(np.int64), reduced / np.maximum(bought, 1), events)
