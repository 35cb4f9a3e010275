"""The figures behind the measures: pure functions of arrays, each with its source."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NO_STEP, MOST_STEPS = 1e-9, 60
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


class Family(NamedTuple):
    """A family with canonical link: its cumulant function with first and second derivative, and the link."""

    cumulant: Callable[[Floats], Floats]
    mean: Callable[[Floats], Floats]
    variance: Callable[[Floats], Floats]
    link: Callable[[float], float]


POISSON = Family(np.exp, np.exp, np.exp, math.log)
LOGISTIC = Family(
    lambda eta: np.logaddexp(0.0, eta), expit, lambda eta: expit(eta) * expit(-eta), lambda mean: float(logit(mean))
)


def _fit(inputs: Floats, outcome: Floats, family: Family) -> tuple[Estimate, Estimate]:
    """Slope and intercept of a regression on one input, with robust (sandwich) errors; NaN where there is no maximum.

    Newton's method with halved steps: the likelihood is concave, so it climbs to the one maximum from anywhere.
    """
    nothing = Estimate(float("nan"), float("nan"))
    is_known = len(inputs) >= 3 and bool(np.all(np.isfinite(inputs)))
    if not is_known or np.ptp(inputs) < 1e-9 or outcome.min() == outcome.max():
        return nothing, nothing
    centre = float(inputs.mean())
    design = np.column_stack([np.ones(len(inputs)), inputs - centre])
    at = np.array([family.link(float(outcome.mean())), 0.0])

    def likelihood(coefficients: Floats) -> float:
        eta = design @ coefficients
        with np.errstate(over="ignore"):
            return float(np.sum(outcome * eta - family.cumulant(eta)))

    for _ in range(MOST_STEPS):
        eta = design @ at
        bread = np.linalg.pinv((design * family.variance(eta)[:, None]).T @ design)
        step = bread @ (design.T @ (outcome - family.mean(eta)))
        while likelihood(at + step) < likelihood(at) and np.max(np.abs(step)) > NO_STEP:
            step = step / 2
        at = at + step
        if np.max(np.abs(step)) <= NO_STEP:
            scores = design * (outcome - family.mean(design @ at))[:, None]
            spread = bread @ (scores.T @ scores) @ bread
            shift = np.array([1.0, -centre])
            return (
                Estimate(float(at[1]), float(np.sqrt(spread[1, 1]))),
                Estimate(float(at @ shift), float(np.sqrt(shift @ spread @ shift))),
            )
    return nothing, nothing  # the outcome is separated: the slope grows without end


def poisson_slope(actual: Floats, predicted: Floats) -> Estimate:
    """Slope of the Poisson regression of a count on log(ŷ) with intercept: 1 where the spread of ŷ is right.

    Rows predicted at 0 have no logarithm and are left out: the caller says how many.
    """
    some = predicted > 0
    return _fit(np.log(predicted[some]), actual[some].astype(float), POISSON)[0]


def calibration_line(outcome: Floats, probability: Floats) -> tuple[Estimate, Estimate]:
    """Slope and intercept of the logistic regression of the outcome on logit(p) (Cox 1958): 1, 0 where p is right."""
    logits = np.asarray(logit(np.clip(probability, SMALLEST, 1 - SMALLEST)), dtype=np.float64)
    return _fit(logits, outcome.astype(float), LOGISTIC)


def logistic_fit(inputs: Floats, outcome: Floats) -> tuple[float, float]:
    """Slope and intercept of a logistic regression on one input: the naive model of churn."""
    slope, intercept = _fit(inputs, outcome.astype(float), LOGISTIC)
    return slope.value, intercept.value


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
