"""How good predicted purchases and values are on weeks that the model has not seen, beside the naive rate x/T."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mining.evaluation import resampled_sums, row, strata
from mining.purchases.history import Floats
from mining.purchases.predictive import CountDistribution

SEED = 20050401
RESAMPLES = 1000
LEVELS = (0.1, 0.5, 0.9)
SMALLEST_RATE = 1e-3
"""Predictions below this count as this in the Poisson regression, whose logarithm they would otherwise dominate."""

LARGEST_CONDITION = 1e12


class Outcome(NamedTuple):
    """What was predicted for each customer of the holdout, and what happened; columns of shape (n,)."""

    purchases: Floats
    value: Floats
    expected_purchases: Floats
    expected_value: Floats
    naive_purchases: Floats
    naive_value: Floats
    quantiles: Floats
    counts: CountDistribution

    def select(self, chosen: NDArray[np.bool_]) -> "Outcome":
        """Keep some customers."""
        counts = CountDistribution(*(column[chosen] for column in self.counts))
        return Outcome(
            self.purchases[chosen], self.value[chosen], self.expected_purchases[chosen], self.expected_value[chosen],
            self.naive_purchases[chosen], self.naive_value[chosen], self.quantiles[chosen], counts,
        )  # fmt: skip


def rmse(actual: Floats, predicted: Floats) -> float:
    """Root mean squared error."""
    return float(np.sqrt(np.mean((actual - predicted) ** 2)))


def poisson_slope(actual: Floats, predicted: Floats) -> float:
    """Slope of the Poisson regression of the outcome on log(prediction): 1 is calibrated, below 1 too spread out.

    Not a number where the data have no such slope: the predictions do not differ, nobody bought, or all who bought had
    the same prediction and it is the highest or the lowest, so that the likelihood rises without end.
    """
    log_rate = np.log(np.maximum(predicted, SMALLEST_RATE))
    bought = log_rate[actual > 0]
    if np.ptp(log_rate) < 1e-9 or not len(bought):
        return float("nan")
    if np.ptp(bought) < 1e-9 and min(log_rate.max() - bought[0], bought[0] - log_rate.min()) < 1e-9:
        return float("nan")
    design = np.stack([np.ones_like(log_rate), log_rate])
    line = np.array([np.log(actual.sum() / np.exp(log_rate).sum()), 1.0])
    for _ in range(50):
        fitted = np.exp(np.minimum(line @ design, 50.0))
        information = (design * fitted) @ design.T
        if not np.linalg.cond(information) < LARGEST_CONDITION:
            break
        step = np.linalg.solve(information, design @ (actual - fitted))
        line = line + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-10:
            return float(line[1])
    return float("nan")


def crps(counts: CountDistribution, actual: Floats) -> float:
    """Mean continuous ranked probability score, E|Y - y| - E|Y - Y'|/2 (Gneiting & Raftery 2007); MAE of a point."""
    probability, count = counts.probability, counts.purchases
    distance = np.sum(probability * np.abs(count - actual[:, None]), axis=1)
    below = np.cumsum(probability, axis=1)[:, :-1]
    spread = np.sum(below * (1 - below) * np.diff(count, axis=1), axis=1)
    return float(np.mean(distance - spread))


def cumulative(counts: CountDistribution, y: Floats) -> Floats:
    """P(Y ≤ y) of each customer, shape (n,); counts within a bin are taken as equally likely."""
    bins = np.maximum(y, 0.0) / counts.width
    full = np.minimum(np.floor(bins), counts.probability.shape[1] - 1).astype(int)
    table = np.cumsum(counts.probability, axis=1)
    rows = np.arange(len(y))
    at = table[rows, full]
    following = table[rows, np.minimum(full + 1, table.shape[1] - 1)]
    return np.where(y < 0, 0.0, at + (bins - np.floor(bins)) * (following - at))


def pit_deviation(counts: CountDistribution, actual: Floats) -> float:
    """Largest distance of the mean probability integral transform from uniform, over the nine deciles.

    The randomised transform, averaged over its random number (Czado, Gneiting & Held 2009): nothing is drawn.
    """
    below, upto = cumulative(counts, actual - 1), cumulative(counts, actual)
    levels = np.arange(1, 10)[:, None] / 10
    share = np.clip((levels - below) / np.maximum(upto - below, 1e-12), 0.0, 1.0)
    return float(np.abs(share.mean(axis=1) - levels[:, 0]).max())


def metrics(outcome: Outcome) -> dict[str, tuple[float, float]]:
    """Each metric of the model and of the naive baseline (not a number where the baseline has none)."""
    y, v = outcome.purchases, outcome.value
    nan = float("nan")

    def both(measure: Any, actual: Floats, model: Floats, naive: Floats) -> tuple[float, float]:
        return measure(actual, model), measure(actual, naive)

    def mae(actual: Floats, predicted: Floats) -> float:
        return float(np.mean(np.abs(actual - predicted)))

    def ratio(actual: Floats, predicted: Floats) -> float:
        return float(predicted.sum() / actual.sum()) if actual.sum() > 0 else nan

    purchases = (y, outcome.expected_purchases, outcome.naive_purchases)
    values = (v, outcome.expected_value, outcome.naive_value)
    found = {
        "rmse": both(rmse, *purchases),
        "mae": both(mae, *purchases),
        "predicted_over_actual": both(ratio, *purchases),
        "poisson_slope": both(poisson_slope, *purchases),
        "crps": (crps(outcome.counts, y), mae(y, outcome.naive_purchases)),
        "pit_deviation": (pit_deviation(outcome.counts, y), nan),
        "value_rmse": both(rmse, *values),
        "value_mae": both(mae, *values),
        "value_predicted_over_actual": both(ratio, *values),
    }
    for index, level in enumerate(LEVELS):
        quantile = outcome.quantiles[:, index]
        found[f"value_share_below_p{level * 100:.0f}"] = (float(np.mean(v < quantile)), nan)
        found[f"value_share_up_to_p{level * 100:.0f}"] = (float(np.mean(v <= quantile)), nan)
    inside = (v >= outcome.quantiles[:, 0]) & (v <= outcome.quantiles[:, -1])
    found["value_share_p10_to_p90"] = (float(np.mean(inside)), nan)
    return found


def improvement_intervals(outcome: Outcome) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of the naive RMSE less the model's, resampling customers; above 0 is better."""
    errors = {
        "rmse": (outcome.purchases - outcome.expected_purchases, outcome.purchases - outcome.naive_purchases),
        "value_rmse": (outcome.value - outcome.expected_value, outcome.value - outcome.naive_value),
    }
    squares = np.stack([column**2 for pair in errors.values() for column in pair])
    roots = np.sqrt(resampled_sums(squares, seed=SEED, resamples=RESAMPLES) / squares.shape[1])
    gains = {name: roots[:, 2 * index + 1] - roots[:, 2 * index] for index, name in enumerate(errors)}
    return {name: (float(np.quantile(gain, 0.025)), float(np.quantile(gain, 0.975))) for name, gain in gains.items()}


def pooled_improvement(customers: Floats, model: Floats, naive: Floats) -> tuple[float, float, tuple[float, float]]:
    """RMSE of model and baseline, and the 95 % interval of the improvement, resampling customers.

    Parameters
    ----------
    customers, model, naive : ndarray of shape (n,)
        Per customer: predictions made (one per holdout), and the sums of their squared errors.
    """
    sums = np.stack([customers, model, naive])
    draws = resampled_sums(sums, seed=SEED, resamples=RESAMPLES)
    gains = np.sqrt(draws[:, 2] / draws[:, 0]) - np.sqrt(draws[:, 1] / draws[:, 0])
    total = sums.sum(axis=1)
    interval = float(np.quantile(gains, 0.025)), float(np.quantile(gains, 0.975))
    return float(np.sqrt(total[1] / total[0])), float(np.sqrt(total[2] / total[0])), interval


def evaluate(frame: pd.DataFrame, outcome: Outcome) -> list[dict[str, Any]]:
    """Rows for `marts.model_metrics`: one per stratum and metric. Customers in the order of customer_id."""
    rows: list[dict[str, Any]] = []
    for stratum, chosen in strata(frame).items():
        size = int(chosen.sum())
        rows.append(row(stratum, "customers", size, float(size), float(size)))
        if not size:
            continue
        part = outcome.select(chosen)
        intervals = improvement_intervals(part)
        for name, (value, baseline) in metrics(part).items():
            rows.append(row(stratum, name, size, value, baseline, intervals.get(name)))
    return rows
