"""The purchase clock: time that runs faster in busy months, so that on it a customer buys at a constant rate.

A Poisson process with rate λ f(t) is one of constant rate λ on the clock ∫ f(t) dt (Çinlar 1975, "Introduction to
Stochastic Processes", 4.7). Purchase models are fitted on histories whose times are read from the clock, and a horizon
is as long as the clock says.
"""

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mining.purchases.history import DAYS_PER_WEEK, Floats, History, check_history

COLUMNS = frozenset({"purchase_days", "first_purchase_date", "last_purchase_date"})
"""The feature columns of a purchase history."""
MONTHS = 12
DAYS_OF_MONTH = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
DAYS = np.arange(np.datetime64("1900-01-01"), np.datetime64("2300-01-01"))
"""The days of one table of what the clock shows, so that a customer's time depends on no other one."""
FIRST_DAY = int(DAYS[0].astype(np.int64))
MONTH_OF_DAY = DAYS.astype("datetime64[M]").astype(np.int64)
"""In months since 1970."""
GROWN_BEFORE, GROWS_AFTER = 120, 12
"""Months before and after a day in which growth is counted."""


class EventDays(NamedTuple):
    """One time of an event: its first and last day since 1970, and the log of what it multiplies purchases by."""

    name: str
    first: int
    last: int
    effect: float


@dataclass(frozen=True)
class PurchaseClock:
    """How fast the clock runs: twelve factors, January first, 1 on the average day of a year, growth, and events.

    Growth is the difference of logarithms in a year. The pace is 1, but for the season, in the month `grown_at` (months
    since 1970); it grows up to a year after that, and is as it was ten years before in all earlier time.

    Examples
    --------
    >>> clock = PurchaseClock.from_factors([1.0] * 11 + [2.0])
    >>> round(float(clock.weeks("2025-11-30", "2025-12-28") / clock.weeks("2025-10-31", "2025-11-28")), 9)
    2.0
    """

    factors: tuple[float, ...] = (1.0,) * MONTHS
    growth: float = 0.0
    grown_at: int = 0
    events: tuple[EventDays, ...] = ()

    @classmethod
    def from_factors(cls, factors: ArrayLike) -> "PurchaseClock":
        """Return the clock of relative factors, brought to 1 on the average day of a year, with six digits."""
        relative = np.asarray(factors, dtype=np.float64)
        mean = float(relative @ DAYS_OF_MONTH) / float(DAYS_OF_MONTH.sum())
        return cls(tuple(np.round(relative / mean, 6).tolist()))

    @property
    def is_plain(self) -> bool:
        """Whether the clock is the calendar: no season, no growth, no event."""
        return not self.growth and not self.events and not self.has_season

    @property
    def has_season(self) -> bool:
        """Whether months differ."""
        return set(self.factors) != {1.0}

    def growing(self, growth: float, day: dt.date) -> "PurchaseClock":
        """Return the clock with another growth, whose pace is 1, but for the season, in the month of a day."""
        month = int(np.datetime64(day, "M").astype(np.int64)) if growth else 0
        return replace(self, growth=growth, grown_at=month)

    def pace(self, days: ArrayLike | dt.date) -> Floats:
        """How fast the clock runs on each day."""
        return self._paces[_days(days).astype(np.int64) - FIRST_DAY]

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
        place = np.clip(np.floor(moment).astype(np.int64) - FIRST_DAY, 0, len(DAYS) - 1)
        return self._shown[place] + self._paces[place] * (moment - FIRST_DAY - place)

    @cached_property
    def _paces(self) -> Floats:
        """How fast the clock runs on each of `DAYS`."""
        paces = np.array(self.factors)[MONTH_OF_DAY % MONTHS]
        if self.growth:
            years = np.clip(MONTH_OF_DAY - self.grown_at, -GROWN_BEFORE, GROWS_AFTER) / MONTHS
            paces = paces * np.exp(self.growth * years)
        for event in self.events:
            paces[max(event.first - FIRST_DAY, 0) : event.last - FIRST_DAY + 1] *= np.exp(event.effect)
        return paces

    @cached_property
    def _shown(self) -> Floats:
        """Days on the clock at the beginning of each of `DAYS`."""
        return np.concatenate([[0.0], np.cumsum(self._paces[:-1])])

    def to_dict(self) -> dict[str, Any]:
        """Return the clock as JSON types."""
        return {
            "factors": list(self.factors),
            "growth": self.growth,
            "grown_at": self.grown_at,
            "events": [list(event) for event in self.events],
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "PurchaseClock":
        """Read what `to_dict` wrote."""
        factors = tuple(float(factor) for factor in content["factors"])
        events = tuple(EventDays(*event) for event in content["events"])
        return cls(factors, float(content["growth"]), int(content["grown_at"]), events)


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
