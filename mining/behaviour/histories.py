"""Purchase histories as arrays, and the cells of the year by which purchases are compared."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

WEEKS = 52
YEAR_DAYS = 365.25
AMOUNT_CUTS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Quantiles between classes of amounts: the smallest orders differ most in how often they are at a discount."""
NEWTON_STEPS = 8
LARGEST_SHIFT = 4.0
"""Of the log odds of a discount."""


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
    expected_discount
        The share at a discount of all purchases on such a day and of such an amount (purchases,).
    """

    customer: Ints
    day: Ints
    amount: Floats
    is_discounted: Bools
    expected_discount: Floats

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
        return Histories(
            customer, self.day[rows], self.amount[rows], self.is_discounted[rows], self.expected_discount[rows]
        )

    @property
    def counts(self) -> Ints:
        """Purchases of each customer (customers,)."""
        return np.bincount(self.customer, minlength=self.customers)

    @property
    def starts(self) -> Ints:
        """The row of each customer's first purchase (customers,)."""
        counts = self.counts
        return np.asarray(np.cumsum(counts) - counts, dtype=np.int64)


def with_expected_discount(histories: Histories, discounted: Floats) -> Histories:
    """Add the share at a discount that each purchase's day and amount let expect.

    A discount lowers the amount, and a voucher is a larger part of a small order: so amounts and discounts go together
    for everybody, which says nothing of who is drawn by prices. How much they do is learned within customers, by least
    squares with a level of each customer's own, over classes of amounts; customers who buy at a discount because
    prices draw them are not explained away.

    Parameters
    ----------
    histories
        Of all customers; `expected_discount` is not read.
    discounted
        The share of all purchases of each day that had a discount (days,).
    """
    by_day = discounted[histories.day]
    if not (by_day * (1 - by_day)).any():
        return histories._replace(expected_discount=by_day)
    of, classes = np.searchsorted(np.quantile(histories.amount, AMOUNT_CUTS), histories.amount), len(AMOUNT_CUTS) + 1
    cells = np.bincount(histories.customer * classes + of, minlength=histories.customers * classes)
    held = cells.reshape(-1, classes).astype(float)
    excess = histories.is_discounted - by_day
    own_level = histories.sums(excess) / histories.counts
    gram = np.diag(held.sum(axis=0)) - held.T @ (held / histories.counts[:, None])
    moments = np.bincount(of, excess, classes) - held.T @ own_level
    effect: Floats = np.asarray(np.linalg.lstsq(gram, moments, rcond=1e-9)[0], dtype=np.float64)
    effect -= effect @ held.sum(axis=0) / held.sum()
    bought = np.bincount(histories.day * classes + of, minlength=len(discounted) * classes).reshape(-1, classes)
    return histories._replace(expected_discount=_shifted(discounted, bought, effect)[histories.day, of])


def _shifted(discounted: Floats, bought: Ints, effect: Floats) -> Floats:
    """Shift the share of each day in the odds, so that it changes on average by the effect of a class (days, classes).

    `bought` counts the purchases (days, classes), `effect` is by class.
    """
    log_odds = np.zeros(len(effect))
    share = np.repeat(discounted[:, None], len(effect), axis=1)
    target = (bought * share).sum(axis=0) + effect * bought.sum(axis=0)
    for _ in range(NEWTON_STEPS):
        slope = np.maximum((bought * share * (1 - share)).sum(axis=0), 1e-9)
        log_odds += np.clip((target - (bought * share).sum(axis=0)) / slope, -1, 1)
        odds = np.exp(np.clip(log_odds, -LARGEST_SHIFT, LARGEST_SHIFT))
        share = discounted[:, None] * odds / (1 - discounted[:, None] + discounted[:, None] * odds)
    return share


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
