"""How often a customer may be expected to buy: own gaps between purchases, shrunk towards the typical customer's."""

import numpy as np
import pandas as pd

from mining.evaluation import Floats

PSEUDO_GAPS = 2.0
"""Weight, in gaps between purchases, of the typical customer's rhythm in the rhythm of one customer."""


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
