"""Recency, frequency and monetary scores, and the named segments that follow from worth and absence.

Hughes (1994), Strategic Database Marketing. A score says how many customers one is above: p, the share of customers
with a smaller value, scores 1 from 0, 2 from a fifth, up to 5 from four fifths. Equal values get equal scores, a mass
of equal values is not lifted by its size, and the order of rows never matters, at the price of fifths that are not
exactly equal in size.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mining.purchases.rhythm import LATE, Levels
from mining.segments.lifecycle import CODE, STAGES
from mining.segments.table import COLUMNS, ONCE, ROWS, read_segments

SCORES = 5


def scores(values: ArrayLike) -> NDArray[np.int32]:
    """Score 1 to 5 by the share p of customers with a smaller value: floor(5 p) + 1. Where all are equal, all score 1.

    Parameters
    ----------
    values
        Shape (customers,), larger is better, no unknown values.
    """
    below = pd.Series(values, dtype=float).rank(method="min").to_numpy().astype(np.int64) - 1
    return (SCORES * below // max(len(below), 1) + 1).astype(np.int32)


def rfm(frame: pd.DataFrame) -> pd.DataFrame:
    """Score customers.

    Recency is days since the last purchase, fewer is better. Frequency is days with a purchase: two baskets on one day
    are one visit. Monetary is net sales of the last 365 days, since a score that steers today's attention should not
    live on sales of years ago; frequency carries the history.

    Returns
    -------
    DataFrame
        recency_score, frequency_score, monetary_score; the index of `frame`.
    """
    return pd.DataFrame(
        {
            "recency_score": scores(-frame["recency_days"]),
            "frequency_score": scores(frame["purchase_days"]),
            "monetary_score": scores(frame["net_sales_365d"]),
        },
        index=frame.index,
    )


def segments(frame: pd.DataFrame, scored: pd.DataFrame, stage: NDArray[np.int8], away: Levels) -> pd.DataFrame:
    """Name each customer's segment.

    Parameters
    ----------
    frame
        Features of all customers on one date.
    scored
        Their `rfm`.
    stage
        Their lifecycle stage, a place in `mining.segments.lifecycle.STAGES`.
    away
        What their absence means (`mining.purchases.rhythm`).

    Returns
    -------
    DataFrame
        segment_id, segment_name; the index of `frame`.
    """
    worth = ((scored["frequency_score"] + scored["monetary_score"] + 1) // 2).to_numpy()
    column = np.where(frame["purchase_days"].to_numpy() > 1, worth, ONCE)
    slips = (stage == CODE["declining"]) | ((stage == CODE["stable"]) & (away >= LATE))
    rows = np.array([ROWS.index(name) if name in ROWS else ROWS.index("steady") for name in STAGES])
    row = np.where(slips, ROWS.index("slipping"), rows[stage])
    grid, table = read_segments(), np.zeros((len(ROWS), len(COLUMNS)), dtype=np.int64)
    for number, ((name, place), _) in enumerate(grid.items()):
        table[ROWS.index(name), place] = number
    found = pd.DataFrame(list(grid.values()), columns=["segment_id", "segment_name"])
    named = found.iloc[table[row, column]].set_index(frame.index)
    return named.astype({"segment_id": np.int32, "segment_name": object})
