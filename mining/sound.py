"""Whether scores are what they claim to be, before they are written.

The gate would stop the release for one that is not, and that is no reason to publish nothing else: the job is refused
(`pipeline.attempt`).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mining.segments.rfm import SCORES, SEGMENTS
from pipeline.attempt import Refusal

LARGEST = 1e16
"""Money is decimal(18, 2)."""
SHARE, COUNT, MONEY = (0.0, 1.0), (0.0, np.inf), (0.0, LARGEST)


class Claims(NamedTuple):
    """What a scored customer has: numbers within limits, numbers in ascending order, texts."""

    numbers: Mapping[str, tuple[float, float]]
    ascending: Sequence[str] = ()
    texts: Sequence[str] = ()


CLAIMS = {
    "segments": Claims(
        {
            **dict.fromkeys(("recency_score", "frequency_score", "monetary_score"), (1.0, float(SCORES))),
            "segment_id": (1.0, float(len(SEGMENTS))),
        },
        texts=("segment_name", "tier", "lifecycle_stage"),
    ),
    "clv": Claims(
        {
            "p_alive": SHARE,
            "expected_purchases": COUNT,
            **dict.fromkeys(("expected_spend", "clv_future", "value_if_stays", "value_if_leaves"), MONEY),
            **dict.fromkeys(("clv_future_p10", "clv_future_p50", "clv_future_p90"), MONEY),
        },
        ascending=("clv_future_p10", "clv_future_p50", "clv_future_p90"),
    ),
    "churn": Claims({"churn_probability": SHARE}, texts=("risk_band",)),
}
"""By job. Customers whose `unavailable_reason` says why they have no score claim nothing."""


def check(job: str, scored: pd.DataFrame, customers: pd.Series) -> None:
    """Check the scores of a job.

    Parameters
    ----------
    job
        A key of `CLAIMS`.
    scored
        Its scores, one row per customer.
    customers
        customer_id of everybody whom the features know.

    Raises
    ------
    Refusal
        A customer has no row or two, or a score that is no finite number, out of its limits or missing.
    """
    ids = scored["customer_id"]
    if len(ids) != len(customers) or not ids.is_unique or not ids.isin(customers).all():
        raise Refusal(f"the scores have {len(scored):,} rows for {len(customers):,} customers, not one for each")
    rows = scored[scored["unavailable_reason"].isna()]
    claims = CLAIMS[job]
    values = {name: rows[name].astype(float).to_numpy() for name in claims.numbers}
    for name, (low, high) in claims.numbers.items():
        _refuse(rows, ~np.isfinite(values[name]), f"{name} is no finite number")
        _refuse(rows, (values[name] < low) | (values[name] > high), f"{name} is not within {low:g} and {high:g}")
    for lower, upper in zip(claims.ascending, claims.ascending[1:], strict=False):
        _refuse(rows, values[lower] > values[upper], f"{lower} is above {upper}")
    for name in claims.texts:
        _refuse(rows, rows[name].isna().to_numpy(), f"{name} is missing")


def _refuse(rows: pd.DataFrame, is_wrong: NDArray[np.bool_], problem: str) -> None:
    if is_wrong.any():
        raise Refusal(f"{problem} for {int(is_wrong.sum()):,} of {len(rows):,} scored customers")
