"""The churn models that are compared, and which of them the earlier cut-offs favour."""

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from mining.churn.families import PURCHASE_ODDS
from mining.churn.model import ChurnModel, averaged, fit, purchases_alone, with_purchase_odds
from mining.evaluation import Floats
from mining.purchases.timing import PurchaseTiming

PURCHASES, AVERAGE, STACKED = "purchases", "average", "stacked"
MEANINGS = {
    PURCHASES: "the purchase model's own probability",
    AVERAGE: "the mean of the purchase model's log-odds and those of a logistic regression on them and other inputs",
    STACKED: "a logistic regression on the purchase model's log-odds and other inputs",
}
WITHOUT_PURCHASES = "a logistic regression, since no purchase model can be fitted"
FIRST, LAST, CHOOSING = 2, 11, 4
"""Of the cut-offs, counted in horizons back from the as-of day, the first and the last that may choose, and how many do
at most: spread over the year before the one that judges."""
LEARNED, FEWEST = 0.5, 6
"""A cut-off chooses where its candidates learn from at least this share of all cut-offs, and from half a year of them.

What a regression loses for want of data falls with 1/cut-offs, so that early ones would speak of a model that has
learned less than the published one."""
DIGITS = 4

Labelled = tuple[pd.DataFrame, Floats]


class Candidates(NamedTuple):
    """Models fitted on what was known on one day, by name."""

    models: dict[str, ChurnModel]
    timing: PurchaseTiming | None

    def log_losses(self, test: Labelled) -> dict[str, float]:
        """Log loss of each on a later cut-off."""
        frame, outcome = test
        return {
            name: float(log_loss(outcome, model.predict(frame), labels=[0, 1])) for name, model in self.models.items()
        }


def fit_candidates(
    training: Labelled, timing: PurchaseTiming | None, inputs: tuple[str, ...], gap: float, horizon: int
) -> Candidates:
    """Fit every candidate on the rows of the cut-offs before a day, with the purchase model of that day.

    The purchase model's parameters, a dozen and a half for all customers, are those of the day for the earlier rows
    too; the day's own outcome is in none of them.
    """
    frame, outcome = training
    rows = with_purchase_odds(frame, timing, horizon)
    names = tuple(name for name in inputs if name != PURCHASE_ODDS)
    if timing is None:
        return Candidates({STACKED: fit((rows, outcome), names, gap, None, horizon)}, None)
    stacked = fit((rows, outcome), (PURCHASE_ODDS, *names), gap, timing, horizon)
    alone = purchases_alone(rows[PURCHASE_ODDS].to_numpy(float), gap, timing, horizon)
    return Candidates({PURCHASES: alone, AVERAGE: averaged(stacked), STACKED: stacked}, timing)


def choosing(cut_offs: int) -> list[int]:
    """Return the cut-offs that choose, of so many, the latest first: evenly spread, and one at least.

    Examples
    --------
    >>> choosing(26), choosing(16), choosing(9), choosing(3)
    ([2, 5, 8, 11], [2, 4, 6, 8], [2, 3], [2])
    """
    last = max(min(int(cut_offs * (1 - LEARNED)), cut_offs - FEWEST, LAST), FIRST)
    return [int(k) for k in np.round(np.linspace(FIRST, last, min(CHOOSING, last - FIRST + 1)))]


def choose(losses: Mapping[dt.date, Mapping[str, float]], sizes: Mapping[dt.date, int]) -> tuple[str, dict[str, float]]:
    """Return the name with the smallest mean log loss over customers and cut-offs, and the mean of each.

    Equal to four digits, the simpler one is chosen: the order of `MEANINGS`. A candidate that a cut-off does not have
    is not compared.
    """
    names = [name for name in MEANINGS if all(name in loss for loss in losses.values())]
    weights = np.array([sizes[day] for day in losses], dtype=np.float64)
    means = {name: float(np.average([loss[name] for loss in losses.values()], weights=weights)) for name in names}
    best = min(names, key=lambda name: (round(means[name], DIGITS), names.index(name)))
    return best, {name: round(mean, 6) for name, mean in means.items()}
