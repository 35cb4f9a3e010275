"""Recency, frequency and monetary scores, and the named segments that follow from worth and absence.

Hughes (1994), Strategic Database Marketing. A score says how many customers one is above: p, the share of customers
with a smaller value, scores 1 from 0, 2 from a fifth, up to 5 from four fifths. Equal values get equal scores, a mass
of equal values is not lifted by its size, and the order of rows never matters, at the price of fifths that are not
exactly equal in size.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mining.rhythm import LATE, absence, typical_rhythm

SCORES = 5

SEGMENTS = (
    "Champions",
    "Loyal",
    "Potential loyalists",
    "New or occasional",
    "Need attention",
    "Cannot lose",
    "At risk",
    "About to sleep",
    "Hibernating",
    "Lost",
)
"""By value to the company, best first. `segment_id` is the place in this list, from 1: ids never change meaning."""

_GRID = """
new      | New or occasional | New or occasional   | New or occasional   | Potential loyalists | Potential loyalists | Potential loyalists
won_back | New or occasional | Potential loyalists | Potential loyalists | Potential loyalists | Potential loyalists | Potential loyalists
steady   | New or occasional | Potential loyalists | Potential loyalists | Potential loyalists | Loyal               | Champions
slipping | About to sleep    | About to sleep      | About to sleep      | Need attention      | Loyal               | Loyal
dormant  | Hibernating       | Hibernating         | Hibernating         | At risk             | At risk             | Cannot lose
lost     | Lost              | Lost                | Lost                | Lost                | Lost                | Lost
"""  # noqa: E501  a table
"""Rows: what the customer is doing. Columns: bought on one day only; then by worth, the mean of frequency and monetary
score, 1 to 5, halves rounded up.

The row is the lifecycle stage; growing, stable and declining are steady or, where a customer buys less than before or
is late by the own rhythm, slipping. So a segment cannot contradict the stage, and no score alone makes a claim: whoever
bought on one day is neither loyal nor at risk, whatever the amount.
"""  # fmt: skip
ONCE = 0


def _read_grid() -> dict[tuple[str, int], str]:
    rows = [[cell.strip() for cell in line.split("|")] for line in _GRID.strip().splitlines()]
    return {(row[0], column): name for row in rows for column, name in enumerate(row[1:], start=ONCE)}


GRID = _read_grid()


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


def segments(frame: pd.DataFrame, scored: pd.DataFrame, stage: pd.Series) -> pd.DataFrame:
    """Name each customer's segment.

    Parameters
    ----------
    frame
        Features of all customers on one date.
    scored
        Their `rfm`.
    stage
        Their lifecycle stage.

    Returns
    -------
    DataFrame
        segment_id, segment_name; the index of `frame`.
    """
    worth = (scored["frequency_score"] + scored["monetary_score"] + 1) // 2
    column = np.where(frame["purchase_days"] > 1, worth, ONCE)
    is_late = absence(frame, typical_rhythm(frame)) >= LATE
    slips = (stage == "declining") | ((stage == "stable") & is_late)
    row = stage.mask(stage.isin(["growing", "stable", "declining"]), np.where(slips, "slipping", "steady"))
    names = [GRID[key] for key in zip(row.tolist(), column.tolist(), strict=True)]
    return pd.DataFrame(
        {"segment_id": [SEGMENTS.index(name) + 1 for name in names], "segment_name": names}, index=frame.index
    ).astype({"segment_id": np.int32})
