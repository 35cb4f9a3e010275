"""Lifecycle stages on one day, judged against each customer's own rhythm of buying, or the period of the contract.

| Stage | When (the first that holds) |
|---|---|
| lost, dormant | the absence is (`mining.purchases.rhythm`), and no contract runs or ended less than a period ago |
| won_back | was lost on an earlier date, and has bought on at most 3 days since, or has had a contract for 3 periods |
| new | first purchase within the typical gap + 2 typical deviations, and a year; and not older than the data |
| growing, declining | buys clearly more, or less, in the last 84 days than before; contracts cost more, or less |
| stable | everybody else |

A contract that ended leaves a customer dormant for one period. Who began with a contract is new for two.

Prospects have neither purchase nor contract, hence no features, and do not appear here.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from mining.purchases.rhythm import ACTIVE_DAYS, DORMANT, EXPECTED, LIMITS, LOST, Levels, absence, typical_rhythm
from mining.segments.histories import RECENT_DAYS, Floats

RARE = 0.05
WON_BACK = 3
"""Days with a purchase, or periods of a contract, after which a customer who came back is one like any other."""
NEW_PERIODS = 2
STAGES = ("new", "growing", "stable", "declining", "dormant", "lost", "won_back")
CODE = {stage: np.int8(code) for code, stage in enumerate(STAGES)}
NAMES = np.array(STAGES, dtype=object)


class LostBefore(NamedTuple):
    """When customers were lost last: purchase days by then, NaN for never, and the day (negative for never)."""

    purchase_days: Floats
    day: Floats


class Judged(NamedTuple):
    """What is true of each customer on a day: a place in `STAGES`, and what the absence means (`rhythm`)."""

    stage: NDArray[np.int8]
    away: Levels


def change(frame: pd.DataFrame) -> NDArray[np.int8]:
    """1 where a customer buys clearly more in the last 84 days than before, -1 where clearly less, else 0.

    At an even rate the repeat purchases of the last 84 days, given all of them, are binomial with the share of time
    84 / tenure. Clearly: such a count or a more extreme one would come at most once in 20 times. Customers of fewer
    than 168 days, or without repeat purchases, show no change.
    """
    repeats = np.maximum(frame["purchase_days"].to_numpy(float) - 1, 0)
    recent = np.minimum(frame["purchase_days_84d"].to_numpy(float), repeats)
    tenure = frame["tenure_days"].to_numpy(float)
    judged = (tenure >= 2 * RECENT_DAYS) & (repeats > 0)
    share = np.where(judged, RECENT_DAYS / np.maximum(tenure, 1.0), 0.5)
    # A count on the other side of its mean, or one of which even zero is no surprise, cannot be rare.
    more = np.flatnonzero(judged & (recent > repeats * share))
    less = np.flatnonzero(judged & (recent < repeats * share) & (repeats * np.log1p(-share) <= np.log(RARE)))
    result = np.zeros(len(frame), dtype=np.int8)
    result[more[binom.sf(recent[more] - 1, repeats[more], share[more]) <= RARE]] = 1
    result[less[binom.cdf(recent[less], repeats[less], share[less]) <= RARE]] = -1
    return result


def judge(frame: pd.DataFrame, lost_before: LostBefore | None = None) -> Judged:
    """Judge customers on one day.

    Parameters
    ----------
    frame
        What was known of them (`mining.segments.histories`), and `is_left_truncated`. The columns of contracts are
        there where anybody has had one.
    lost_before
        When they were lost last.
    """
    has_contracts = "contract_over" in frame
    bought = frame["purchase_days"].to_numpy() > 0
    typical = typical_rhythm(frame if bought.all() else frame[bought])
    away, trend = np.where(bought, absence(frame, typical), LOST), change(frame)
    deviations, _ = LIMITS[DORMANT]
    newest = min(typical[0] + deviations * typical[1], ACTIVE_DAYS - 1)
    new = (frame["tenure_days"].to_numpy() <= newest) & ~frame["is_left_truncated"].to_numpy(bool)
    back = np.zeros(len(frame), dtype=bool)
    if lost_before is not None:
        since = frame["purchase_days"].to_numpy() - lost_before.purchase_days
        back = (since >= 1) & (since <= WON_BACK)
    if has_contracts:
        away = np.minimum(away, _away_of_contract(frame))
        trend = np.where(frame["contract_trend"] != 0, frame["contract_trend"], trend)
        new = np.where(_began_with_contract(frame), _is_new_contract(frame), new)
        if lost_before is not None:
            runs_again = (lost_before.day >= 0) & (frame["contract_start"].to_numpy() > lost_before.day)
            back |= runs_again & (frame["contract_age"].to_numpy() <= WON_BACK)
    stage = np.select(
        [away == LOST, away == DORMANT, back, new, trend > 0, trend < 0],
        [CODE[name] for name in ("lost", "dormant", "won_back", "new", "growing", "declining")],
        CODE["stable"],
    )
    return Judged(stage.astype(np.int8), away.astype(np.int8))


def _away_of_contract(frame: pd.DataFrame) -> Levels:
    """Who has a contract is there; who had one is dormant for a period, and lost after it."""
    over = frame["contract_over"].to_numpy()
    return np.where(over == 0, EXPECTED, np.where(over <= 1, DORMANT, LOST)).astype(np.int8)


def _began_with_contract(frame: pd.DataFrame) -> NDArray[np.bool_]:
    days = frame["contract_days"].to_numpy()
    return (days >= 0) & ~(days < frame["tenure_days"].to_numpy())


def _is_new_contract(frame: pd.DataFrame) -> NDArray[np.bool_]:
    is_young = frame["contract_days"].to_numpy() < ACTIVE_DAYS
    return is_young & (frame["contract_age"].to_numpy() <= NEW_PERIODS)
