"""Whether an uplift learner orders customers better than chance: judged only on customers that it has not seen.

Customers are split into folds. Each fold but the first is ordered by what was learned on the folds before it, and its
estimate has mean zero, given those, where no order is to be found: so the mean over the folds, and its error, hold as
they stand (Wager 2024, Sequential Validation of Treatment Heterogeneity, arXiv:2405.05534). Usual cross-validation does
not have this property: its folds learn from each other, and it claims an order too often.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from mining.effects.power import POWER, power
from mining.evaluation import Floats
from mining.uplift.inputs import design
from mining.uplift.learners import FIT, LEARNERS, Flags, arms, effect_scores
from mining.uplift.rates import Rate, autoc_weights, qini_weights, rate

FOLDS = 5
LEVEL = 0.05
BEST_SHARE = 0.2
GAIN = 0.5
"""In the best fifth, the share of customers who buy grows by half: an effect that a list is worth being made for."""
QINI, AUTOC = "qini", "autoc"
WEIGHTS = {QINI: qini_weights, AUTOC: autoc_weights}


class Trial(NamedTuple):
    """The customers of a randomised campaign, in an order that neither arms nor outcomes decide."""

    inputs: Floats
    outcome: Floats
    is_treated: Flags

    @property
    def share(self) -> float:
        """Share that was assigned to the treated arm."""
        return float(self.is_treated.mean())

    def part(self, chosen: Flags) -> "Trial":
        """Some of the customers."""
        return Trial(self.inputs[chosen], self.outcome[chosen], self.is_treated[chosen])


def trial(rows: pd.DataFrame) -> Trial:
    """Read the rows of `features.campaign_customers` of one randomised campaign, in any order."""
    order = np.lexsort((rows["customer_id"], pd.util.hash_array(rows["customer_id"].to_numpy(object))))
    rows = rows.iloc[order]
    return Trial(design(rows), rows["outcome_purchases"].to_numpy(float), (rows["arm"] == "treated").to_numpy(bool))


def chance_to_find(found: Trial) -> float:
    """Return the chance to find the order that a list is worth being made for.

    Of the customers on whom the order is judged, the best fifth: the power of comparing its two arms, where the
    campaign makes the share of the control group that buys half as large again.
    """
    judged = BEST_SHARE * (FOLDS - 1) / FOLDS
    treated = int(found.is_treated.sum() * judged)
    control = int((~found.is_treated).sum() * judged)
    buyers = float((found.outcome[~found.is_treated] > 0).mean()) if control else 0.0
    return power(treated, control, buyers, GAIN * buyers) if buyers > 0 else 0.0


def is_large_enough(found: Trial) -> bool:
    """Whether the chance is 80 % or more."""
    return chance_to_find(found) >= POWER


def folds(found: Trial) -> NDArray[np.intp]:
    """Return the fold of each customer, 0 to FOLDS - 1: every fifth of an arm."""
    place = np.where(found.is_treated, np.cumsum(found.is_treated), np.cumsum(~found.is_treated))
    return place % FOLDS


def validate(found: Trial) -> dict[str, dict[str, Rate]]:
    """Judge the learners: of each, the Qini coefficient and AUTOC in purchases per customer, with standard errors."""
    of, share = folds(found), found.share
    estimates: dict[str, dict[str, list[Rate]]] = {name: {QINI: [], AUTOC: []} for name in LEARNERS}
    for fold in range(1, FOLDS):
        known, new = found.part(of < fold), found.part(of == fold)
        scores = effect_scores(*new, share, arms(*known))
        for name in LEARNERS:
            predicted = FIT[name](*known, share).predict(new.inputs)
            for measure, weights in WEIGHTS.items():
                estimates[name][measure].append(rate(predicted, scores, weights))
    return {name: {measure: _mean(each) for measure, each in of_one.items()} for name, of_one in estimates.items()}


def _mean(found: list[Rate]) -> Rate:
    values, errors = np.array(found).T
    return Rate(float(values.mean()), float(np.sqrt(np.sum(errors**2)) / len(found)))


def interval(found: Rate) -> tuple[float, float]:
    """Return the 95 % interval."""
    half = norm.isf(LEVEL / 2) * found.error
    return found.value - half, found.value + half


def p_value(found: Rate) -> float:
    """Return the chance of an estimate as high where no order is to be found."""
    return float(norm.sf(found.value / found.error)) if found.error > 0 else 1.0


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """Adjust p-values for their number (Holm 1979): the k-th smallest of m times m - k + 1, never below one before."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for place, name in enumerate(sorted(p_values, key=lambda name: (p_values[name], name))):
        highest = min(1.0, max(highest, p_values[name] * (len(p_values) - place)))
        adjusted[name] = highest
    return adjusted


def evidence(trials: dict[str, Trial]) -> dict[str, dict[str, Any]]:
    """Judge the campaigns of a day: see `validate`; `adjusted_p_value` is of the Qini coefficient of the DR-learner.

    Parameters
    ----------
    trials
        By campaign, those that are large enough.
    """
    found = {name: {"rates": validate(each)} for name, each in sorted(trials.items())}
    adjusted = holm({name: p_value(each["rates"][LEARNERS[0]][QINI]) for name, each in found.items()})
    return {name: {**each, "adjusted_p_value": adjusted[name]} for name, each in found.items()}


def is_found(of_campaign: dict[str, Any]) -> bool:
    """Whether a list may be made: both intervals above zero, and the first one after Holm's correction too."""
    rates = of_campaign["rates"][LEARNERS[0]]
    return of_campaign["adjusted_p_value"] < LEVEL and all(interval(each)[0] > 0 for each in rates.values())
