"""When a figure is right: its bounds, and how far chance may move it in a small company.

From `STRICT_FROM` customers on the bounds hold as they stand. Below, a figure may be off by `ERRORS` standard errors
more: with 5,000 customers a perfect forecast misses ±3 % of a year's purchases about every other time, and a proof that
fails at random proves nothing. The standard errors are those of the figure over customers drawn at random, so a bound
widens only as far as this company's size makes it, and a wrong model still falls out of it (tests/demo).
"""

import math

from demo.proof.statistics import Estimate, Floats, difference, mean

STRICT_FROM = 50_000
ERRORS = 3.0


def allowance(error: float, customers: int) -> float:
    """Return what chance may add to a bound: nothing in a large company."""
    if customers >= STRICT_FROM or not math.isfinite(error):
        return 0.0
    return ERRORS * error


def over_naive(error: float, customers: int) -> float:
    """Return by how much chance may make a figure worse than the naive baseline: one standard error."""
    return allowance(error, customers) / ERRORS


def near_oracle(share: float, ours: Floats, theirs: Floats, overall: float, customers: int) -> float:
    """Return the highest mean loss over all persons that is near the oracle's.

    Parameters
    ----------
    share
        What the mean loss over the oracle's sample may be, as a share of the oracle's.
    ours, theirs
        Losses of the sampled persons, shape (n,).
    overall
        Our mean loss over all persons: the bound is moved by as much as they differ from the sample.
    customers
        Size of the company.
    """
    highest = share * mean(theirs) + allowance(difference(ours, theirs).error, customers)
    return highest * overall / mean(ours)


def around(target: float, tolerance: float, estimate: Estimate, customers: int) -> tuple[float, float]:
    """Return bounds around the target of a figure."""
    width = tolerance + allowance(estimate.error, customers)
    return target - width, target + width


def is_within(value: float, low: float | None, high: float | None) -> bool:
    """Return whether a value is a number within its bounds."""
    return math.isfinite(value) and (low is None or value >= low) and (high is None or value <= high)
