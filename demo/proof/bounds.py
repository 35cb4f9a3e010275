"""When a figure is right: the issue's bounds, and how far chance may move a figure in a small company.

From `STRICT_FROM` customers on the bounds hold as they stand. Below, a figure may be off by `ERRORS` standard errors
more: with 5,000 customers a perfect forecast misses ±3 % of a year's purchases about every other time, and a proof that
fails at random proves nothing. The standard errors are those of the figure over customers drawn at random, so a bound
widens only as far as this company's size makes it, and a wrong model still falls out of it (tests/demo).
"""

import math

from demo.proof.statistics import Estimate

STRICT_FROM = 50_000
ERRORS = 3.0


def allowance(error: float, customers: int) -> float:
    """What chance may add to a bound: nothing in a large company."""
    if customers >= STRICT_FROM or not math.isfinite(error):
        return 0.0
    return ERRORS * error


def over_naive(error: float, customers: int) -> float:
    """What chance may make worse than the naive baseline: one standard error, as the model has to win, not to draw."""
    return allowance(error, customers) / ERRORS


def around(target: float, tolerance: float, estimate: Estimate, customers: int) -> tuple[float, float]:
    """Bounds of a figure that should be `target`, give or take."""
    width = tolerance + allowance(estimate.error, customers)
    return target - width, target + width


def is_within(value: float, low: float | None, high: float | None) -> bool:
    """Whether a value is a number and keeps its bounds."""
    return math.isfinite(value) and (low is None or value >= low) and (high is None or value <= high)
