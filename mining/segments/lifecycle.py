"""Lifecycle stages, judged against each customer's own rhythm of buying.

| Stage | When (the first that holds) |
|---|---|
| lost | absent for longer than own gap + 5 own deviations, and for at least 28 days |
| dormant | absent for longer than own gap + 2 own deviations, and for at least 14 days |
| won_back | was lost on an earlier date, and has bought on at most 3 days since |
| new | first purchase not longer ago than the typical gap + 2 typical deviations, and not older than the data |
| growing, declining | buys clearly more, or less, in the last 84 days than before |
| stable | everybody else |

If purchases came at random (gap and deviation equal), a customer who is still there would be absent for 3 gaps once
in 20 times, and for 6 gaps once in 400. Prospects have no purchase, hence no features, and do not appear here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from mining.evaluation import Floats
from mining.rhythm import PSEUDO_GAPS, own_gap, typical_gap

DORMANT, LOST = 2.0, 5.0
DORMANT_DAYS, LOST_DAYS = 14, 28
LEAST_DEVIATION = 0.5
RECENT_DAYS = 84
RARE = 0.05
WON_BACK_DAYS = 3
STAGES = ("new", "growing", "stable", "declining", "dormant", "lost", "won_back")


@dataclass(frozen=True)
class Rhythm:
    """Days between purchases: expected and their standard deviation."""

    gap: Floats
    deviation: Floats


def typical_rhythm(frame: pd.DataFrame) -> tuple[float, float]:
    """Median gap of the customers who bought twice, and it again as deviation times their median regularity.

    Where nobody bought twice there is no rhythm: both are the longest time since a first purchase.
    """
    gap = typical_gap(frame, np.nan)
    if not np.isfinite(gap):
        longest = float(frame["tenure_days"].max()) if len(frame) else 0.0
        return max(longest, 1.0), max(longest, 1.0)
    regularity = float((frame["gap_stddev_days"] / frame["gap_mean_days"]).median())
    return gap, gap * (regularity if np.isfinite(regularity) else 1.0)


def own_rhythm(frame: pd.DataFrame, typical: tuple[float, float]) -> Rhythm:
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


def overdue(frame: pd.DataFrame, typical: tuple[float, float]) -> Floats:
    """Own deviations by which the absence exceeds the own gap."""
    rhythm = own_rhythm(frame, typical)
    return (frame["recency_days"].to_numpy(float) - rhythm.gap) / rhythm.deviation


def is_lost(frame: pd.DataFrame, typical: tuple[float, float]) -> NDArray[np.bool_]:
    """Absent far beyond the own rhythm, and for four weeks: a daily shopper who is on holiday is not lost."""
    return (overdue(frame, typical) > LOST) & (frame["recency_days"] >= LOST_DAYS).to_numpy(bool)


def change(frame: pd.DataFrame) -> NDArray[np.int8]:
    """1 where a customer buys clearly more in the last 84 days than before, -1 where clearly less, else 0.

    At an even rate the repeat purchases of the last 84 days, given all of them, are binomial with the share of time
    84 / tenure. Clearly: such a count or a more extreme one would come at most once in 20 times. Customers of fewer
    than 168 days, or without repeat purchases, show no change.
    """
    repeats = (frame["purchase_days"] - 1).to_numpy(int)
    recent = np.minimum(frame["purchase_days_84d"].to_numpy(int), repeats)
    tenure = frame["tenure_days"].to_numpy(float)
    judged = (tenure >= 2 * RECENT_DAYS) & (repeats > 0)
    share = np.where(judged, RECENT_DAYS / np.maximum(tenure, 1.0), 0.5)
    more = binom.sf(recent - 1, repeats, share) <= RARE
    less = binom.cdf(recent, repeats, share) <= RARE
    return np.where(judged & more, 1, np.where(judged & less, -1, 0)).astype(np.int8)


def stages(frame: pd.DataFrame, earlier: Sequence[pd.DataFrame] = ()) -> pd.Series:
    """Stage of each customer on the date of `frame`; `earlier` are features of dates before it (for won_back)."""
    typical = typical_rhythm(frame)
    dormant = (overdue(frame, typical) > DORMANT) & (frame["recency_days"] >= DORMANT_DAYS).to_numpy(bool)
    trend = change(frame)
    new = (frame["tenure_days"] <= typical[0] + DORMANT * typical[1]) & ~frame["is_left_truncated"].astype(bool)
    back = _won_back(frame, earlier, typical)
    stage = np.select(
        [is_lost(frame, typical), dormant, back, new.to_numpy(bool), trend > 0, trend < 0],
        ["lost", "dormant", "won_back", "new", "growing", "declining"],
        "stable",
    )
    return pd.Series(stage, index=frame.index, dtype=object)


def _won_back(frame: pd.DataFrame, earlier: Sequence[pd.DataFrame], typical: tuple[float, float]) -> NDArray[np.bool_]:
    result = np.zeros(len(frame), bool)
    for past in earlier:
        # The typical rhythm of today: an earlier date saw short gaps only, having had no time for long ones.
        lost = past.loc[is_lost(past, typical)].set_index("customer_id")["purchase_days"]
        since = frame["purchase_days"] - frame["customer_id"].map(lost)
        result |= since.between(1, WON_BACK_DAYS).to_numpy(bool)
    return result
