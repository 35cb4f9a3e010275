"""Two learners of the effect of a campaign on each customer, from its treated customers and its control group.

- Two models (T-learner): the outcome of the treated and of the control group, each by a regression of its own; their
  difference (Künzel, Sekhon, Bickel & Yu 2019, PNAS 116).
- Doubly robust (DR-learner): a regression of scores whose mean, given the inputs, is the effect. The share assigned to
  the treated arm is known, so the scores are unbiased whatever the outcome models are (Kennedy 2023, Electronic Journal
  of Statistics 17); the outcome models are fitted on other customers (cross-fitting).

All regressions are ridge regressions, whose coefficients a JSON file can hold. The penalty is the one that predicts
best when each customer is left out in turn.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from mining.evaluation import Floats

TWO_MODELS, DOUBLY_ROBUST = "two_models", "doubly_robust"
LEARNERS = (DOUBLY_ROBUST, TWO_MODELS)
CROSS_FITS = 3
PENALTIES = tuple(10.0**power for power in range(6))
LEAST_SPREAD = 1e-9
DIGITS = 10
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Linear:
    """A linear function of the inputs: coefficients on their own scale, and an intercept."""

    coefficients: Floats
    intercept: float

    def predict(self, inputs: Floats) -> Floats:
        """Values of customers, shape (n,)."""
        values: Floats = inputs @ self.coefficients + self.intercept
        return values

    def minus(self, other: "Linear") -> "Linear":
        """Return the difference of two functions."""
        return Linear(self.coefficients - other.coefficients, self.intercept - other.intercept)

    def to_json(self) -> dict[str, Any]:
        """Return what a model file holds."""
        return {"coefficients": self.coefficients.round(DIGITS).tolist(), "intercept": round(self.intercept, DIGITS)}

    @staticmethod
    def from_json(stored: dict[str, Any]) -> "Linear":
        """Read what a model file holds."""
        return Linear(np.array(stored["coefficients"], float), float(stored["intercept"]))


def regress(inputs: Floats, outcome: Floats) -> Linear:
    """Ridge regression on standardised inputs; an input that does not vary has no weight."""
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0)
    varies = spread > LEAST_SPREAD
    scale = np.where(varies, spread, 1.0)
    fitted = RidgeCV(PENALTIES).fit((inputs - mean) / scale, outcome)
    coefficients = np.where(varies, fitted.coef_, 0.0) / scale
    return Linear(coefficients, float(fitted.intercept_ - coefficients @ mean))


def arms(inputs: Floats, outcome: Floats, is_treated: Flags) -> tuple[Linear, Linear]:
    """Fit the outcome if treated and if not."""
    return regress(inputs[is_treated], outcome[is_treated]), regress(inputs[~is_treated], outcome[~is_treated])


def effect_scores(
    inputs: Floats, outcome: Floats, is_treated: Flags, share: float, models: tuple[Linear, Linear]
) -> Floats:
    """Augmented inverse-probability scores (Robins, Rotnitzky & Zhao 1994), shape (n,): their mean is the effect.

    Parameters
    ----------
    inputs, outcome, is_treated
        Customers, whose outcomes `models` have not seen.
    share
        Share that was assigned to the treated arm.
    models
        Outcome if treated, and if not.
    """
    treated, control = (model.predict(inputs) for model in models)
    residual = outcome - np.where(is_treated, treated, control)
    weight = (is_treated - share) / (share * (1 - share))
    scores: Floats = treated - control + weight * residual
    return scores


def two_models(inputs: Floats, outcome: Floats, is_treated: Flags, share: float) -> Linear:  # noqa: ARG001  as below
    """Fit the T-learner."""
    treated, control = arms(inputs, outcome, is_treated)
    return treated.minus(control)


def doubly_robust(inputs: Floats, outcome: Floats, is_treated: Flags, share: float) -> Linear:
    """Fit the DR-learner. Customers come in an order that no outcome decides, with both arms mixed."""
    part = np.arange(len(outcome)) % CROSS_FITS
    scores = np.empty(len(outcome))
    for number in range(CROSS_FITS):
        own = part == number
        models = arms(inputs[~own], outcome[~own], is_treated[~own])
        scores[own] = effect_scores(inputs[own], outcome[own], is_treated[own], share, models)
    return regress(inputs, scores)


FIT = {DOUBLY_ROBUST: doubly_robust, TWO_MODELS: two_models}
