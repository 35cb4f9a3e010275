"""One chance of no purchase per customer and horizon, all of them from one purchase clock.

The purchase model says P(no purchase in h days) for every h, and never says more for a longer h. What else is known of
a customer moves the log-odds of the first horizon; the log-odds of the longer ones are moved by as much (proportional
odds: McCullagh 1980, "Regression models for ordinal data", JRSS B 42). A shift that is the same at every horizon keeps
their order, so a longer horizon is never likelier to pass without a purchase.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from mining.churn.model import CLIP, ChurnModel
from mining.evaluation import Floats

TINY = 1e-12
"""How near the purchase model's probability comes to 0 and 1 before its log-odds are taken."""
DIGITS = 6


def forecast(model: ChurnModel, frame: pd.DataFrame, first: Floats, longer: Sequence[int]) -> Floats:
    """Return the probability of no purchase within each longer horizon.

    Parameters
    ----------
    model
        The churn model, which has the purchase model of its day.
    frame
        Features of the customers.
    first
        Probability of no purchase within the model's own horizon, shape (customers,).
    longer
        Horizons in days, ascending, all longer than the model's own.

    Returns
    -------
    ndarray
        Probabilities with six digits, shape (horizons, customers), none above the one before it or above `first`.

    Raises
    ------
    ValueError
        The model has no purchase model, so it knows one horizon only.
    """
    if model.timing is None:
        raise ValueError("a churn model without a purchase model has one horizon")
    timing = model.timing
    odds = [_log_odds(timing.no_purchase(frame, days)) for days in (model.horizon_days, *longer)]
    moved = [expit(logit(first) + at - odds[0]) for at in odds[1:]]
    rounded = np.round(np.clip(np.reshape(moved, (len(longer), len(frame))), CLIP, 1 - CLIP), DIGITS)
    # What rounding of the last bit could break is kept: the order of the horizons.
    ordered = np.minimum.accumulate(np.vstack([first, rounded]), axis=0)
    return np.asarray(ordered[1:], dtype=np.float64)


def _log_odds(probability: Floats) -> Floats:
    return np.asarray(logit(np.clip(probability, TINY, 1 - TINY)), dtype=np.float64)
