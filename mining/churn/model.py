"""Calibrated logistic regression that is stored as numbers, not as an object."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from mining.churn.features import design
from mining.evaluation import Floats

DIGITS = 10
CLIP = 1e-6
MAX_ITERATIONS = 200


@dataclass(frozen=True)
class ChurnModel:
    """Probability of no purchase in the horizon: logistic regression on standardised inputs, then Platt's correction.

    p = sigmoid(calibration_intercept + calibration_slope * (intercept + sum_j coefficient_j * z_j)) with
    z_j = (input_j, or its median where unknown, - mean_j) / scale_j.
    Platt (1999), in: Advances in Large Margin Classifiers.

    Everything learned is in these fields, from training customers only; predicting one customer needs no other.
    """

    inputs: tuple[str, ...]
    typical_gap: float
    medians: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    calibration_slope: float
    calibration_intercept: float
    is_converged: bool

    def standardise(self, frame: pd.DataFrame) -> dict[str, Floats]:
        """Return z per input, one value per customer."""
        columns = design(frame, self.inputs, self.typical_gap)
        learned = zip(self.medians, self.means, self.scales, strict=True)
        return {
            name: (np.where(np.isnan(values), median, values) - mean) / scale
            for (name, values), (median, mean, scale) in zip(columns.items(), learned, strict=True)
        }

    def contributions(self, z: dict[str, Floats]) -> dict[str, Floats]:
        """Log-odds that each standardised input adds, against the average training customer."""
        weights = zip(z.items(), self.coefficients, strict=True)
        return {name: self.calibration_slope * weight * values for (name, values), weight in weights}

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Calibrated log-odds of churn, shape (customers,).

        Added input by input, so that a customer's score does not depend on who else is in the frame.
        """
        return self.calibration_intercept + self.calibration_slope * _raw_log_odds(self, frame)

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Probability of no purchase in the horizon, 6 digits, shape (customers,)."""
        probability = np.clip(expit(self.log_odds(frame)), CLIP, 1 - CLIP)
        return np.asarray(np.round(probability, 6), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "ChurnModel":
        """Read a stored model."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
        }
        return cls(**fields)


def _raw_log_odds(model: ChurnModel, frame: pd.DataFrame) -> Floats:
    total = np.full(len(frame), model.intercept)
    for z, weight in zip(model.standardise(frame).values(), model.coefficients, strict=True):
        total = total + weight * z
    return total


def fit(
    train: tuple[pd.DataFrame, Floats], calibration: tuple[pd.DataFrame, Floats], inputs: tuple[str, ...], gap: float
) -> ChurnModel:
    """Fit on the training cut-offs, calibrate on a later one.

    Parameters
    ----------
    train, calibration
        Features of customers at risk (rows sorted by cut-off and customer) and their label: 1 = did not buy.
    inputs
        Names from `features.INPUTS`.
    gap
        Typical days between purchases, see `features.own_gap`.

    Notes
    -----
    Ridge penalty 1/2 |w|^2 on standardised coefficients (scikit-learn's C = 1), second-order solver. Numbers are
    rounded to 10 significant digits before anything uses them, so that the stored model is the one that was judged.
    """
    matrix = np.column_stack(list(design(train[0], inputs, gap).values()))
    medians = np.nanmedian(matrix, axis=0)
    matrix = np.where(np.isnan(matrix), medians, matrix)
    means, scales = matrix.mean(axis=0), matrix.std(axis=0)
    ridge = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10, max_iter=MAX_ITERATIONS)
    ridge.fit((matrix - means) / scales, train[1])
    model = ChurnModel(
        inputs=inputs,
        typical_gap=_rounded(gap),
        medians=tuple(map(_rounded, medians)),
        means=tuple(map(_rounded, means)),
        scales=tuple(map(_rounded, scales)),
        coefficients=tuple(map(_rounded, ridge.coef_[0])),
        intercept=_rounded(ridge.intercept_[0]),
        calibration_slope=1.0,
        calibration_intercept=0.0,
        is_converged=bool(ridge.n_iter_[0] < MAX_ITERATIONS),
    )
    slope, intercept = logistic_line(_raw_log_odds(model, calibration[0]), calibration[1])
    return replace(model, calibration_slope=_rounded(slope), calibration_intercept=_rounded(intercept))


def logistic_line(log_odds: Floats, outcome: Floats) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of an outcome on predicted log-odds (1 and 0: calibrated)."""
    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=MAX_ITERATIONS)
    line.fit(log_odds.reshape(-1, 1), outcome)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
