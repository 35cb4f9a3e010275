"""What was known of each customer's purchases and contracts on any day: the columns that stages are judged by."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mining.segments.dates import Ints

RECENT_DAYS = 84
FOREVER = np.iinfo(np.int32).max
Floats = NDArray[np.float64]


class Purchases:
    """Purchase days as they add up, read on one day after another.

    Parameters
    ----------
    customer, day
        One element for each customer and day with a purchase, sorted by both; places from 0, days since 1970.
    customers
        How many customers there are; some may have no purchase.
    """

    def __init__(self, customer: Ints, day: Ints, customers: int) -> None:
        begins = np.flatnonzero(np.diff(customer, prepend=-1))
        length = np.diff(begins, append=len(customer))
        self.first = np.full(customers, FOREVER, dtype=np.int64)
        self.first[customer[begins]] = day[begins]
        # From 1900 on (earliest_time in time.sql) days fit into 16 bits until 2079, and NumPy sorts these by radix.
        order = np.argsort((day - day.min(initial=FOREVER)).astype(np.uint16), kind="stable")
        number = np.arange(1, len(customer) + 1) - np.repeat(begins, length)
        self._customer, self._day, self._number = (
            column.astype(np.int32)[order] for column in (customer, day, number)
        )  # half of the bytes: there are millions of rows
        self._mean, self._deviation = (column[order] for column in _gaps(day, number, begins, length))
        self._until = self._until_recent = 0
        self._bought, self._bought_before, self._last = np.zeros((3, customers))
        self._gap, self._gap_deviation = np.full((2, customers), np.nan)

    def at(self, date: int, customers: int) -> pd.DataFrame:
        """Return what was known of the first so many customers on a day, later than those asked for before.

        Customers without a purchase have no purchase days, and no other value.
        """
        rows = slice(self._until, int(np.searchsorted(self._day, date, side="right")))
        place = self._customer[rows]  # by day, so that a customer's last row remains
        self._bought[place], self._last[place] = self._number[rows], self._day[rows]
        self._gap[place], self._gap_deviation[place] = self._mean[rows], self._deviation[rows]
        old = slice(self._until_recent, int(np.searchsorted(self._day, date - RECENT_DAYS, side="right")))
        self._bought_before[self._customer[old]] = self._number[old]
        self._until, self._until_recent = rows.stop, old.stop
        known = slice(0, customers)
        bought = self._bought[known]
        columns = {
            "purchase_days": bought,
            "recency_days": np.where(bought > 0, date - self._last[known], np.nan),
            "tenure_days": np.where(bought > 0, date - self.first[known], np.nan),
            "gap_mean_days": self._gap[known],
            "gap_stddev_days": self._gap_deviation[known],
            "purchase_days_84d": bought - self._bought_before[known],
        }
        return pd.DataFrame(columns, copy=False)


def _gaps(day: Ints, number: Ints, begins: Ints, length: Ints) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the gaps between a customer's purchase days up to each one."""
    gap = np.diff(day, prepend=0)
    gap[begins] = 0
    squares = np.cumsum(gap * gap)
    squares -= np.repeat(squares[begins], length)
    span = (day - np.repeat(day[begins], length)).astype(float)
    gaps = np.where(number > 1, number - 1.0, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (squares * gaps - span * span) / (gaps * (gaps - 1))
    deviation: Floats = np.sqrt(np.where(gaps > 1, variance, np.nan))
    return np.round(span / gaps, 6), np.round(deviation, 6)


class Agreed(NamedTuple):
    """Contracts, one element each.

    Attributes
    ----------
    customer
        Place of who has it.
    start, end
        First day, and first day without it (`FOREVER` while it runs).
    period, price
        Days between two renewals, and the price for them, zero where it is unknown.
    """

    customer: Ints
    start: Ints
    end: Ints
    period: Floats
    price: Floats


class Contracts:
    """Contracts of customers: who has one on a day, since when, and what it costs."""

    def __init__(self, agreed: Agreed, customers: int) -> None:
        kept = agreed.end > agreed.start
        self._customer, self._start, self._end = agreed.customer[kept], agreed.start[kept], agreed.end[kept]
        self._period = np.maximum(agreed.period[kept], 1.0)
        self._price_a_day = agreed.price[kept] / self._period
        self.first = np.full(customers, FOREVER, dtype=np.int64)
        np.minimum.at(self.first, self._customer, self._start)
        self.exist = bool(len(self._customer))

    def runs(self, date: int) -> NDArray[np.bool_]:
        """Who has a contract on a day."""
        return self.periods_since_end(date) == 0

    def at(self, date: int, customers: int) -> pd.DataFrame:
        """Return what was known of the contracts of the first so many customers on a day.

        Returns
        -------
        DataFrame
            contract_days: since the first one began, -1 before it. contract_over: periods since the last one ended, 0
            while one runs, infinite without any. contract_age: periods since the newest of those that run began, and
            contract_start its first day. contract_trend: 1 where they cost more than 84 days ago, -1 where less.
        """
        running = self._running(date)
        start = np.full(len(self.first), -1, dtype=np.int64)
        np.maximum.at(start, self._customer[running], self._start[running])
        age = np.full(len(self.first), np.inf)
        np.minimum.at(age, self._customer[running], ((date - self._start) / self._period)[running])
        trend = np.sign(np.round(self._price_a_day_on(date) - self._price_a_day_on(date - RECENT_DAYS), 6))
        columns = {
            "contract_days": np.maximum(date - self.first, -1),
            "contract_over": self.periods_since_end(date),
            "contract_age": age,
            "contract_start": start,
            "contract_trend": trend,
        }
        return pd.DataFrame({name: column[:customers] for name, column in columns.items()}, copy=False)

    def periods_since_end(self, date: int) -> Floats:
        """Return periods since the last contract of each customer ended: 0 while one runs, infinite without any."""
        begun = self._start <= date
        since = np.where(self._running(date), 0.0, (date - self._end) / self._period)[begun]
        found = np.full(len(self.first), np.inf)
        np.minimum.at(found, self._customer[begun], since)
        return found

    def _price_a_day_on(self, date: int) -> Floats:
        running = self._running(date)
        sums = np.bincount(self._customer[running], self._price_a_day[running], minlength=len(self.first))
        return np.asarray(sums, dtype=np.float64)

    def _running(self, date: int) -> NDArray[np.bool_]:
        """Which contracts run on a day."""
        return (self._start <= date) & (self._end > date)
