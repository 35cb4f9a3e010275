"""A logistic regression on standardised inputs that JSON can hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from mining.offers.history import Floats

DIGITS = 8


class Logistic:
    """Log-odds that are linear in inputs; an input without variance counts nothing.

    Attributes
    ----------
    names
        Names of the inputs, in the order of the columns.
    coefficients
        One per input, of the input as it is.
    """

    def __init__(self, names: tuple[str, ...], coefficients: Floats, intercept: float) -> None:
        self.names, self.coefficients, self.intercept = names, coefficients, intercept

    @classmethod
    def fit(cls, names: tuple[str, ...], inputs: Floats, outcome: NDArray[np.bool_]) -> "Logistic | None":
        """Fit with a small ridge; None where the outcome does not vary."""
        if not 0 < outcome.sum() < len(outcome):
            return None
        mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
        scale = np.where(deviation > 1e-9, deviation, np.inf)
        ridge = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-8, max_iter=100)
        ridge.fit((inputs - mean) / scale, outcome)
        coefficients = np.round(ridge.coef_[0] / scale, DIGITS)
        intercept = round(float(ridge.intercept_[0] - coefficients @ mean), DIGITS)
        return cls(names, coefficients, intercept)

    def log_odds(self, inputs: Floats) -> Floats:
        """Return the log-odds of each row."""
        return np.asarray(inputs @ self.coefficients + self.intercept, np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        named = dict(zip(self.names, self.coefficients.tolist(), strict=True))
        return {"coefficients": named, "intercept": self.intercept}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Logistic":
        """Read a stored regression."""
        named = stored["coefficients"]
        return cls(tuple(named), np.array(list(named.values()), np.float64), stored["intercept"])
