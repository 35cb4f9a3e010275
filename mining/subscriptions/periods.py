"""Contracts counted by period: at risk from one renewal to the next, and whether they ended in between."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mining.subscriptions.terms import Floats, Ints, Terms

STAYS, VOLUNTARY, INVOLUNTARY = 0, 1, 2
TOLERANCE_DAYS = 1
"""How far from a renewal an end still counts as on it: clocks, time zones, a day of grace."""
MOST_BETWEEN = 0.05
"""Share of ends between renewals from which the data show that a contract may end there."""


class Periods(NamedTuple):
    """Periods that are over, one element each: whose, the how many-th (1, 2, …), and how it ended."""

    subscription: Ints
    number: Ints
    outcome: Ints

    @property
    def ended(self) -> NDArray[np.bool_]:
        """Whether the contract ended in the period."""
        return self.outcome != STAYS


def ending_period(terms: Terms) -> Ints:
    """Return the period in which each ended one ended, 1 at least; an end on a renewal is of the period before it."""
    late = terms.end - np.timedelta64(1 + TOLERANCE_DAYS, "D")
    return terms.renewals_by(np.where(terms.has_ended, late, terms.day)) + 1


def share_between(terms: Terms) -> float:
    """Return the share of ends that lie between renewals; 0 where nobody has ended."""
    ended = terms.rows(terms.has_ended)
    if not ended.number:
        return 0.0
    before = ended.renewals_by(ended.end + np.timedelta64(TOLERANCE_DAYS, "D"))
    after = np.abs((ended.renewal(before) - ended.end).astype(np.int64))
    return float(np.mean((after > TOLERANCE_DAYS) | (before == 0)))


def over(terms: Terms) -> Periods:
    """Return the periods whose renewal date has passed, of all contracts that were at risk in them.

    A period that is not over yet is left out, also where the contract has ended in it: of those that have not, it is
    not known whether they will.
    """
    passed = terms.renewals_by(terms.day)
    last = np.where(terms.has_ended, np.minimum(ending_period(terms), passed), passed)
    subscription = np.repeat(np.arange(terms.number), last)
    number = np.arange(len(subscription)) - np.repeat(np.cumsum(last) - last, last) + 1
    ends = terms.has_ended[subscription] & (number == ending_period(terms)[subscription])
    how = np.where(terms.is_involuntary[subscription], INVOLUNTARY, VOLUNTARY)
    return Periods(subscription, number, np.where(ends, how, STAYS))


def exposure(terms: Terms, done: Ints, ahead: int, days: int, *, is_at_renewals: bool) -> Floats:
    """Return how much of each one's period `ahead` (1 is the running one) lies in the days after the terms' day.

    At renewals: 1 where the renewal that closes the period lies in them, else 0. Between: the share of its days.
    """
    until = terms.day + np.timedelta64(days, "D")
    opens, closes = terms.renewal(done + ahead - 1), terms.renewal(done + ahead)
    if is_at_renewals:
        return (closes <= until).astype(np.float64)
    length = np.maximum((closes - opens).astype(np.int64), 1)
    inside = (np.minimum(closes, until) - np.maximum(opens, terms.day)).astype(np.int64)
    return np.clip(inside / length, 0.0, 1.0)
