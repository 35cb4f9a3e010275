"""Lifecycle stages, judged against each customer's own rhythm of buying.

| Stage | When (the first that holds) |
|---|---|
| lost, dormant | the absence is (`mining.purchases.rhythm`) |
| won_back | was lost on an earlier date, and has bought on at most 3 days since |
| new | first purchase within the typical gap + 2 typical deviations, and a year; and not older than the data |
| growing, declining | buys clearly more, or less, in the last 84 days than before |
| stable | everybody else |

Prospects have no purchase, hence no features, and do not appear here.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from mining.purchases.rhythm import ACTIVE_DAYS, DORMANT, LIMITS, LOST, Typical, absence, typical_rhythm

RECENT_DAYS = 84
RARE = 0.05
WON_BACK_DAYS = 3
STAGES = ("new", "growing", "stable", "declining", "dormant", "lost", "won_back")


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
    away, trend = absence(frame, typical), change(frame)
    deviations, _ = LIMITS[DORMANT]
    newest = min(typical[0] + deviations * typical[1], ACTIVE_DAYS - 1)
    new = (frame["tenure_days"] <= newest) & ~frame["is_left_truncated"].astype(bool)
    back = _won_back(frame, earlier, typical)
    stage = np.select(
        [away == LOST, away == DORMANT, back, new.to_numpy(bool), trend > 0, trend < 0],
        ["lost", "dormant", "won_back", "new", "growing", "declining"],
        "stable",
    )
    return pd.Series(stage, index=frame.index, dtype=object)


def _won_back(frame: pd.DataFrame, earlier: Sequence[pd.DataFrame], typical: Typical) -> NDArray[np.bool_]:
    result = np.zeros(len(frame), bool)
    for past in earlier:
        # The typical rhythm of today: an earlier date saw short gaps only, having had no time for long ones.
        lost = past.loc[absence(past, typical) == LOST].set_index("customer_id")["purchase_days"]
        since = frame["purchase_days"] - frame["customer_id"].map(lost)
        result |= since.between(1, WON_BACK_DAYS).to_numpy(bool)
    return result
