"""Subscriptions and their renewal dates: what the models of contracts read."""

import datetime as dt
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Days = NDArray[np.datetime64]

COLUMNS = frozenset({
    "customer_id", "plan", "price", "start_date", "end_date", "period_months", "period_days", "is_period_known",
    "is_involuntary", "is_returning",
})  # fmt: skip
"""The columns of `features.subscription_terms` that are read."""
DAYS_OF_MONTH = 365.25 / 12
NO_DAY = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class Terms:
    """Subscriptions, one element each: their terms, and what is known of their end on a day."""

    start: Days
    end: Days
    """NaT while it runs."""
    months: Ints
    """Months between two renewals; 0 where the period is one of days."""
    days: Ints
    is_involuntary: NDArray[np.bool_]
    plan: NDArray[np.object_]
    price: Floats
    is_returning: NDArray[np.bool_]
    day: np.datetime64

    @classmethod
    def of(cls, frame: pd.DataFrame, day: dt.date) -> Self:
        """Read rows of `features.subscription_terms`; those that end before they begin are to be left out before."""
        return cls(
            frame["start_date"].to_numpy("datetime64[D]"),
            frame["end_date"].to_numpy("datetime64[D]"),
            frame["period_months"].fillna(0).to_numpy(np.int64),
            frame["period_days"].fillna(0).to_numpy(np.int64),
            frame["is_involuntary"].fillna(value=False).to_numpy(bool),
            frame["plan"].fillna("").to_numpy(object),
            frame["price"].to_numpy(float),
            frame["is_returning"].fillna(value=False).to_numpy(bool),
            np.datetime64(day, "D"),
        )

    def rows(self, chosen: Any) -> Self:
        """Return some of the subscriptions: a mask, or their places, repeats included."""
        columns = {part.name: getattr(self, part.name)[chosen] for part in fields(self) if part.name != "day"}
        return replace(self, **columns)

    @property
    def number(self) -> int:
        """How many there are."""
        return len(self.start)

    @property
    def has_ended(self) -> NDArray[np.bool_]:
        """Which have ended."""
        return ~np.isnat(self.end)

    @property
    def period_length(self) -> Floats:
        """Days between two renewals; of months their mean length."""
        return np.where(self.months > 0, self.months * DAYS_OF_MONTH, self.days.astype(np.float64))

    def known_on(self, day: np.datetime64) -> Self:
        """Return the subscriptions that had begun by an earlier day, as they were known on it."""
        begun = self.rows(self.start <= day)
        later = begun.end > day
        involuntary = begun.is_involuntary & ~later
        return replace(begun, end=np.where(later, NO_DAY, begun.end), is_involuntary=involuntary, day=day)

    def renewal(self, number: Ints) -> Days:
        """Return the day of each one's n-th renewal; of months the same day of the month, or its last one."""
        month = self.start.astype("datetime64[M]")
        day = (self.start - month.astype("datetime64[D]")).astype(np.int64)
        to = month + number * self.months
        last = ((to + 1).astype("datetime64[D]") - to.astype("datetime64[D]")).astype(np.int64) - 1
        by_month = to.astype("datetime64[D]") + np.minimum(day, last)
        return np.where(self.months > 0, by_month, self.start + number * self.days)

    def renewals_by(self, day: Days | np.datetime64) -> Ints:
        """Count the renewal dates after the start up to a day, whether or not the subscription outlived them."""
        elapsed = np.maximum((day - self.start).astype(np.int64), 0)
        number = (elapsed / self.period_length).astype(np.int64)
        # Months differ in length, so the division may be one off.
        number = np.where(self.renewal(number + 1) <= day, number + 1, number)
        return np.maximum(np.where(self.renewal(number) > day, number - 1, number), 0)
