"""How often customers go from one stage to another within a month, and how long they stay, with intervals."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from mining.effects.means import CONFIDENCE
from mining.segments.histories import Floats
from mining.segments.lifecycle import STAGES

NORMAL = float(norm.isf((1 - CONFIDENCE) / 2))


def transitions(months: NDArray[np.int8]) -> pd.DataFrame:
    """Count the months that began in a stage, and how they ended.

    The months of one customer are alike, so the interval is Wilson's (1927) for as many independent months as have the
    variance between customers: n divided by the design effect (Kish 1965, Survey Sampling, 8.2), and never more than n.
    Where nobody or everybody moved, nothing is seen of the variance, and each customer counts once.

    The expected time in a stage is months spent over exits. By Little's law (1961) it is the mean stay, whatever its
    distribution, as long as as many customers come into a stage as leave it.

    Parameters
    ----------
    months
        How many months of each customer began in stage i and ended in j, shape (customers, stages, stages).

    Returns
    -------
    DataFrame
        One row per pair of stages of which the first was seen: from_stage, to_stage, customers (in the first), months,
        moves, probability, and its limits; expected_months and its limits where both stages are the same.
    """
    rows = []
    for i, stage in enumerate(STAGES):
        number = months[:, i, :].sum(axis=1, dtype=np.int64)
        if seen := int((number > 0).sum()):
            moved = months[number > 0, i, :].astype(np.int64)
            share, low, high = shares(moved, number[number > 0])
            rows += [
                (stage, to, seen, int(number.sum()), int(moved[:, j].sum()), share[j], low[j], high[j])
                for j, to in enumerate(STAGES)
            ]
    limits = ["probability", "probability_low", "probability_high"]
    found = pd.DataFrame(rows, columns=["from_stage", "to_stage", "customers", "months", "moves", *limits])
    for name, probability in zip(("", "_low", "_high"), limits, strict=True):
        leaves = (1 - found[probability]).where(found["from_stage"] == found["to_stage"])
        found[f"expected_months{name}"] = (1 / leaves.where(leaves > 0)).round(4)
    return found.round(dict.fromkeys(limits, 6))


def shares(moved: NDArray[np.int64], number: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Return shares with their limits, of customers with several months each.

    Parameters
    ----------
    moved
        Months that ended in each stage, shape (customers, stages).
    number
        All months, shape (customers,), none of them zero.
    """
    customers, total = len(number), number.sum()
    share = moved.sum(axis=0) / total
    squares = (moved**2).sum(axis=0) - 2 * share * (moved * number[:, None]).sum(axis=0) + share**2 * (number**2).sum()
    variance = squares * customers / max(customers - 1, 1) / total**2
    with np.errstate(divide="ignore", invalid="ignore"):
        independent = np.where(variance > 1e-12, share * (1 - share) / variance, customers)
    low, high = wilson(share, np.minimum(independent, total))
    return share, low, high


def wilson(share: Floats, number: Floats) -> tuple[Floats, Floats]:
    """Limits of a share of `number` independent cases (Wilson 1927, JASA 22, 209-212)."""
    spread = NORMAL**2 / number
    middle = (share + spread / 2) / (1 + spread)
    half = NORMAL / (1 + spread) * np.sqrt(share * (1 - share) / number + spread / (4 * number))
    return np.where(share == 0, 0.0, middle - half), np.where(share == 1, 1.0, middle + half)
