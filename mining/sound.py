"""Whether scores are what they claim to be, before they are written.

The gate would stop the release for one that is not, and that is no reason to publish nothing else: the job is refused
(`pipeline.base.attempt`).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.base.attempt import Refusal

LARGEST = 1e14
"""An amount is decimal(18, 4)."""
SHARE, COUNT, AMOUNT, ANY = (0.0, 1.0), (0.0, np.inf), (0.0, LARGEST), (-np.inf, np.inf)


class Claims(NamedTuple):
    """What a scored row has: numbers within limits, numbers in ascending order, texts; and the columns of its key."""

    numbers: Mapping[str, tuple[float, float]]
    ascending: Sequence[str] = ()
    texts: Sequence[str] = ()
    key: Sequence[str] = ("customer_id",)

    @property
    def is_of_customers(self) -> bool:
        """Whether everybody whom the features know has a row."""
        return tuple(self.key) == ("customer_id",)


def check(scored: pd.DataFrame, claims: Claims, customers: pd.Series | None) -> None:
    """Check the scores of a job.

    Parameters
    ----------
    scored
        Its scores. Customers whose `unavailable_reason` says why they have no score claim nothing.
    claims
        What the others have.
    customers
        customer_id of everybody whom the features know; None where the rows are of something else.

    Raises
    ------
    Refusal
        A customer has no row or two, or a score that is no finite number, out of its limits or missing.
    """
    repeats = scored.duplicated(list(claims.key)).any()
    if customers is not None:
        if repeats or set(scored["customer_id"]) != set(customers):
            raise Refusal(f"the scores have {len(scored):,} rows for {len(customers):,} customers, not one for each")
    elif repeats:
        raise Refusal(f"there is more than one row for a key ({', '.join(claims.key)})")
    rows = scored[scored["unavailable_reason"].isna()]
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
