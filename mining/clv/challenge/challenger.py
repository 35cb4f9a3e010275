"""Gradient boosting against the lifetime value model, on cut-offs that the last holdout has not seen.

Both forecast net sales. The challenger knows what the model expects, and what customers have done of late. It learns
from one stretch of time, and is judged on the next. Where its error on the inner cut-offs is certainly smaller, and in
the last holdout not certainly larger, it corrects the model's values. Its figures stand beside the model's in any case.
"""

import datetime as dt
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mining.clv.challenge.trees import grow, predict
from mining.clv.evaluation import RESAMPLES, SEED, rmse
from mining.clv.holdout import Judged, judge, seen
from mining.clv.models import too_few
from mining.evaluation import resampled_sums, row
from mining.purchases.history import DAYS_PER_WEEK, Floats
from mining.purchases.timing import learn_clock
from mining.sampling import sampled, smallest
from mining.store import FeatureSet

OF_FEATURES = (
    "recency_days", "tenure_days", "purchase_days", "purchase_days_28d", "purchase_days_84d", "net_sales",
    "net_sales_84d", "net_sales_365d", "spend_amount", "gap_mean_days", "gap_stddev_days",
)  # fmt: skip
COLUMNS = frozenset(OF_FEATURES)
"""The feature columns that it reads."""
CUSTOMERS = 50_000
"""Customers that it learns from and is judged on, at most (`mining.sampling`)."""
LEAST, MOST = 0.1, 10.0
"""How far it may correct a customer's value."""


class Challenge(NamedTuple):
    """What came of it: rows of metrics, a sentence of the decision, and what scores where it has won (else None)."""

    rows: list[dict[str, Any]]
    sentence: str
    correction: dict[str, Any] | None


def challenge(features: FeatureSet, days: list[dt.date], judged: list[Judged]) -> Challenge:
    """Judge the challenger on the inner cut-offs and on the last holdout.

    Parameters
    ----------
    features
        Features at the as-of day and at earlier days.
    days
        Days from which the model was judged, oldest first.
    judged
        The model on the stretches that begin on these days; the last one is the holdout that decides on publishing.
    """
    inner = _inner(features, days, judged)
    if inner is None:
        return Challenge([], "No challenger: the history is too short to judge one before the last holdout.", None)
    before, after = inner
    last_before, last = _sampled(judged[0]), _sampled(judged[1])
    if not all(part.value.clip(min=0.0).any() for part in (before, last_before, last)):
        return Challenge([], "No challenger: nothing was sold in a stretch that it would learn from.", None)
    errors, gain = _against(before, after)
    rows = [row("all", "challenger_inner_value_rmse", len(after.value), *errors, gain)]
    last_errors, last_gain = _against(last_before, last)
    rows.append(row("all", "challenger_value_rmse", len(last.value), *last_errors, last_gain))
    wins = gain[0] > 0 and last_gain[1] >= 0
    said = (
        f"Challenger (gradient boosting) on inner cut-offs: spend {errors[0]:.2f} against the model's {errors[1]:.2f} "
        f"(gain {gain[0]:.2f} to {gain[1]:.2f}): {'it corrects the values' if wins else 'the model stays'}."
    )
    correction = {**_learned(last), "days": round(last.weeks * DAYS_PER_WEEK)} if wins else None
    return Challenge(rows, said, correction)


def factors(correction: dict[str, Any], frame: pd.DataFrame, expected: Floats, expected_value: Floats) -> Floats:
    """What a challenger that has won multiplies each customer's value by, shape (n,): its value over the model's.

    Parameters
    ----------
    correction
        Of `Challenge`.
    frame
        Features of the customers.
    expected, expected_value
        Purchases and net sales that the model expects in as many days as the challenger has learned (`days`).
    """
    value = predict(correction, _columns(frame, expected, expected_value))
    ratio = np.clip(value / np.where(expected_value > 0, expected_value, 1.0), LEAST, MOST)
    return np.where(expected_value > 0, ratio, 1.0)


def _inner(features: FeatureSet, days: list[dt.date], judged: list[Judged]) -> tuple[Judged, Judged] | None:
    """Return two stretches between the first origin and the last: one to learn from, and one to be judged on."""
    if len(days) < 2:
        return None
    first, last = days[-2:]
    middle = first + (last - first) / 2
    between = [date for date in features.dates if first < date < last]
    if not between:
        return None
    date = min(between, key=lambda each: (abs((each - middle).days), each))
    frame = features.at(date)
    if too_few(frame):
        return None
    clock = learn_clock(frame, features.calendar(date), features.events(date))
    test = judge(_some(frame), features.at(last), clock)
    return None if test.fitted.problem else (seen(_some(features.at(first)), frame, judged[0].fitted), test)


def _some(frame: pd.DataFrame) -> pd.DataFrame:
    return sampled(frame, CUSTOMERS).reset_index(drop=True)


def _sampled(judged: Judged) -> Judged:
    chosen = smallest(judged.frame["customer_id"], CUSTOMERS)
    frame = judged.frame.iloc[chosen].reset_index(drop=True)
    return judged._replace(frame=frame, purchases=judged.purchases[chosen], value=judged.value[chosen])


def _inputs(judged: Judged) -> Floats:
    return _columns(judged.frame, judged.expected, judged.expected_value)


def _columns(frame: pd.DataFrame, expected: Floats, expected_value: Floats) -> Floats:
    return np.column_stack([expected, expected_value, *(frame[name].to_numpy(float) for name in OF_FEATURES)])


def _learned(judged: Judged) -> dict[str, Any]:
    return grow(_inputs(judged), judged.value.clip(min=0.0))


def _against(before: Judged, after: Judged) -> tuple[tuple[float, float], tuple[float, float]]:
    """RMSE of challenger and model on the later stretch, and the 95 % interval of the gain, resampling customers."""
    challenger, model = predict(_learned(before), _inputs(after)), after.expected_value
    squares = np.stack([(after.value - challenger) ** 2, (after.value - model) ** 2])
    roots = np.sqrt(resampled_sums(squares, seed=SEED, resamples=RESAMPLES) / squares.shape[1])
    gains = np.quantile(roots[:, 1] - roots[:, 0], [0.025, 0.975])
    return (rmse(after.value, challenger), rmse(after.value, model)), (float(gains[0]), float(gains[1]))
