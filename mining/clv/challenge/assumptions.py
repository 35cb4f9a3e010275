"""What models of spend assume, tested on the last holdout: amounts hold over time and do not depend on frequency."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mining.clv.evaluation import RESAMPLES, SEED
from mining.clv.holdout import Judged
from mining.clv.models import spend_of
from mining.evaluation import resampled_sums, row
from mining.purchases.history import Floats

LEAST_BUYERS = 100
"""Customers who have paid in the holdout; fewer say nothing."""


class SpendCheck(NamedTuple):
    """Rows of metrics, and what they say in a sentence."""

    rows: list[dict[str, Any]]
    sentence: str


def check_spend(judged: Judged, after: pd.DataFrame) -> SpendCheck:
    """Compare what customers paid per purchase in the holdout with what was expected of them.

    Two ratios with 95 % intervals, resampling customers: paid over expected of all, and the same of those who had
    bought more often than the median over that of the others. 1 where the assumptions hold.

    Parameters
    ----------
    judged
        The last holdout.
    after
        Features of its last day.
    """
    later = after.set_index("customer_id").loc[judged.frame["customer_id"]]
    before, now = spend_of(judged.frame), spend_of(later)
    times, paid = now[0] - before[0], now[1] - before[1]
    bought = times > 0
    if bought.sum() < LEAST_BUYERS:
        return SpendCheck(
            [], f"What spend depends on is not tested: {int(bought.sum())} customers paid in the holdout."
        )
    expected = (times * judged.fitted.scorer.spend.expected_spend(*before))[bought]
    visits = judged.frame["purchase_days"].to_numpy(float)[bought]
    often = (visits > np.median(visits)).astype(np.float64)
    sums = np.stack([often * paid[bought], often * expected, (1 - often) * paid[bought], (1 - often) * expected])
    draws = resampled_sums(sums, seed=SEED, resamples=RESAMPLES)
    total, size = sums.sum(axis=1)[None, :], len(expected)
    over_time, by_frequency = ((float(of(total)[0]), _interval(of(draws))) for of in (_of_all, _of_frequent))
    return SpendCheck(
        [
            row("all", "spend_paid_over_expected", size, over_time[0], interval=over_time[1]),
            row("all", "spend_frequent_over_others", size, by_frequency[0], interval=by_frequency[1]),
        ],
        f"Spend per purchase {_said(over_time, 'over time')}, and {_said(by_frequency, 'over frequency')}.",
    )


def _said(found: tuple[float, tuple[float, float]], over: str) -> str:
    value, (low, high) = found
    certain = f"changes {over}, which is not modelled" if low > 1 or high < 1 else f"holds {over}"
    return f"{certain} ({value:.3f} times what was expected, {low:.3f} to {high:.3f})"


def _of_all(sums: Floats) -> Floats:
    return np.asarray((sums[:, 0] + sums[:, 2]) / (sums[:, 1] + sums[:, 3]))


def _of_frequent(sums: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((sums[:, 0] / sums[:, 1]) / (sums[:, 2] / sums[:, 3]))


def _interval(draws: Floats) -> tuple[float, float]:
    known = draws[np.isfinite(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
