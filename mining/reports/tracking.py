"""What a lifetime value model expected of each week of its last holdout, for the tracking plot of a release."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from mining.clv.evaluation import Outcome
from mining.clv.holdout import Judged
from mining.purchases.history import DAYS_PER_WEEK, Floats, History, unique_rows
from mining.purchases.total import limits, parameter_variance, shared_shock

POINTS = 13
"""Times on the clock at which the expectation is computed; between them it is interpolated."""
DIGITS = 3
NOTHING = 1e-9


def track(judged: Judged, outcome: Outcome, calendar: pd.DataFrame) -> dict[str, Any]:
    """Forecast the purchases of all customers of the holdout, week by week.

    Parameters
    ----------
    judged, outcome
        The holdout, and what was predicted of each customer in it.
    calendar
        Rows of `features.purchase_calendar` of the day before the holdout.

    Returns
    -------
    dict
        `days`: the last days of the weeks, counted from the day before the holdout; `customers`: those judged;
        `cumulative` and `weekly`: lists of
        (mean, lower, upper limit of the 95 % interval). The variance is that of `forecast_total`: the customers' own
        chance, which grows as the mean does, the parameters', and that of shocks which all customers share.
    """
    model, ahead, clock = judged.fitted.scorer.purchases, judged.ahead, judged.fitted.clock
    total_days = round(judged.weeks * DAYS_PER_WEEK)
    days = np.arange(7, total_days + 1, 7)
    if not len(days) or not len(calendar):
        return {"days": [], "customers": len(judged.frame), "cumulative": [], "weekly": []}
    columns, _, customers = unique_rows(*judged.history)
    history, number = History(*columns), customers.astype(np.float64)
    whole = float(ahead.weeks(judged.weeks))
    alive, grid = model.alive(history), np.linspace(0.0, whole, POINTS)
    sums = [0.0, *(float((alive * model.expected_if_alive(float(time), history)) @ number) for time in grid[1:])]
    mean = np.asarray(PchipInterpolator(grid, sums)(np.asarray(ahead.weeks(days / DAYS_PER_WEEK))), dtype=np.float64)
    day = judged.frame["as_of_date"].iloc[0].date()
    own = _own_variance(outcome) / max(sums[-1], NOTHING)
    uncertain = parameter_variance(model, whole, history, number) / max(sums[-1], NOTHING) ** 2
    month, all_days = (shared_shock(model, clock, calendar, day, length) for length in (1, total_days))
    share = days / total_days
    shock = month + (all_days - month) * share
    weekly = np.diff(mean, prepend=0.0)
    return {
        "days": days.tolist(),
        "customers": len(judged.frame),
        "cumulative": _limited(mean, own * mean + (uncertain + shock**2) * mean**2),
        "weekly": _limited(weekly, own * weekly + (uncertain + month**2) * weekly**2),
    }


def _own_variance(outcome: Outcome) -> float:
    """Variance of the sum, given the parameters: customers buy independently of each other."""
    counts = outcome.counts
    mean = np.sum(counts.probability * counts.purchases, axis=1)
    return float(np.sum(counts.probability * (counts.purchases - mean[:, None]) ** 2))


def _limited(mean: Floats, variance: Floats) -> list[tuple[float, float, float]]:
    return [
        (round(float(each), DIGITS), *limits(max(float(each), NOTHING), float(spread)))
        for each, spread in zip(mean, variance, strict=True)
    ]
