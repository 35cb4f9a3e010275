"""How good a churn model is on customers and days that it has not seen, beside its baseline.

Metrics are of the event "did not buy in the horizon". Improvements are signed so that positive means better than the
baseline, and their intervals come from resampling customers (each customer has one row at the test cut-off).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from mining.churn.model import logistic_line
from mining.churn.profit import expected_maximum_profit
from mining.evaluation import Floats, row, strata

SEED = 20130501
RESAMPLES = 500
MINIMUM_PER_CLASS = 20
BINS = 10
PRIMARY, SECONDARY = "log_loss", "roc_auc"


def expected_calibration_error(outcome: Floats, probability: Floats) -> float:
    """Mean distance between predicted and observed share over ten bins of equal width, weighted by customers."""
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    gap = np.bincount(bins, probability - outcome, BINS)
    return float(np.abs(gap).sum() / len(outcome))


def top_decile_lift(outcome: Floats, probability: Floats) -> float:
    """Churn among the tenth of customers with the highest probability, over churn among all.

    Customers tied at the border count in part, so the order of rows does not matter.
    """
    values, group = np.unique(-probability, return_inverse=True)
    size = np.bincount(group, minlength=len(values))
    before = np.cumsum(size) - size
    taken = np.clip(len(outcome) / 10 - before, 0, size)
    churners = np.bincount(group, outcome, len(values))
    return float((taken * churners / size).sum() / (len(outcome) / 10) / outcome.mean())


def calibration_line(outcome: Floats, probability: Floats) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of the outcome on logit(p); (nan, nan) for a constant p."""
    if np.ptp(probability) < 1e-9:
        return float("nan"), float("nan")
    return logistic_line(np.log(probability / (1 - probability)), outcome)


def metrics(outcome: Floats, probability: Floats) -> dict[str, float]:
    """All metrics of one set of predictions."""
    slope, intercept = calibration_line(outcome, probability)
    return {
        "observed_rate": float(outcome.mean()),
        "predicted_rate": float(probability.mean()),
        "roc_auc": float(roc_auc_score(outcome, probability)),
        "pr_auc": float(average_precision_score(outcome, probability)),
        "log_loss": float(log_loss(outcome, probability)),
        "brier": float(brier_score_loss(outcome, probability)),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "expected_calibration_error": expected_calibration_error(outcome, probability),
        "top_decile_lift": top_decile_lift(outcome, probability),
        "expected_maximum_profit": expected_maximum_profit(outcome, probability),
    }


def _weighted_auc(outcome: Floats, probability: Floats) -> Callable[[Floats], float]:
    """Return AUC as a function of customers' weights; the ranking, the slow part, is done once."""
    values, group = np.unique(probability, return_inverse=True)

    def auc(weight: Floats) -> float:
        churners = np.bincount(group, weight * outcome, len(values))
        others = np.bincount(group, weight * (1 - outcome), len(values))
        below = np.cumsum(others) - others
        return float((churners * (below + others / 2)).sum() / (churners.sum() * others.sum()))

    return auc


def improvement_intervals(outcome: Floats, model: Floats, baseline: Floats) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of the improvement in log loss, Brier score and AUC, resampling customers."""
    losses = {
        "log_loss": log_losses(outcome, baseline) - log_losses(outcome, model),
        "brier": (outcome - baseline) ** 2 - (outcome - model) ** 2,
    }
    auc_model, auc_baseline = _weighted_auc(outcome, model), _weighted_auc(outcome, baseline)
    draws: dict[str, list[float]] = {"log_loss": [], "brier": [], "roc_auc": []}
    for weight in _resamples(outcome):
        for name, loss in losses.items():
            draws[name].append(float((weight * loss).sum() / weight.sum()))
        draws["roc_auc"].append(auc_model(weight) - auc_baseline(weight))
    return {
        name: (float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))) for name, values in draws.items()
    }


def log_losses(outcome: Floats, probability: Floats) -> Floats:
    """-ln of the probability of what happened, shape (customers,)."""
    return -np.log(np.where(outcome == 1, probability, 1 - probability))


def _resamples(outcome: Floats) -> Iterator[Floats]:
    """How often each customer is drawn. A draw without both outcomes has no AUC and is drawn again."""
    random = np.random.default_rng(SEED)
    size, found = len(outcome), 0
    while found < RESAMPLES:
        weight = np.bincount(random.integers(0, size, size), minlength=size).astype(float)
        if 0 < (weight * outcome).sum() < size:
            found += 1
            yield weight


def evaluate(frame: pd.DataFrame, outcome: Floats, model: Floats, baseline: Floats) -> list[dict[str, Any]]:
    """Rows for `marts.model_metrics`: one per stratum and metric, for the model and its baseline.

    A stratum with fewer than 20 customers of either outcome has its size only: its metrics would be noise.
    """
    rows: list[dict[str, Any]] = []
    for stratum, chosen in strata(frame).items():
        y, p, q = outcome[chosen], model[chosen], baseline[chosen]
        rows.append(row(stratum, "customers", len(y), float(len(y)), float(len(y))))
        if min(y.sum(), (1 - y).sum()) < MINIMUM_PER_CLASS:
            continue
        intervals, reference = improvement_intervals(y, p, q), metrics(y, q)
        for name, value in metrics(y, p).items():
            rows.append(row(stratum, name, len(y), value, reference[name], intervals.get(name)))
    return rows
