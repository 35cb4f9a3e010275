"""What the learners see of a customer: behaviour before the campaign, on scales on which it is roughly even."""

import numpy as np
import pandas as pd

from mining.evaluation import Floats

COUNTS = (
    "recency_days",
    "tenure_days",
    "purchase_days",
    "purchase_days_28d",
    "purchase_days_84d",
    "purchase_days_365d",
)
COLUMNS = frozenset({*COUNTS, "net_sales"})
"""Feature columns, of the eve of a campaign and of the as-of day alike."""
NAMES = (*COUNTS, "net_sales_per_purchase_day", "purchase_days_per_week")


def design(frame: pd.DataFrame) -> Floats:
    """Return the inputs of customers, shape (customers, len(NAMES)): logarithms of 1 + the value.

    The rate has half a year added to the days, so that one early purchase is no rhythm.
    """
    counts = [frame[name].to_numpy(float) for name in COUNTS]
    days = frame["purchase_days"].to_numpy(float)
    spend = np.maximum(frame["net_sales"].to_numpy(float), 0.0) / np.maximum(days, 1.0)
    rate = 7 * days / (frame["tenure_days"].to_numpy(float) + 182)
    return np.log1p(np.column_stack([*counts, spend, rate]))
