"""The purchase clock: time that runs faster in busy months, so that on it a customer buys at a constant rate.

A Poisson process with rate λ f(t) is one of constant rate λ on the clock ∫ f(t) dt (Çinlar 1975, "Introduction to
Stochastic Processes", 4.7). Purchase models are fitted on histories whose times are read from the clock, and a horizon
is as long as the clock says.
"""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mining.purchases.history import DAYS_PER_WEEK, Floats, History, check_history

COLUMNS = frozenset({"purchase_days", "first_purchase_date", "last_purchase_date"})
"""The feature columns of a purchase history."""
MONTHS = 12
DAYS_OF_MONTH = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
FIRST_MONTH, LAST_MONTH = -840, 3960
"""January 1900 and January 2300, in months since 1970: one table, so that a customer's time depends on no other one."""
BEGINS = np.arange(FIRST_MONTH, LAST_MONTH + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.float64)


@dataclass(frozen=True)
class PurchaseClock:
    """Twelve factors, January first: how fast the clock runs in a month, 1 on the average day of a year.

    Examples
    --------
    >>> clock = PurchaseClock.from_factors([1.0] * 11 + [2.0])
    >>> round(float(clock.weeks("2025-11-30", "2025-12-28") / clock.weeks("2025-10-31", "2025-11-28")), 9)
    2.0
    """

    factors: tuple[float, ...] = (1.0,) * MONTHS

    @classmethod
    def from_factors(cls, factors: ArrayLike) -> "PurchaseClock":
        """Return the clock of relative factors, brought to 1 on the average day of a year, with six digits."""
        relative = np.asarray(factors, dtype=np.float64)
        mean = float(relative @ DAYS_OF_MONTH) / float(DAYS_OF_MONTH.sum())
        return cls(tuple(np.round(relative / mean, 6).tolist()))

    @property
    def is_plain(self) -> bool:
        """Whether the clock is the calendar: no season."""
        return set(self.factors) == {1.0}

    def weeks(self, after: ArrayLike | dt.date, until: ArrayLike | dt.date) -> Floats:
        """Weeks on the clock from the end of one day to the end of another; the arguments broadcast."""
        return (self._elapsed(_days(until)) - self._elapsed(_days(after))) / DAYS_PER_WEEK

    def ahead(self, day: dt.date) -> "Ahead":
        """Return what the clock shows after a day."""
        return Ahead(self, float(_days(day)))

    def _elapsed(self, days: Floats) -> Floats:
        """Days on the clock at the end of each day since 1970, fractions of a day included."""
        moment = np.asarray(days, dtype=np.float64) + 1.0
        if self.is_plain:
            return moment
        months = np.floor(moment).astype(np.int64).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        place = np.clip(months - FIRST_MONTH, 0, len(BEGINS) - 2)
        return self._shown[place] + np.array(self.factors)[months % MONTHS] * (moment - BEGINS[place])

    @cached_property
    def _shown(self) -> Floats:
        """Days on the clock at the beginning of each month since `FIRST_MONTH`."""
        factors = np.array(self.factors)[(FIRST_MONTH + np.arange(len(BEGINS) - 1)) % MONTHS]
        return np.concatenate([[0.0], np.cumsum(np.diff(BEGINS) * factors)])

    def to_dict(self) -> dict[str, Any]:
        """Return the clock as JSON types."""
        return {"factors": list(self.factors)}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "PurchaseClock":
        """Read what `to_dict` wrote."""
        return cls(tuple(float(factor) for factor in content["factors"]))


PLAIN = PurchaseClock()


@dataclass(frozen=True)
class Ahead:
    """What a clock shows after a moment, given as days since 1970: calendar weeks to weeks on the clock."""

    clock: PurchaseClock
    moment: float

    def weeks(self, calendar: float | Floats) -> Any:
        """Weeks on the clock in so many weeks of the calendar; numbers to numbers, arrays to arrays."""
        if self.clock.is_plain:
            return calendar
        shown = self.clock._elapsed(self.moment + np.asarray(calendar) * DAYS_PER_WEEK)
        found = (shown - self.clock._elapsed(np.asarray(self.moment))) / DAYS_PER_WEEK
        return found if isinstance(calendar, np.ndarray) else float(found)

    def after(self, calendar: float) -> "Ahead":
        """Return what the clock shows so many weeks of the calendar later."""
        return Ahead(self.clock, self.moment + calendar * DAYS_PER_WEEK)


CALENDAR = Ahead(PLAIN, 0.0)
"""No season: weeks are weeks."""


def _days(days: ArrayLike | dt.date) -> Floats:
    return np.asarray(days, dtype="datetime64[D]").astype(np.int64).astype(np.float64)


def history_of(frame: pd.DataFrame, clock: PurchaseClock = PLAIN) -> History:
    """(x, t_x, T) in weeks on a clock, each customer at the day of the row. Purchases of one day are one purchase."""
    first, last, day = (frame[f"{name}_date"].to_numpy() for name in ("first_purchase", "last_purchase", "as_of"))
    return check_history(frame["purchase_days"].to_numpy(float) - 1, clock.weeks(first, last), clock.weeks(first, day))
