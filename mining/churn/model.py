"""Logistic regression that is stored as numbers, not as an object, with the purchase model that one input asks."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from mining.churn.families import PURCHASE_ODDS
from mining.churn.features import design
from mining.evaluation import Floats
from mining.purchases.timing import PurchaseTiming

DIGITS = 10
CLIP = 1e-6
MAX_ITERATIONS = 200


@dataclass(frozen=True)
class ChurnModel:
    """Probability of no purchase in the horizon: logistic regression on standardised inputs.

    p = sigmoid(intercept + sum_j coefficient_j * z_j) with z_j = (input_j, or its median where unknown, - mean_j) /
    scale_j. One input, `purchase_log_odds`, is what the purchase model says of the customer (`timing`): a stacked
    model (Wolpert 1992, "Stacked generalization", Neural Networks 5).

    Everything learned is in these fields, from training customers only; predicting one customer needs no other.
    """

    inputs: tuple[str, ...]
    typical_gap: float
    medians: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    is_converged: bool
    horizon_days: int
    timing: PurchaseTiming | None = None

    def design(self, frame: pd.DataFrame) -> dict[str, Floats]:
        """Compute the inputs of customers; NaN where unknown."""
        return design(with_purchase_odds(frame, self.timing, self.horizon_days), self.inputs, self.typical_gap)

    def standardise(self, frame: pd.DataFrame) -> dict[str, Floats]:
        """Return z per input, one value per customer."""
        learned = zip(self.medians, self.means, self.scales, strict=True)
        return {
            name: (np.where(np.isnan(values), median, values) - mean) / scale
            for (name, values), (median, mean, scale) in zip(self.design(frame).items(), learned, strict=True)
        }

    def contributions(self, z: dict[str, Floats]) -> dict[str, Floats]:
        """Log-odds that each standardised input adds, against the average training customer."""
        weights = zip(z.items(), self.coefficients, strict=True)
        return {name: weight * values for (name, values), weight in weights}

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Log-odds of churn, shape (customers,).

        Added input by input, so that a customer's score does not depend on who else is in the frame.
        """
        total = np.full(len(frame), self.intercept)
        for pushed in self.contributions(self.standardise(frame)).values():
            total = total + pushed
        return total

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Probability of no purchase in the horizon, 6 digits, shape (customers,)."""
        probability = np.clip(expit(self.log_odds(frame)), CLIP, 1 - CLIP)
        return np.asarray(np.round(probability, 6), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        content = {part.name: getattr(self, part.name) for part in fields(self)}
        return {**content, "timing": self.timing.to_dict() if self.timing else None}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "ChurnModel":
        """Read a stored model."""
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
        }
        timing = content["timing"]
        return cls(**{**known, "timing": PurchaseTiming.from_dict(timing) if timing else None})


def with_purchase_odds(frame: pd.DataFrame, timing: PurchaseTiming | None, horizon: int) -> pd.DataFrame:
    """Add the input that the purchase model gives, where there is one."""
    return frame.assign(**{PURCHASE_ODDS: timing.log_odds_of_no_purchase(frame, horizon)}) if timing else frame


def fit(
    train: tuple[pd.DataFrame, Floats],
    inputs: tuple[str, ...],
    gap: float,
    timing: PurchaseTiming | None = None,
    horizon: int = 0,
) -> ChurnModel:
    """Fit on the rows of the training cut-offs.

    Parameters
    ----------
    train
        Features of customers at risk (rows sorted by cut-off and customer), with `purchase_log_odds` where it is an
        input, and their label: 1 = did not buy.
    inputs
        Names from `features.INPUTS`.
    gap
        Typical days between purchases, see `features.own_gap`.
    timing, horizon
        The purchase model, and the days that it is asked about.

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
    return ChurnModel(
        inputs=inputs,
        typical_gap=_rounded(gap),
        medians=tuple(map(_rounded, medians)),
        means=tuple(map(_rounded, means)),
        scales=tuple(map(_rounded, scales)),
        coefficients=tuple(map(_rounded, ridge.coef_[0])),
        intercept=_rounded(ridge.intercept_[0]),
        is_converged=bool(ridge.n_iter_[0] < MAX_ITERATIONS),
        horizon_days=horizon,
        timing=timing,
    )


def purchases_alone(log_odds: Floats, gap: float, timing: PurchaseTiming, horizon: int) -> ChurnModel:
    """Return the purchase model's own probability; `log_odds` are those of the training rows, whose mean is average."""
    mean = _rounded(float(log_odds.mean()))
    return ChurnModel(
        inputs=(PURCHASE_ODDS,), typical_gap=_rounded(gap), medians=(mean,), means=(mean,), scales=(1.0,),
        coefficients=(1.0,), intercept=mean, is_converged=True, horizon_days=horizon, timing=timing,
    )  # fmt: skip


def averaged(stacked: ChurnModel) -> ChurnModel:
    """Return the mean of a stacked model's log-odds and the purchase model's, which is again linear in the inputs."""
    place = stacked.inputs.index(PURCHASE_ODDS)
    half = [weight / 2 for weight in stacked.coefficients]
    half[place] += stacked.scales[place] / 2
    intercept = (stacked.intercept + stacked.means[place]) / 2
    return replace(stacked, coefficients=tuple(map(_rounded, half)), intercept=_rounded(intercept))


def logistic_line(log_odds: Floats, outcome: Floats) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of an outcome on predicted log-odds (1 and 0: calibrated)."""
    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=MAX_ITERATIONS)
    line.fit(log_odds.reshape(-1, 1), outcome)
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
