"""How well an order of customers finds those whom a campaign changes: rank-weighted average treatment effects.

For customers in the order of a score, TOC(u) is the mean effect in the first share u less the mean effect in all.
AUTOC is its mean over u, the Qini coefficient its mean weighted by u; both are 0 for an order that knows nothing
(Yadlowsky, Fleming, Shah, Brunskill & Wager 2025, Journal of the American Statistical Association 120; the Qini of
Radcliffe 2007). The effect of a customer is an unbiased score, so both are weighted means of scores, weights by rank.

Errors are those of half-samples, drawn without replacement, as in section 3 of the paper: the difference between a half
and the whole has the variance of the whole.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mining.evaluation import Floats

HALVES = 200
SEED = 20
CELLS = 4_000_000
"""Cells of the matrix of half-samples that is in memory at once."""
Weights = Callable[[int], Floats]


class Rate(NamedTuple):
    """An estimate and its standard error."""

    value: float
    error: float


def autoc_weights(n: int) -> Floats:
    """Weight of the scores by rank, best first: the sum of 1/j for j from the rank to n, less 1; shape (n,)."""
    return np.cumsum(1.0 / np.arange(n, 0, -1))[::-1] - 1.0


def qini_weights(n: int) -> Floats:
    """Weight of the scores by rank, best first; shape (n,)."""
    return (n - np.arange(n)) / n - (n + 1) / (2 * n)


def rate(order_by: Floats, effects: Floats, weights: Weights, *, halves: int = HALVES, seed: int = SEED) -> Rate:
    """Judge an order.

    Parameters
    ----------
    order_by
        Score of each customer, the highest first; it must not have seen their outcomes. Customers with equal scores
        stand in the order of the rows, which must not depend on outcomes either. Shape (n,).
    effects
        Unbiased score of what the campaign changes of each customer, shape (n,).
    weights
        `autoc_weights` or `qini_weights`.
    halves, seed
        How many half-samples, and the seed of their draw.
    """
    ranked = effects[np.argsort(-order_by, kind="stable")]
    n = len(ranked)
    value = float(weights(n) @ ranked) / n
    half = n // 2
    of_half, random = weights(half), np.random.default_rng(seed)
    found = [
        _of_halves(ranked, of_half, min(step, halves - start), random)
        for step in [max(CELLS // n, 1)]
        for start in range(0, halves, step)
    ]
    return Rate(value, float(np.sqrt(np.mean((np.concatenate(found) - value) ** 2))))


def _of_halves(ranked: Floats, weights: Floats, draws: int, random: np.random.Generator) -> Floats:
    """Return the estimates of half-samples of scores in their order, shape (draws,)."""
    half = len(weights)
    chosen: NDArray[np.intp] = np.argpartition(random.random((draws, len(ranked))), half - 1, axis=1)[:, :half]
    chosen.sort(axis=1)
    estimates: Floats = ranked[chosen] @ weights / half
    return estimates
