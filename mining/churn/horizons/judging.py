"""Judge longer horizons out of time: what was known a horizon ago, beside what came since.

A horizon is judged at the cut-off that lies nearest to it, a whole number of first horizons before the as-of day; its
forecast there is of the days up to the as-of day. The model is that of the cut-off's day. The naive forecasts, recency
alone and the share of all customers, learn from every earlier cut-off whose outcome was known by then. Where there is
none they learn from the outcome itself, which favours them.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.metrics import log_loss

from mining.churn.candidates import Labelled
from mining.churn.evaluation import MINIMUM_PER_CLASS, improvement_intervals, metrics
from mining.churn.features import BASELINE_INPUTS
from mining.churn.horizons.forecast import forecast
from mining.churn.model import CLIP, ChurnModel, fit
from mining.evaluation import Floats, row
from mining.purchases.rhythm import typical_gap
from mining.store import FeatureSet

PRIMARY = "log_loss"
REPORTED = (
    "log_loss",
    "brier",
    "roc_auc",
    "calibration_slope",
    "calibration_intercept",
    "observed_rate",
    "predicted_rate",
)
"""Metrics of a horizon, in `marts.model_metrics` as `log_loss_90d` for 90 days."""


class Horizon(NamedTuple):
    """What is said of a horizon: over how many days it was judged (None: it was not), whether it is published."""

    horizon_days: int
    judged_days: int | None
    is_published: bool
    decision: str


ModelAt = Callable[[int], ChurnModel | None]
"""The model as it was fitted on what was known at the k-th cut-off; None where there was too little."""


def judge(
    features: FeatureSet,
    dates: Mapping[int, dt.date],
    parts: Mapping[int, Labelled],
    model_at: ModelAt,
    longer: Sequence[int],
) -> tuple[list[Horizon], list[dict[str, Any]]]:
    """Judge each longer horizon.

    Parameters
    ----------
    features
        Features of the as-of day and of the cut-offs.
    dates, parts
        The cut-offs k = 1, 2, … a first horizon apart, and the customers at risk on them.
    model_at
        See `ModelAt`.
    longer
        Horizons in days.

    Returns
    -------
    tuple
        What is said of each, and rows of `marts.model_metrics`.
    """
    step = (features.as_of - dates[1]).days
    judged, rows = [], []
    for days in longer:
        k = round(days / step)
        said, found = _judge(_Cutoffs(features, dates, parts, step), model_at, days, k)
        judged.append(said)
        rows += found
    return judged, rows


class _Cutoffs(NamedTuple):
    features: FeatureSet
    dates: Mapping[int, dt.date]
    parts: Mapping[int, Labelled]
    step: int

    def labelled(self, k: int, steps: int) -> Labelled:
        """Return the customers at risk on the k-th cut-off, and whether they bought nothing in so many steps."""
        frame = self.parts[k][0]
        end = self.dates[k - steps] if k > steps else self.features.as_of
        later = self._purchase_days(end, frame["customer_id"])
        return frame, (later == frame["purchase_days"].to_numpy()).astype(np.float64)

    def _purchase_days(self, date: dt.date, customers: pd.Series) -> Floats:
        table = self.features.table.select(["as_of_date", "customer_id", "purchase_days"])
        rows = table.filter(pc.equal(table["as_of_date"], pa.scalar(date, pa.date32())))
        place = pc.index_in(pa.array(customers, rows["customer_id"].type), rows["customer_id"])
        return np.asarray(rows["purchase_days"].take(place).cast(pa.float64()).to_numpy(), dtype=np.float64)

    def known_before(self, k: int) -> Labelled | None:
        """Return all cut-offs whose outcome of k steps was known on the k-th one; None where there is none."""
        pooled = [self.labelled(earlier, k) for earlier in sorted(self.parts, reverse=True) if earlier >= 2 * k]
        if not pooled:
            return None
        return pd.concat([frame for frame, _ in pooled], ignore_index=True), np.concatenate([y for _, y in pooled])


def _judge(cutoffs: _Cutoffs, model_at: ModelAt, days: int, k: int) -> tuple[Horizon, list[dict[str, Any]]]:
    over = k * cutoffs.step
    if k not in cutoffs.parts:
        first = cutoffs.features.at(cutoffs.features.as_of)["first_purchase_date"].min().date()
        known = (cutoffs.features.as_of - first).days
        return _not_judged(days, f"no cut-off lies {over} days back in a history of {known:,} days"), []
    frame, outcome = cutoffs.labelled(k, k)
    left, stayed = int(outcome.sum()), int((1 - outcome).sum())
    if min(left, stayed) < MINIMUM_PER_CLASS:
        few = f"{left:,} customers bought nothing in the {over} days before, {stayed:,} did"
        return _not_judged(days, f"{few}; {MINIMUM_PER_CLASS} of each are needed"), []
    model = model_at(k)
    if model is None or model.timing is None:
        return _not_judged(days, f"no purchase model could be fitted on {cutoffs.dates[k]}"), []
    said = forecast(model, frame, model.predict(frame), (over,))[0]
    recency, base = _naive(cutoffs.known_before(k), (frame, outcome))
    rows, gain = _rows(days, outcome, said, recency, base)
    numbers = {line["metric"]: line for line in rows}
    of_model = numbers[f"{PRIMARY}_{days}d"]
    share = numbers[f"base_rate_{PRIMARY}_{days}d"]["value"]
    against = (
        f"{_short(of_model['value'])} against {_short(of_model['baseline_value'])} (recency alone) and {_short(share)} "
        "(the share of all)"
    )
    wins = gain > 0 and of_model["value"] < share
    verdict = "log loss" if wins else "not published, no certain gain: log loss"
    return Horizon(days, over, wins, f"{days} days: {verdict} {against}, over {over} days."), rows


def _not_judged(days: int, why: str) -> Horizon:
    return Horizon(days, None, True, f"{days} days: not tested, since {why}.")


def _naive(known: Labelled | None, judged: Labelled) -> tuple[Floats, float]:
    """Return recency's probabilities for the judged customers, and the share that bought nothing."""
    frame, outcome = known if known and 0 < known[1].mean() < 1 else judged
    recency = fit((frame, outcome), BASELINE_INPUTS, typical_gap(frame, 1))
    return recency.predict(judged[0]), float(np.clip(outcome.mean(), CLIP, 1 - CLIP))


def _rows(
    days: int, outcome: Floats, model: Floats, recency: Floats, base: float
) -> tuple[list[dict[str, Any]], float]:
    """Rows of the metrics, and the lower end of the interval of the gain over recency alone."""
    ours, theirs = metrics(outcome, model), metrics(outcome, recency)
    intervals = improvement_intervals(outcome, model, recency)
    number = len(outcome)
    rows = [row("all", f"{name}_{days}d", number, ours[name], theirs[name], intervals.get(name)) for name in REPORTED]
    constant = float(log_loss(outcome, np.full(number, base), labels=[0, 1]))
    rows.append(row("all", f"base_rate_{PRIMARY}_{days}d", number, constant))
    return rows, intervals[PRIMARY][0]


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
