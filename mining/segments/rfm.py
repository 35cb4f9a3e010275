"""Recency, frequency and monetary scores, and the named segments that follow from them.

Hughes (1994), Strategic Database Marketing. Scores are quintiles of the mid-rank: customers with equal values get
equal scores, and the order of rows never matters, at the price of fifths that are not exactly equal in size.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

SCORES = 5
ACTIVE_DAYS = 365

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
R 5 | New or occasional | Potential loyalists | Potential loyalists | Loyal     | Champions
R 4 | New or occasional | Potential loyalists | Loyal               | Loyal     | Champions
R 3 | About to sleep    | About to sleep      | Need attention      | Loyal     | Loyal
R 2 | Hibernating       | Hibernating         | At risk             | At risk   | Cannot lose
R 1 | Lost              | Lost                | Hibernating         | At risk   | Cannot lose
"""
"""Rows: recency score. Columns: mean of frequency and monetary score, 1 to 5, halves rounded up.

Who bought nothing in the last 365 days is read in the row R 1: in a company that mostly has former customers a rank in
the middle is still an absence of more than a year.
"""


def _read_grid() -> dict[tuple[int, int], str]:
    rows = [[cell.strip() for cell in line.split("|")] for line in _GRID.strip().splitlines()]
    return {(int(row[0][2:]), column): name for row in rows for column, name in enumerate(row[1:], start=1)}


GRID = _read_grid()


def quintile_scores(values: ArrayLike) -> NDArray[np.int32]:
    """Score 1 (lowest fifth) to 5 (highest fifth), equal values alike.

    A value's place is its mid-rank: (customers below + half of the customers equal, itself included) / customers.
    Place p scores ceil(5 p). When everybody is equal, everybody scores 3.

    Parameters
    ----------
    values
        Shape (customers,), larger is better, no unknown values.
    """
    ranks = pd.Series(values, dtype=float).rank(method="average").to_numpy()
    # In halves and integers: rank - 1/2 = customers below + half of the equal ones, exactly.
    twice = (2 * ranks - 1).astype(np.int64)
    return np.minimum(SCORES * twice // (2 * max(len(ranks), 1)) + 1, SCORES).astype(np.int32)


def rfm(frame: pd.DataFrame) -> pd.DataFrame:
    """Score customers and name their segment.

    Recency is days since the last purchase, fewer is better. Frequency is days with a purchase: two baskets on one day
    are one visit. Monetary is net sales of the last 365 days, since a score that steers today's attention should not
    live on sales of years ago; frequency carries the history.

    Returns
    -------
    DataFrame
        recency_score, frequency_score, monetary_score, segment_id, segment_name; the index of `frame`.
    """
    recency = quintile_scores(-frame["recency_days"])
    frequency = quintile_scores(frame["purchase_days"])
    monetary = quintile_scores(frame["net_sales_365d"])
    worth = (frequency + monetary + 1) // 2
    row = np.where(frame["recency_days"] < ACTIVE_DAYS, recency, 1)
    names = [GRID[r, w] for r, w in zip(row.tolist(), worth.tolist(), strict=True)]
    return pd.DataFrame(
        {
            "recency_score": recency,
            "frequency_score": frequency,
            "monetary_score": monetary,
            "segment_id": [SEGMENTS.index(name) + 1 for name in names],
            "segment_name": names,
        },
        index=frame.index,
    ).astype({"segment_id": np.int32})
