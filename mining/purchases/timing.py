"""When customers buy, as of a day: a purchase model on the purchase clock."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit

from mining.purchases.choice import fit_chosen, read_purchase_model
from mining.purchases.clock import COLUMNS, PLAIN, PurchaseClock, history_of
from mining.purchases.events import learn_events
from mining.purchases.growth import ERRORS, learn_growth
from mining.purchases.history import Floats
from mining.purchases.models.base import PurchaseModel
from mining.purchases.models.fits import fit_once, once
from mining.purchases.models.pareto_nbd import ParetoNBD
from mining.purchases.regularity import learn_stages
from mining.purchases.season import CYCLES, Months, cycles
from mining.sampling import sampled

ROUNDS = 2
"""How often the expectation and the season are computed in turn; the third moves no factor of the demo by .01."""
CUSTOMERS = 200_000
"""Customers that models are fitted on, at most (`mining.sampling`)."""
CLIP = 1e-6
"""How near a probability comes to 0 and 1 where its log-odds are taken."""


@dataclass(frozen=True)
class PurchaseTiming:
    """A fitted purchase model, whose time is that of the clock."""

    model: PurchaseModel
    clock: PurchaseClock

    def no_purchase(self, frame: pd.DataFrame, days: int) -> Floats:
        """Probability of no purchase in the days after each row's as-of date, shape (rows,)."""
        history = history_of(frame, self.clock)
        after = frame["as_of_date"].to_numpy("datetime64[D]")
        return self.model.probability_no_purchase(self.clock.weeks(after, after + days), *history)

    def log_odds_of_no_purchase(self, frame: pd.DataFrame, days: int) -> Floats:
        """Log-odds of no purchase in the days after each row's as-of date, shape (rows,)."""
        return np.asarray(logit(np.clip(self.no_purchase(frame, days), CLIP, 1 - CLIP)), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return the timing as JSON types."""
        return {"clock": self.clock.to_dict(), "purchases": self.model.to_dict()}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "PurchaseTiming":
        """Read what `to_dict` wrote."""
        return cls(read_purchase_model(content["purchases"]), PurchaseClock.from_dict(content["clock"]))


def learn_clock(frame: pd.DataFrame, calendar: pd.DataFrame, events: pd.DataFrame | None = None) -> PurchaseClock:
    """Learn the purchase clock of a day: the calendar itself where fewer than two cycles are known.

    What is expected without a season is what Pareto/NBD expects of the customers who have arrived, fitted on the clock
    of the round before; so months in which many customers are new, or many have left, are no season. Where growth or
    events are seen, they and the season are learned in turn.

    Parameters
    ----------
    frame
        Features of the customers known on the day, sorted by customer_id.
    calendar
        Rows of `features.purchase_calendar` of that day, sorted by day: purchase_date, first_purchases,
        repeat_purchases.
    events
        Rows of `features.event_days` of that day: event, starts_on, ends_on.
    """
    if not len(frame) or not len(calendar):
        return PLAIN
    day = frame["as_of_date"].iloc[0].date()
    first = calendar["purchase_date"].min().date()
    if cycles(first, day) < CYCLES or not (frame["purchase_days"] > 1).any():
        return PLAIN
    sample = sampled(frame, CUSTOMERS)
    tables = [sample[sorted(COLUMNS)], calendar, *([] if events is None else [events])]
    read = (table[name].to_numpy() for table in tables for name in table)
    return once(f"clock {day} {events is None}", read, lambda: _learn_clock(sample, calendar, events, day))


def _learn_clock(
    sample: pd.DataFrame, calendar: pd.DataFrame, events: pd.DataFrame | None, day: dt.date
) -> PurchaseClock:
    months, clock, deviation = Months.of(calendar, day), PLAIN, 0.0
    for _ in range(ROUNDS):
        season = months.season(fit_once(ParetoNBD(), history_of(sample, clock)), clock)
        clock, deviation = PurchaseClock.from_factors(season.season_), season.year_deviation_
    seasonal = clock
    for _ in range(ROUNDS):
        model = fit_once(ParetoNBD(), history_of(sample, clock))
        known = () if events is None else learn_events(model, clock, months, calendar, events, deviation)
        season = months.season(model, replace(clock, events=known))
        deviation = season.year_deviation_
        growth = learn_growth(model, clock, sample, calendar, deviation).shrunk(ERRORS)
        if not growth and not known:
            return seasonal
        clock = replace(PurchaseClock.from_factors(season.season_).growing(growth, day), events=known)
    return clock


def fit_timing(
    frame: pd.DataFrame, calendar: pd.DataFrame, events: pd.DataFrame | None = None
) -> PurchaseTiming | None:
    """Learn clock and purchase model from the customers known on a day; None where no model has a maximum.

    Parameters
    ----------
    frame, calendar, events
        As in `learn_clock`.
    """
    if not (frame["purchase_days"] > 1).any():
        return None
    clock = learn_clock(frame, calendar, events)
    sample = sampled(frame, CUSTOMERS)
    model = fit_chosen(history_of(sample, clock), learn_stages(sample))
    return None if model is None else PurchaseTiming(model, clock)
