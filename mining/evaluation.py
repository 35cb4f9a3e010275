"""What every judged model reports: groups of customers, rows of metrics, the days that it learned from."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DIGITS = 6
CELLS = 50_000
"""Customers, or groups of them, that are drawn with replacement, at most."""
COLUMNS = frozenset({"is_left_truncated", "purchase_days"})
"""The feature columns that tell the strata apart."""
NO_WINDOW: dict[str, str | None] = dict.fromkeys(
    ("train_window_start", "train_window_end", "holdout_start", "holdout_end")
)
"""The days of `window` of what has learned nothing."""


def strata(frame: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Split customers into the groups that a reader may want to see apart."""
    truncated = frame["is_left_truncated"].to_numpy(bool)
    once = (frame["purchase_days"] == 1).to_numpy(bool)
    return {
        "all": np.ones(len(frame), bool),
        "left_truncated": truncated,
        "not_left_truncated": ~truncated,
        "one_time_buyers": once,
        "repeat_buyers": ~once,
    }


def resampled_sums(columns: Floats, *, seed: int, resamples: int) -> Floats:
    """Sums of per-customer columns (k, n) over customers drawn with replacement, shape (resamples, k).

    A draw is how often each customer is in it: counting is faster than copying the rows. Of many customers, groups of
    equal size are drawn, every `CELLS`-th customer in one: customers are independent, so sums vary as much.
    """
    random = np.random.default_rng(seed)
    if (each := columns.shape[1] // CELLS) > 1:
        whole = columns[:, : each * CELLS].reshape(len(columns), each, CELLS).sum(axis=1)
        whole[:, : columns.shape[1] - each * CELLS] += columns[:, each * CELLS :]
        columns = whole
    size = columns.shape[1]
    counts = (np.bincount(random.integers(0, size, size), minlength=size) for _ in range(resamples))
    return np.stack([columns @ count for count in counts])


def row(  # noqa: PLR0917  one argument per column
    stratum: str,
    metric: str,
    rows: int,
    value: float,
    baseline: float = float("nan"),
    interval: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """One row of `marts.model_metrics`, rounded; null where there is no number."""
    low, high = interval or (float("nan"), float("nan"))
    numbers = {"value": value, "baseline_value": baseline, "ci_low": low, "ci_high": high}
    known = {name: round(number, DIGITS) if np.isfinite(number) else None for name, number in numbers.items()}
    return {"stratum": stratum, "metric": metric, "rows": rows, **known}


def window(first: dt.date, holdout_after: dt.date | None, as_of: dt.date) -> dict[str, str | None]:
    """Days that a model learned from and was judged on; no holdout where there is no day to judge from."""
    return {
        "train_window_start": first.isoformat(),
        "train_window_end": (holdout_after or as_of).isoformat(),
        "holdout_start": (holdout_after + dt.timedelta(days=1)).isoformat() if holdout_after else None,
        "holdout_end": as_of.isoformat() if holdout_after else None,
    }


def refused(
    days: dict[str, str | None], parameters: dict[str, Any], baseline_name: str | None, problem: str
) -> dict[str, Any]:
    """Return the model of data that have too little to learn from: nothing but the reason."""
    return {
        **days,
        "parameters": parameters,
        "metrics": {},
        "baseline_name": baseline_name,
        "baseline_metrics": {},
        "model_metrics": [],
        "is_published": False,
        "decision": f"Not published: {problem}.",
        "is_converged": False,
        "model": None,
    }
