"""The season of repeat purchases, learned from at least two cycles and shrunk towards none."""
# ruff: noqa: RUF002  Greek letters are those of the literature

import datetime as dt
from dataclasses import replace
from itertools import product
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mining.purchases.clock import MONTHS, PLAIN, PurchaseClock
from mining.purchases.history import Floats, check_positive
from mining.purchases.models.base import PurchaseModel

CYCLE_DAYS = 365
CYCLES = 2
FEWEST_EXPECTED = 1.0
"""Repeat purchases that a month of a year must be expected to have, to tell anything."""
DEVIATIONS = np.concatenate([[0.0], np.geomspace(0.01, 1.0, 24)])
"""Standard deviations that are tried for the season and for the years, as shares of the purchases of a month."""


class MonthlySeason:
    """Relative frequency of purchases by month of the year, by empirical Bayes.

    The log-ratio of purchases to what is expected without a season, in month m of year y, is

        z_my = year_y + season_m + noise_my,   season_m ~ N(0, τ²),   noise_my ~ N(0, σ² + 1/purchases_my):

    a random-effects model (Searle, Casella & McCulloch 1992, "Variance Components", chapters 6 and 7). τ, what months
    differ by, and σ, what the same month of several years does beyond chance, maximise the restricted likelihood on a
    grid. The season of a month is its best linear unbiased prediction, so it is shrunk towards none the more, the less
    the months differ, the more the years do, and the fewer purchases there are. The year takes up growth.

    Attributes
    ----------
    season_ : ndarray of shape (12,)
        exp(season_m), January first; 1 for all months where the data show no season.
    season_deviation_, year_deviation_ : float
        τ and σ.
    """

    def fit(self, month: ArrayLike, year: ArrayLike, purchases: ArrayLike, expected: ArrayLike) -> Self:
        """Learn the season.

        Parameters
        ----------
        month, year : array_like of int, shape (n,)
            Month (0 to 11) and year of each row; one row per month of a year.
        purchases, expected : array_like of shape (n,)
            Purchases of that month, and what is expected of it without a season.
        """
        seen = check_positive("purchases", purchases, zero_allowed=True)
        base = check_positive("expected", expected, zero_allowed=True)
        known = base >= FEWEST_EXPECTED
        months, years = np.asarray(month, dtype=np.int64)[known], np.asarray(year, dtype=np.int64)[known]
        ratio = np.log((seen[known] + 0.5) / (base[known] + 0.5))
        chance = 1.0 / (seen[known] + 0.5)
        self.season_, self.season_deviation_, self.year_deviation_ = np.ones(MONTHS), 0.0, 0.0
        if len(ratio) <= len(np.unique(years)):
            return self
        is_month = (months[:, None] == np.arange(MONTHS)).astype(np.float64)
        is_year = (years[:, None] == np.unique(years)).astype(np.float64)
        fits = [
            (_restricted(ratio, is_year, _covariance(is_month, chance, tau, sigma))[0], tau, sigma)
            for tau, sigma in product(DEVIATIONS, DEVIATIONS)
        ]
        _, tau, sigma = max(fits, key=lambda fit: fit[0])  # of equals the first, with the smaller season
        _, weighted = _restricted(ratio, is_year, _covariance(is_month, chance, tau, sigma))
        self.season_ = np.exp(tau**2 * is_month.T @ weighted)
        self.season_deviation_, self.year_deviation_ = float(tau), float(sigma)
        return self


def _covariance(is_month: Floats, chance: Floats, tau: float, sigma: float) -> Floats:
    return tau**2 * is_month @ is_month.T + np.diag(sigma**2 + chance)


def _restricted(ratio: Floats, is_year: Floats, covariance: Floats) -> tuple[float, Floats]:
    """Restricted log-likelihood but for a constant (Patterson & Thompson 1971), and V⁻¹ (z - the years' means)."""
    inverse = np.linalg.inv(covariance)
    information = is_year.T @ inverse @ is_year
    means = np.linalg.solve(information, is_year.T @ inverse @ ratio)
    weighted = inverse @ (ratio - is_year @ means)
    determinants = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1]
    return -0.5 * float(determinants + (ratio - is_year @ means) @ weighted), weighted


def cycles(first: dt.date, last: dt.date) -> float:
    """Cycles of a year between the first purchase of the data and their last day."""
    return ((last - first).days + 1) / CYCLE_DAYS


def purchases_by_month(
    model: PurchaseModel, clock: PurchaseClock, calendar: pd.DataFrame, day: dt.date
) -> tuple[Floats, Floats]:
    """Repeat purchases of each month to a day, and what a model expects of the customers who had arrived by then.

    Parameters
    ----------
    model, clock
        A purchase model, and the clock that it was fitted on.
    calendar
        As in `learn_clock`.
    day
        The day that the calendar describes.

    Returns
    -------
    seen, expected
        Shape (months,), from the month of the first purchase on; the last month may not be over.
    """
    months = Months.of(calendar, day)
    return months.seen, months.expected(model, clock)


class Months(NamedTuple):
    """The calendar by month: when each begins and ends, its repeat purchases, and who arrived on which day."""

    months: NDArray[np.datetime64]
    begins: NDArray[np.datetime64]
    ends: NDArray[np.datetime64]
    seen: Floats
    arrived: NDArray[np.datetime64]
    customers: Floats

    @classmethod
    def of(cls, calendar: pd.DataFrame, day: dt.date) -> "Months":
        """Count the purchases that a calendar shows until a day."""
        bought = calendar["purchase_date"].to_numpy("datetime64[D]")
        first, again = (calendar[name].to_numpy(np.float64) for name in ("first_purchases", "repeat_purchases"))
        months = np.arange(bought.min().astype("datetime64[M]"), np.datetime64(day, "M") + 1)
        place = bought.astype("datetime64[M]").astype(np.int64) - months.astype(np.int64)[0]
        return cls(
            months,
            np.maximum(months.astype("datetime64[D]") - 1, bought.min()),
            np.minimum((months + 1).astype("datetime64[D]") - 1, np.datetime64(day)),
            np.bincount(place, again, len(months)).astype(np.float64),
            bought[first > 0],
            first[first > 0],
        )

    def season(self, model: PurchaseModel, clock: PurchaseClock) -> MonthlySeason:
        """Learn the season from what a model, fitted on a clock, expects without one."""
        number = self.months.astype(np.int64)
        unseasonal = replace(clock, factors=PLAIN.factors)
        length = np.maximum(unseasonal.weeks(self.begins, self.ends), 1 / 7)
        pace = np.maximum(clock.weeks(self.begins, self.ends) / length, 1e-9)
        return MonthlySeason().fit(number % MONTHS, number // MONTHS, self.seen, self.expected(model, clock) / pace)

    def expected(self, model: PurchaseModel, clock: PurchaseClock) -> Floats:
        """Repeat purchases that a model expects in each month, of customers by the day of their arrival."""
        return np.diff(self.expected_until(model, clock, self.ends), prepend=0.0)

    def expected_until(self, model: PurchaseModel, clock: PurchaseClock, ends: NDArray[np.datetime64]) -> Floats:
        """Repeat purchases that a model expects from the beginning to the end of each of some days."""
        total = np.zeros(len(ends))
        for place, end in enumerate(ends):
            here = self.arrived <= end
            total[place] = self.customers[here] @ model.expected_purchases_new(clock.weeks(self.arrived[here], end))
        return total
