"""How often a customer may be expected to buy, and what an absence means: own gaps, shrunk towards the typical one's.

| Absence | When |
|---|---|
| lost | longer than own gap + 5 own deviations, and at least 28 days |
| dormant | longer than own gap + 2 own deviations, and at least 14 days; or no purchase in 365 days |
| late | longer than own gap + 1 own deviation, and at least 7 days |
| expected | everybody else |

If purchases came at random (gap and deviation equal), a customer who is still there would be absent for 2 gaps once in
7 times, for 3 once in 20, and for 6 once in 400. Segment, lifecycle stage, tier and risk band of a customer all judge
the absence here, so that they cannot contradict each other.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mining.evaluation import Floats

COLUMNS = frozenset({"purchase_days", "recency_days", "tenure_days", "gap_mean_days", "gap_stddev_days"})
"""The feature columns that it reads."""
TYPICAL = ("gap_mean_days", "gap_stddev_days", "tenure_days")
"""Those that say what is typical."""
PSEUDO_GAPS = 2.0
"""Weight, in gaps between purchases, of the typical customer's rhythm in the rhythm of one customer."""
LEAST_DEVIATION = 0.5
ACTIVE_DAYS = 365
"""Who has not bought for longer counts as away, however slow the own rhythm: `active` is the same in all metrics."""
EXPECTED, LATE, DORMANT, LOST = range(4)
LIMITS = {LATE: (1.0, 7), DORMANT: (2.0, 14), LOST: (5.0, 28)}
"""Own deviations beyond the own gap, and days, that an absence must exceed and last."""

Levels = NDArray[np.int8]
Typical = tuple[float, float]
"""Days between purchases of the typical customer, and their standard deviation."""


@dataclass(frozen=True)
class Rhythm:
    """Days between purchases: expected and their standard deviation."""

    gap: Floats
    deviation: Floats


def typical_gap(frame: pd.DataFrame, default: float) -> float:
    """Median of the customers' mean days between purchases; `default` where nobody bought twice."""
    median = float(frame["gap_mean_days"].median())
    return median if np.isfinite(median) else default


def own_gap(frame: pd.DataFrame, typical: float) -> Floats:
    """Days between purchases that one may expect of a customer: own mean, shrunk towards the typical customer's.

    (n * own mean + k * typical) / (n + k) with n gaps seen and k = `PSEUDO_GAPS`; a one-time buyer gets the typical.
    """
    gaps = frame["purchase_days"].to_numpy(float) - 1
    seen = np.nan_to_num(frame["gap_mean_days"].to_numpy(float)) * gaps
    return (seen + PSEUDO_GAPS * typical) / (gaps + PSEUDO_GAPS)


def typical_rhythm(frame: pd.DataFrame) -> Typical:
    """Median gap of the customers who bought twice, and it again as deviation times their median regularity.

    Where nobody bought twice there is no rhythm: both are the longest time since a first purchase.
    """
    gap = typical_gap(frame, np.nan)
    if not np.isfinite(gap):
        longest = float(frame["tenure_days"].max()) if len(frame) else 0.0
        return max(longest, 1.0), max(longest, 1.0)
    regularity = float((frame["gap_stddev_days"] / frame["gap_mean_days"]).median())
    return gap, gap * (regularity if np.isfinite(regularity) else 1.0)


def own_rhythm(frame: pd.DataFrame, typical: Typical) -> Rhythm:
    """Each customer's rhythm, shrunk towards the typical customer's by two pseudo-gaps.

    The gap is `own_gap`. Variances are shrunk in the same way, the typical one rescaled to
    the customer's own gap: a slow customer is not irregular for being slow. One-time buyers have the typical rhythm.
    A deviation is at least half the gap: one missed purchase of a clockwork customer is a sign, not a loss, so nobody
    is dormant before twice the own gap, or lost before 3.5 times.
    """
    gaps = (frame["purchase_days"] - 1).to_numpy(float)
    gap = own_gap(frame, typical[0])
    degrees = np.where(frame["gap_stddev_days"].notna(), gaps - 1, 0.0)
    own = frame["gap_stddev_days"].fillna(0.0).to_numpy(float)
    prior = gap * typical[1] / typical[0]
    deviation = np.sqrt((degrees * own**2 + PSEUDO_GAPS * prior**2) / (degrees + PSEUDO_GAPS))
    return Rhythm(gap, np.maximum(deviation, LEAST_DEVIATION * gap))


def overdue(frame: pd.DataFrame, typical: Typical) -> Floats:
    """Own deviations by which the absence exceeds the own gap."""
    rhythm = own_rhythm(frame, typical)
    return (frame["recency_days"].to_numpy(float) - rhythm.gap) / rhythm.deviation


def absence(frame: pd.DataFrame, typical: Typical) -> Levels:
    """What each customer's absence means: `EXPECTED` < `LATE` < `DORMANT` < `LOST`; shape (customers,)."""
    days, beyond = frame["recency_days"].to_numpy(float), overdue(frame, typical)
    level = np.where(days >= ACTIVE_DAYS, DORMANT, EXPECTED)
    for reached, (deviations, least) in LIMITS.items():
        level = np.where((beyond > deviations) & (days >= least), np.maximum(level, reached), level)
    return level.astype(np.int8)
