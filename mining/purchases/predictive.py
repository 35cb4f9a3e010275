"""Predictive distribution of one customer's purchases over a horizon, and of the day of the next one.

Each customer's numbers depend on that customer's row and the parameters alone: no random numbers, and arrays whose
shape does not depend on who else is scored, so that sums round the same way in any subset.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from mining.purchases.clock import CALENDAR, Ahead
from mining.purchases.history import DAYS_PER_WEEK, Floats, History, unique_rows
from mining.purchases.models.base import PurchaseModel

BINS = 64
"""Points of a purchase-count distribution: 0, then 63 bins of equal width (1 for all but heavy buyers)."""
CHUNK = 2_000_000
"""Numbers in one intermediate array."""


class CountDistribution(NamedTuple):
    """P(Y) of n customers: `probability` and `purchases` of shape (n, 64), `width` of a bin in purchases, shape (n,).

    Bin k ≥ 1 holds the counts (k-1) width + 1 … k width, represented by their mean; bin 0 is no purchase.
    """

    probability: Floats
    purchases: Floats
    width: Floats


def count_distribution(model: PurchaseModel, horizon: float, history: History, share: float = 1.0) -> CountDistribution:
    """Distribution of the purchases in (T, T + horizon] of each customer, shape (n, 64).

    Of a `share` of them, where each counts with that probability, independently of the others (binomial thinning).
    """
    rows, position = model.given_alive(history)
    width = bin_widths(model, horizon, rows)
    probability, count = np.zeros((len(width), BINS)), np.zeros((len(width), BINS))
    for size in np.unique(width):
        y = np.arange((BINS - 1) * size + 1)
        for chosen in chunks(np.flatnonzero(width == size), len(y)):
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


def days_to_next_order(
    model: PurchaseModel, horizon_days: int, history: History, ahead: Ahead = CALENDAR
) -> NDArray[np.int64]:
    """Smallest whole number of days t with P(at least one purchase in t) ≥ 1/2; 0 where the horizon is too short."""
    rows, position, _ = unique_rows(*history)
    unique = History(*rows)
    alive = model.alive(unique)

    def reaches_half(days: NDArray[np.int64]) -> NDArray[np.bool_]:
        return alive * (1.0 - model.no_purchase_if_alive(ahead.weeks(days / DAYS_PER_WEEK), unique)) >= 0.5

    low = np.zeros(len(alive), dtype=np.int64)
    high = np.full(len(alive), horizon_days, dtype=np.int64)
    known = reaches_half(high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        enough = reaches_half(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(known, high, 0)[position]


def chunks(rows: NDArray[np.intp], numbers_per_row: int) -> list[NDArray[np.intp]]:
    """Rows in parts of which an intermediate array holds at most `CHUNK` numbers."""
    size = max(CHUNK // numbers_per_row, 1)
    return [rows[start : start + size] for start in range(0, len(rows), size)]
