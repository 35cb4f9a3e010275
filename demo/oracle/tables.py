"""The oracle as tables of `$CRM_HOME/truth/`: one row per person, and one per person and count."""

import numpy as np
import pyarrow as pa

from demo.oracle.oracle import Oracle

DIGITS = 9  # sums of doubles are published rounded
CERTAIN = 1 - 1e-6  # counts are listed until they are as likely as this


def oracle_table(oracle: Oracle) -> pa.Table:
    """Return person_id and what is expected of each person."""
    forecasts = {
        name: np.round(getattr(oracle, name), DIGITS)
        for name in ("expected_purchases", "p_alive", "p_no_purchase_28d", "expected_value")
    }
    return pa.table({"person_id": oracle.person, **forecasts, "is_exact": np.full(len(oracle.person), oracle.is_exact)})


def counts_table(oracle: Oracle) -> pa.Table:
    """Return person_id, k, probability_at_most: P(purchase days in the horizon <= k), up to where it is certain."""
    cdf = oracle.count_cdf
    before = np.concatenate((np.zeros((len(cdf), 1)), cdf[:, :-1]), axis=1)
    row, k = np.nonzero(before < CERTAIN)
    return pa.table(
        {
            "person_id": oracle.count_person[row],
            "k": k.astype(np.int32),
            "probability_at_most": np.round(cdf[row, k], DIGITS),
        }
    )
