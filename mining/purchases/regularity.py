"""How regular the gaps between purchases are: the number of stages k of Erlang gaps, chosen by likelihood.

Given the first and the last of x + 1 purchases, the shares that the x gaps have of the time between follow a Dirichlet
distribution with all parameters k, whatever the customer's rate and however long the customer stays. So k is learned
from the shares alone (as in Wheat & Morrison 1990, "Estimating purchase regularity with two interpurchase times",
Journal of Marketing Research 27), before any purchase model is fitted. k = 1 is chance: no rhythm.

Gaps are those of the calendar. A season makes them more unequal, and so errs towards chance.
"""

import numpy as np
import pandas as pd
from scipy.special import gammaln

from mining.purchases.history import Floats

COLUMNS = frozenset({"purchase_days", "active_span_days", "gap_log_mean"})
"""The feature columns that it reads."""
MOST_STAGES = 8
ERRORS = 3.0
"""Standard errors, over customers, by which the gaps must be likelier with a rhythm than by chance."""


CHANCE = 1
"""k of gaps that show no rhythm."""


def learn_stages(frame: pd.DataFrame) -> int:
    """Learn k from the customers known on a day; 1 where chance explains the gaps.

    Parameters
    ----------
    frame
        Features of the customers, sorted by customer_id.
    """
    known = frame[frame["purchase_days"] > 2]
    if not len(known):
        return CHANCE
    gaps = known["purchase_days"].to_numpy(float) - 1
    evenness = gaps * (known["gap_log_mean"].to_numpy(float) - np.log(known["active_span_days"].to_numpy(float)))
    by_chance = _log_likelihood(gaps, evenness, 1)
    gains = [_log_likelihood(gaps, evenness, k) - by_chance for k in range(1, MOST_STAGES + 1)]
    best = max(range(len(gains)), key=lambda place: float(gains[place].sum()))
    gain = float(gains[best].sum())
    return best + 1 if gain > ERRORS * float(np.sqrt(np.sum(gains[best] ** 2))) else CHANCE


def _log_likelihood(gaps: Floats, evenness: Floats, stages: int) -> Floats:
    """Log-density of the shares, a symmetric Dirichlet distribution; `evenness` is the sum of their logarithms."""
    density = gammaln(stages * gaps) - gaps * gammaln(stages) + (stages - 1) * evenness
    return np.asarray(density, dtype=np.float64)
