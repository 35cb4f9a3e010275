"""The customer pyramid: platinum, gold, iron, lead.

Zeithaml, Rust & Lemon (2001), The Customer Pyramid, California Management Review 43(4), 118-142. Value is net sales of
the last 365 days of customers who bought in that time; the others are `inactive`, which is not a tier below lead but
the answer to another question.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mining.purchases.rhythm import ACTIVE_DAYS

TIERS = ("platinum", "gold", "iron", "lead")
CUTS = (0.01, 0.20, 0.50)
"""Lower borders of platinum, gold and iron: the best 1 %, the next 19 %, the next 30 %; lead is the last 50 %."""
INACTIVE = "inactive"
MARGIN = 0.10
"""A customer crosses a border only when a tenth of it beyond: with gold's 20 %, up inside 18 %, down outside 22 %."""


def tiers(frame: pd.DataFrame, previous: pd.Series | None = None) -> pd.Series:
    """Tier of each customer on one date.

    Parameters
    ----------
    frame
        Features on that date: customer_id, recency_days, net_sales_365d.
    previous
        Tier on the date before, by customer_id: a customer near a border stays where they were (hysteresis). A
        customer without one, or inactive then, is placed without margin.

    Notes
    -----
    A customer's place is (customers above + half of the *other* customers equal) / customers: equal values share a
    tier, and the best customer of a small company is platinum.
    """
    active = frame["recency_days"] < ACTIVE_DAYS
    place = (frame.loc[active, "net_sales_365d"].rank(method="average", ascending=False) - 1) / max(active.sum(), 1)
    now = np.searchsorted(CUTS, place, side="right")
    if previous is not None:
        levels = {name: float(level) for level, name in enumerate(TIERS)}
        before = frame.loc[active, "customer_id"].map(previous).map(levels).to_numpy(float)
        highest = np.searchsorted(np.multiply(CUTS, 1 - MARGIN), place, side="right")
        lowest = np.searchsorted(np.multiply(CUTS, 1 + MARGIN), place, side="right")
        # Highest level reached even with the margin against the customer is `highest`; lowest is with it in favour.
        now = np.where(np.isnan(before), now, np.clip(np.nan_to_num(before), lowest, highest)).astype(int)
    result = pd.Series(INACTIVE, index=frame.index, dtype=object)
    result[active] = np.array(TIERS, dtype=object)[now]
    return result


def tiers_through(frames: Sequence[pd.DataFrame]) -> pd.Series:
    """Tier on the last date, carried from date to date (oldest first).

    The chain is computed from the features of earlier dates, not read from earlier scores, so that a rebuild from
    nothing gives the same tiers. Its dates lie a churn horizon apart, counted back from the as-of day, so the chain of
    the next day has other dates, and a customer near a border may change tier between the two although neither chain
    flickers. Releases a horizon apart share their dates.
    """
    previous: pd.Series | None = None
    result = pd.Series(dtype=object)
    for frame in frames:
        result = tiers(frame, previous)
        previous = pd.Series(result.to_numpy(), index=frame["customer_id"])
    return result
