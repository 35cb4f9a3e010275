"""The figures behind the measures: pure functions of arrays, each with its source."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SMALLEST = 1e-6
"""Probabilities are kept this far from 0 and 1 where a logit is taken: published ones have six digits."""


class Estimate(NamedTuple):
    """A figure and its standard error: what chance alone would do to it."""

    value: float
    error: float


def _codes(labels: ArrayLike) -> Integers:
    codes: Integers = np.unique(np.asarray(labels), return_inverse=True)[1].astype(np.int64).ravel()
    return codes


def _pairs(counts: Integers) -> int:
    """Pairs within groups of these sizes."""
    return int(np.sum(counts * (counts - 1) // 2))


def _pairs_together(first: ArrayLike, second: ArrayLike) -> tuple[int, int, int, int]:
    """Pairs of rows that are together in both groupings, in the first, in the second, and all pairs."""
    a, b = _codes(first), _codes(second)
    both = np.unique(a * (b.max(initial=0) + 1) + b, return_counts=True)[1]
    size = len(a)
    return _pairs(both), _pairs(np.bincount(a)), _pairs(np.bincount(b)), size * (size - 1) // 2


def pairwise_precision_recall(found: ArrayLike, true: ArrayLike) -> tuple[float, float]:
    """Precision and recall over pairs of records: pairs put together rightly, of those put together, of the true ones.

    NaN where there is no pair to judge: nothing was put together, or nothing belongs together. (Hassanzadeh et al.
    2009, "Framework for Evaluating Clustering Algorithms in Duplicate Detection", section 4.)
    """
    both, together, belonging, _ = _pairs_together(found, true)
    return both / together if together else float("nan"), both / belonging if belonging else float("nan")


def adjusted_rand(first: ArrayLike, second: ArrayLike) -> float:
    """Adjusted Rand index (Hubert & Arabie 1985): 1 for equal groupings, 0 on average for unrelated ones."""
    both, a, b, every = _pairs_together(first, second)
    expected = a * b / every if every else 0.0
    largest = (a + b) / 2
    return (both - expected) / (largest - expected) if largest != expected else 1.0


def ratio(predicted: Floats, actual: Floats) -> Estimate:
    """Σŷ/Σy. Its error is that of a ratio of sums over customers drawn at random (Cochran 1977, chapter 6)."""
    total = float(actual.sum())
    if total == 0:
        return Estimate(float("nan"), float("nan"))
    value = float(predicted.sum()) / total
    return Estimate(value, float(np.sqrt(np.sum((predicted - value * actual) ** 2))) / total)


def mean(values: Floats) -> float:
    """Mean; NaN of nothing."""
    return float(values.mean()) if len(values) else float("nan")


def difference(first: Floats, second: Floats) -> Estimate:
    """Mean of the paired differences, first less second."""
    gaps = first - second
    return Estimate(float(gaps.mean()), float(gaps.std(ddof=1) / np.sqrt(len(gaps))) if len(gaps) > 1 else float("nan"))


def _newton(design: Floats, outcome: Floats, mean: Any, variance: Any) -> tuple[Floats, Floats]:
    """Fit a generalised linear model with canonical link; coefficients and their robust (sandwich) errors."""
    coefficients = np.zeros(design.shape[1])
    coefficients[-1] = 1.0
    for _ in range(100):
        fitted = mean(design @ coefficients)
        bread = np.linalg.inv((design * variance(fitted)[:, None]).T @ design)
        step = np.clip(bread @ (design.T @ (outcome - fitted)), -2.0, 2.0)
        coefficients = coefficients + step
        if np.max(np.abs(step)) < 1e-10:
            break
    fitted = mean(design @ coefficients)
    bread = np.linalg.inv((design * variance(fitted)[:, None]).T @ design)
    scores = design * (outcome - fitted)[:, None]
    return coefficients, np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread))


def poisson_slope(actual: Floats, predicted: Floats) -> Estimate:
    """Slope of the Poisson regression of a count on log(ŷ) with intercept: 1 where the spread of ŷ is right.

    Rows predicted at 0 have no logarithm and are left out: the caller says how many.
    """
    some = predicted > 0
    logs = np.log(predicted[some])
    if len(logs) < 3 or np.ptp(logs) < 1e-9 or actual[some].sum() == 0:
        return Estimate(float("nan"), float("nan"))
    centre = float(logs.mean())
    design = np.column_stack([np.ones(len(logs)), logs - centre])
    coefficients, errors = _newton(
        design, actual[some].astype(float), lambda eta: np.exp(np.clip(eta, -30, 30)), lambda mean: mean
    )
    return Estimate(float(coefficients[1]), float(errors[1]))


def calibration_line(outcome: Floats, probability: Floats) -> tuple[Estimate, Estimate]:
    """Slope and intercept of the logistic regression of the outcome on logit(p) (Cox 1958): 1, 0 where p is right."""
    clipped = np.clip(probability, SMALLEST, 1 - SMALLEST)
    logits = np.asarray(logit(clipped), dtype=np.float64)
    nothing = Estimate(float("nan"), float("nan"))
    if len(logits) < 3 or np.ptp(logits) < 1e-9 or outcome.min() == outcome.max():
        return nothing, nothing
    design = np.column_stack([np.ones(len(logits)), logits])
    try:
        coefficients, errors = _newton(design, outcome.astype(float), expit, lambda mean: mean * (1 - mean))
    except np.linalg.LinAlgError:  # the outcome is separated: there is no finite slope
        return nothing, nothing
    return Estimate(float(coefficients[1]), float(errors[1])), Estimate(float(coefficients[0]), float(errors[0]))


def logistic_fit(inputs: Floats, outcome: Floats) -> Floats:
    """Intercept and slope of a logistic regression on one input: the naive model of churn."""
    design = np.column_stack([np.ones(len(inputs)), inputs])
    fitted = _newton(design, outcome.astype(float), expit, lambda mean: np.maximum(mean * (1 - mean), 1e-12))
    return fitted[0]


def auc(outcome: Floats, score: Floats) -> float:
    """Area under the ROC curve, from mid-ranks (Mann & Whitney 1947): ties count one half."""
    positive = outcome == 1
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def crps_of_counts(at_most: Floats, actual: Floats) -> Floats:
    """CRPS of each count (Gneiting & Raftery 2007, eq. 20): Σ_k (P(X ≤ k) - 1{y ≤ k})², shape (n,).

    Parameters
    ----------
    at_most : ndarray of shape (n, K + 1)
        P(X ≤ k) for k = 0 … K; counted as 1 above K.
    actual : ndarray of shape (n,)
        What was counted. Above K each further step costs 1.
    """
    k = np.arange(at_most.shape[1])
    inside = np.sum((at_most - (actual[:, None] <= k)) ** 2, axis=1)
    return np.asarray(inside + np.maximum(actual - at_most.shape[1], 0), dtype=np.float64)


def pit_of_counts(at_most: Floats, actual: Floats, points: Floats) -> Floats:
    """Mean probability integral transform at some points of (0, 1): equal to the points where forecasts are right.

    For counts the transform is spread evenly over [P(X ≤ y - 1), P(X ≤ y)] (Czado, Gneiting & Held 2009, eq. 2), which
    is what a randomised transform is on average.
    """
    rows, last = np.arange(len(actual)), at_most.shape[1] - 1
    seen = actual.astype(int)
    upper = np.where(seen > last, 1.0, at_most[rows, np.minimum(seen, last)])
    lower = np.where(seen == 0, 0.0, np.where(seen > last, at_most[:, last], at_most[rows, np.clip(seen - 1, 0, last)]))
    width = np.maximum(upper - lower, 1e-12)
    return np.array([float(np.clip((point - lower) / width, 0.0, 1.0).mean()) for point in points])


def quantile_level(actual: Floats, quantile: Floats, level: float) -> float:
    """Return the level that a quantile turned out to have: `level` itself if share(y < q) ≤ level ≤ share(y ≤ q).

    Otherwise the nearer of the two shares: with many equal values (zeros) no single share is the level.
    """
    below, at_most = float(np.mean(actual < quantile)), float(np.mean(actual <= quantile))
    return min(max(level, below), at_most)
