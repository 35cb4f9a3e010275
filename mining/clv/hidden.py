"""The end of the history is hidden, forecast from what came before, and compared with what came."""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from mining.clv.holdout import expected_purchases, judge, naive_purchases, origins
from mining.clv.models import MINIMUM_REPEAT_BUYERS, too_few
from mining.purchases import reach
from mining.purchases.clock import history_of
from mining.purchases.timing import learn_clock
from mining.purchases.total import Total, forecast_total
from mining.store import FeatureSet

SHORTEST = 28
"""Days that are hidden at least."""


@dataclass(frozen=True)
class Grade:
    """A forecast of days that were hidden, and what came.

    Attributes
    ----------
    start, end
        The last day that the forecast was made from, and the last day of the data.
    customers
        Those who had bought by `start`; the forecast is about them.
    expected
        Their purchases in the days after, with the 95 % interval. Purchases of one day are one purchase.
    came
        Their purchases in fact.
    own_rate
        What each customer's own rate so far, x/T, says.
    rmse, own_rate_rmse
        Root mean squared error by customer, of the model and of the own rate.
    newcomers
        Purchase days of customers who first bought after `start`, whom no model of earlier purchases knows.
    model, season
        What the model says of customers, and what it knows of the season.
    """

    start: dt.date
    end: dt.date
    customers: int
    expected: Total
    came: int
    own_rate: float
    rmse: float
    own_rate_rmse: float
    newcomers: int
    model: str
    season: str

    @property
    def days(self) -> int:
        """Days that were hidden."""
        return (self.end - self.start).days

    @property
    def is_within(self) -> bool:
        """Whether what came lies in the interval."""
        return self.expected.low <= self.came <= self.expected.high


def grade(features: FeatureSet, horizon_days: int) -> Grade | str:
    """Grade the purchase model on the last holdout of the lifetime value job; or say why it cannot be.

    Parameters
    ----------
    features
        What the job `clv` reads.
    horizon_days
        The longest time to hide; a third of the history where that is shorter.
    """
    days = origins(features, horizon_days)
    if not days or (features.as_of - days[-1]).days < SHORTEST:
        return f"the history is too short: at least {SHORTEST} days have to be hidden, a third of it"
    start = days[-1]
    before, after = features.at(start), features.at(features.as_of)
    if lacking := too_few(before):
        return f"{lacking} by {start}, {MINIMUM_REPEAT_BUYERS} are needed"
    calendar = features.calendar(start)
    judged = judge(before, after, learn_clock(before, calendar, features.events(start)))
    if judged.fitted.problem:
        return judged.fitted.problem
    hidden = (features.as_of - start).days
    model, clock = judged.fitted.scorer.purchases, judged.fitted.clock
    naive = naive_purchases(history_of(before), judged.weeks)
    model_error, naive_error = judged.purchases - expected_purchases(judged, model), judged.purchases - naive
    known = int(judged.purchases.sum())
    return Grade(
        start=start,
        end=features.as_of,
        customers=len(before),
        expected=forecast_total(model, clock, before, calendar, hidden),
        came=known,
        own_rate=float(naive.sum()),
        rmse=float(np.sqrt(np.mean(model_error**2))),
        own_rate_rmse=float(np.sqrt(np.mean(naive_error**2))),
        newcomers=int(after["purchase_days"].sum() - before["purchase_days"].sum()) - known,
        model=model.label,
        season=reach.season(clock, before["first_purchase_date"].min().date(), start),
    )
