"""Predictive distributions of one customer's purchases and their value over a horizon.

Each customer's numbers depend on that customer's row and the parameters alone: no random numbers, and arrays whose
shape does not depend on who else is scored, so that sums round the same way in any subset.
"""
# ruff: noqa: N806  T and Greek letters are the papers' notation; docstrings say what is returned

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from mining.clv.base import PurchaseModel
from mining.clv.inputs import Floats, History, unique_rows
from mining.clv.spend import SpendModel
from mining.clv.totals import CountDistribution
from mining.clv.value import discounted_purchases_if_alive

BINS = 64
"""Points of a purchase-count distribution: 0, then 63 bins of equal width (1 for all but heavy buyers)."""
CHUNK = 2_000_000
"""Numbers in one intermediate array."""


def count_distribution(model: PurchaseModel, horizon: float, history: History, share: float = 1.0) -> CountDistribution:
    """Distribution of the purchases in (T, T + horizon] of each customer, shape (n, 64).

    Of a `share` of them, where each counts with that probability, independently of the others (binomial thinning).
    """
    (x, T), position, _ = unique_rows(history.x, history.T)
    rows = History(x, np.zeros_like(x), T)
    width = bin_widths(model, horizon, rows)
    probability, count = np.zeros((len(x), BINS)), np.zeros((len(x), BINS))
    for size in np.unique(width):
        y = np.arange((BINS - 1) * size + 1)
        for chosen in _chunks(np.flatnonzero(width == size), len(y)):
            pmf = model.count_pmf_if_alive(horizon, History(*(column[chosen] for column in rows)), y)
            pmf[:, -1] += np.maximum(1.0 - np.sum(pmf, axis=1), 0.0)
            if share < 1.0:
                # A column at a time, not as one matrix product, whose rounding depends on the number of rows.
                thinned: Floats = np.asarray(binom.pmf(y[:, None], y, share))
                pmf = np.stack([np.sum(pmf * thinned[counted], axis=1) for counted in range(len(y))], axis=1)
            bins = pmf[:, 1:].reshape(len(chosen), BINS - 1, int(size))
            total = np.sum(bins, axis=2)
            weighted = np.sum(bins * y[1:].reshape(BINS - 1, int(size)), axis=2)
            middle = (np.arange(1, BINS) - 0.5) * size + 0.5
            probability[chosen, 0], probability[chosen, 1:] = pmf[:, 0], total
            count[chosen, 1:] = np.where(total > 0, weighted / np.where(total > 0, total, 1.0), middle)
    alive = model.alive(history)[:, None]
    spread = probability[position] * alive
    spread[:, :1] += 1.0 - alive
    return CountDistribution(spread, count[position], width[position])


def bin_widths(model: PurchaseModel, horizon: float, history: History) -> Floats:
    """Smallest power of 2 with which 63 bins hold all but a negligible part of a customer's purchases, shape (n,)."""
    r, alpha = model.parameters[:2]
    mean = (r + history.x) * horizon / (alpha + history.T)
    reach = mean + 12 * np.sqrt(mean * (1 + horizon / (alpha + history.T))) + 10
    return np.asarray(np.exp2(np.ceil(np.log2(np.maximum(reach / (BINS - 1), 1.0)))), dtype=np.float64)


def value_quantiles(  # noqa: PLR0917  a customer is five columns
    model: PurchaseModel,
    spend: SpendModel,
    levels: tuple[float, ...],
    history: History,
    spend_days: Floats,
    spend_amount: Floats,
    *,
    horizon: float,
    rate: float,
    share_paid: float = 1.0,
) -> Floats:
    """Quantiles of the discounted spend in (T, T + horizon], shape (n, levels).

    The distribution is a mixture, over the number of purchases, of what so many total, with a point mass at 0; the
    spend model inverts it. Each amount carries the customer's mean discount factor, so that the distribution's mean is
    the expected present value; how the factor varies within the horizon (±2 % at 10 % a year) is left out.

    Parameters
    ----------
    levels : tuple of float
        Probabilities, between 0 and 1.
    spend_days, spend_amount : ndarray of shape (n,)
        Purchases with a positive amount so far, and their total.
    horizon, rate : float
        Length in the model's time unit, discount rate per unit.
    share_paid : float
        Share of purchases with a positive amount; the others add nothing, so they thin the counts y.
    """
    columns, position, _ = unique_rows(*history, spend_days, spend_amount)
    rows = History(*columns[:3])
    factor = discounted_purchases_if_alive(model, horizon, rate, rows) / model.expected_if_alive(horizon, rows)
    result = np.zeros((len(factor), len(levels)))
    for chosen in _chunks(np.arange(len(factor)), BINS * 4):
        counts = count_distribution(model, horizon, History(*(column[chosen] for column in rows)), share_paid)
        for index, level in enumerate(levels):
            total = spend.total_quantile(counts, columns[3][chosen], columns[4][chosen], level)
            result[chosen, index] = total * factor[chosen]
    return result[position]


def _chunks(rows: NDArray[np.intp], numbers_per_row: int) -> list[NDArray[np.intp]]:
    size = max(CHUNK // numbers_per_row, 1)
    return [rows[start : start + size] for start in range(0, len(rows), size)]
