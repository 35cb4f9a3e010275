"""Quantiles of what a random number of purchases comes to."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, gammainc, gammaln

from mining.purchases.history import Floats
from mining.purchases.predictive import CountDistribution

NEGLIGIBLE, SMALLEST = 1e-12, 1e-300
CLOSE = 1e-5
"""A step of Newton's method after which the error is of the size of its square."""
Rows = NDArray[np.intp]


class Total(Protocol):
    """What each number of purchases comes to, as distributions: of m customers and 63 numbers each, in some unit."""

    def start(self, weight: Floats) -> Floats:
        """Logarithm of a value near the middle of the mixture with these weights; shape (m,)."""

    def at(self, rows: Rows, log_v: Floats, wanted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """CDF at exp(log_v), shape (rows, 1), and its density by log_v, of some customers; 0 where not wanted."""


def _where(wanted: NDArray[np.bool_], function: Callable[..., Floats], *arguments: Floats | float) -> Floats:
    """Values of a function where wanted, 0 elsewhere; shape of `wanted`.

    The ufuncs' own `where` is no way to it: SciPy 1.17 then reads and writes beyond its arrays (scipy/scipy#25127).
    """
    result = np.zeros(wanted.shape)
    result[wanted] = function(*(np.broadcast_to(argument, wanted.shape)[wanted] for argument in arguments))
    return result


@dataclass(frozen=True)
class BetaPrime:
    """Beta-prime(`first`, `second`): Gamma amounts at a rate that is Gamma itself."""

    first: Floats
    second: Floats

    @cached_property
    def _log_beta(self) -> Floats:
        return np.asarray(betaln(self.first, self.second), dtype=np.float64)

    def start(self, weight: Floats) -> Floats:
        """The mixture's mean, with `second` in place of `second` - 1."""
        return np.asarray(np.log(np.sum(weight * self.first, axis=1) / self.second[:, 0]))

    def at(self, rows: Rows, log_v: Floats, wanted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """See `Total`."""
        first, second = self.first[rows], self.second[rows]
        log_z, log_rest = -np.logaddexp(0.0, -log_v), -np.logaddexp(0.0, log_v)
        density = np.zeros(wanted.shape)
        density[wanted] = np.exp((first * log_z + second * log_rest - self._log_beta[rows])[wanted])
        return _where(wanted, betainc, first, second, np.exp(log_z)), density


@dataclass(frozen=True)
class Gamma:
    """Gamma(`first`) with rate 1: Gamma amounts at one rate for all."""

    first: Floats

    def start(self, weight: Floats) -> Floats:
        """The mixture's mean."""
        return np.asarray(np.log(np.sum(weight * self.first, axis=1)))

    def at(self, rows: Rows, log_v: Floats, wanted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """See `Total`."""
        first, v = self.first[rows], np.exp(log_v)
        density = np.where(wanted, np.exp(first * log_v - v - gammaln(first)), 0.0)
        return _where(wanted, gammainc, first, v), density


@dataclass(frozen=True)
class SharedGamma:
    """`purchases` times one Gamma(`shape`) with rate 1: purchases at one price that is not known yet."""

    purchases: Floats
    shape: float

    def start(self, weight: Floats) -> Floats:
        """The mixture's mean."""
        return np.asarray(np.log(np.sum(weight * self.purchases, axis=1) * self.shape))

    def at(self, rows: Rows, log_v: Floats, wanted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """See `Total`."""
        log_price = log_v - np.log(self.purchases[rows])
        price = np.exp(log_price)
        density = np.where(wanted, np.exp(self.shape * log_price - price - gammaln(self.shape)), 0.0)
        return _where(wanted, gammainc, self.shape, price), density


def mixture_quantile(counts: CountDistribution, level: float, total: Callable[[Rows], Total]) -> Floats:
    """Quantile of the total of a random number of purchases, shape (n,); 0 where no purchase covers the level.

    Parameters
    ----------
    counts
        Distribution of the number of purchases.
    level
        Probability, between 0 and 1.
    total
        Rows of customers → distributions of the total of `counts.purchases` of these rows, without the first column.
    """
    result = np.zeros(len(counts.probability))
    none = counts.probability[:, 0]
    rows = np.flatnonzero(none < level)
    if not len(rows):
        return result
    some = 1.0 - none[rows]
    target = (level - none[rows]) / some
    weight = counts.probability[rows, 1:] / some[:, None]
    totals = total(rows)
    log_v = totals.start(weight)
    low, high = log_v - 40.0, log_v + 40.0
    active = np.arange(len(rows))
    for _ in range(100):
        part, at = weight[active], log_v[active, None]
        below, density = totals.at(active, at, part > NEGLIGIBLE)
        reached, wanted = np.clip(np.sum(part * below, axis=1), SMALLEST, 1 - NEGLIGIBLE), target[active]
        # In log-odds, which are nearly straight in log_v far from the middle too.
        miss = np.log(reached) - np.log1p(-reached) - np.log(wanted) + np.log1p(-wanted)
        slope = np.sum(part * density, axis=1) / (reached * (1 - reached))
        high[active] = np.where(miss > 0, at[:, 0], high[active])
        low[active] = np.where(miss > 0, low[active], at[:, 0])
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            proposal = at[:, 0] - miss / slope
        inside = (proposal > low[active]) & (proposal < high[active])
        proposal = np.where(inside, proposal, (low[active] + high[active]) / 2)
        step = np.abs(proposal - at[:, 0])
        log_v[active] = proposal
        active = active[(step > CLOSE) | ~inside]
        if not len(active):
            break
    result[rows] = np.exp(log_v)
    return result


def count_quantile(counts: CountDistribution, level: float) -> Floats:
    """Smallest number of purchases that is reached with a probability of at least `level` from below, shape (n,)."""
    reached = np.cumsum(counts.probability, axis=1) >= level - NEGLIGIBLE
    reached[:, -1] = True
    return np.asarray(counts.purchases[np.arange(len(reached)), np.argmax(reached, axis=1)])
