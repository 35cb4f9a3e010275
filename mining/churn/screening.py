"""Which families of inputs besides purchase behaviour enter the model: those with a certain effect beyond it.

Complaints, waits, answers, web sessions … follow purchases: who buys more, complains more. So a family is tested
against a model that already holds the purchase inputs, their squares and products, and the cut-off. The test is the
score test (Rao 1948) with a variance that is robust to a customer's rows not being independent (White 1982; clustered
as in Liang & Zeger 1986): the family itself is not fitted, so nothing can diverge where a value is rare. Families enter
one at a time, the surest first, each beyond those before it, at levels of Holm (1979): in a world where none has an
effect, one enters with a probability of at most `LEVEL`.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import chi2

from mining.churn.features import FAMILY_OF, design, families_of
from mining.evaluation import Floats

LEVEL = 0.01
ROWS = 150_000
"""Rows that the test looks at, at most: those of every second (third, …) customer in the order of customer_id."""
RIDGE = 1e-6
SINGULAR = 1e-9
STEPS = 50
DIGITS = 4


class Screening(NamedTuple):
    """The inputs that enter, why each other one does not, and per family p-value, level and whether it enters."""

    inputs: tuple[str, ...]
    dropped: dict[str, str]
    families: dict[str, dict[str, Any]]


def screen(frame: pd.DataFrame, outcome: Floats, inputs: tuple[str, ...], gap: float) -> Screening:
    """Decide which of the screened families among `inputs` enter the model.

    Parameters
    ----------
    frame
        Training rows, sorted by cut-off and customer: one per customer at risk and cut-off.
    outcome
        1 = did not buy in the horizon, shape (rows,).
    inputs
        Names from `features.INPUTS` that the rows support.
    gap
        Typical days between purchases.
    """
    waiting = [family.name for family in families_of(inputs) if family.is_screened]
    if not waiting:
        return Screening(inputs, {}, {})
    chosen, customer = _sample(frame["customer_id"])
    rows, y = frame[chosen], outcome[chosen]
    columns = {name: _standardised(values) for name, values in design(rows, inputs, gap).items()}
    behaviour = [values for name, values in columns.items() if not FAMILY_OF[name].is_screened]
    base = _base(behaviour, rows["as_of_date"])
    weights = _fit(base, y, np.zeros(base.shape[1]))
    found: dict[str, dict[str, Any]] = {}
    while waiting:
        parts = {name: _family(name, columns) for name in waiting}
        p_values = _score_tests(base, expit(base @ weights), parts, y, customer)
        best = min(waiting, key=p_values.__getitem__)  # of equally sure ones the first in the order of FAMILIES
        level = LEVEL / len(waiting)
        if p_values[best] >= level:
            found |= {name: _row(p_values[name], level, enters=False) for name in waiting}
            break
        found[best] = _row(p_values[best], level, enters=True)
        base = np.column_stack([base, parts[best]])
        weights = _fit(base, y, np.append(weights, np.zeros(parts[best].shape[1])))
        waiting.remove(best)
    dropped = {name: _reason(found[FAMILY_OF[name].name]) for name in inputs if _is_out(name, found)}
    return Screening(tuple(name for name in inputs if name not in dropped), dropped, found)


def _row(p_value: float, level: float, *, enters: bool) -> dict[str, Any]:
    return {"p_value": float(f"{p_value:.{DIGITS}g}"), "level": float(f"{level:.{DIGITS}g}"), "enters": enters}


def _is_out(name: str, found: dict[str, dict[str, Any]]) -> bool:
    family = FAMILY_OF[name].name
    return family in found and not found[family]["enters"]


def _reason(row: dict[str, Any]) -> str:
    return (
        f"no certain effect beyond the other inputs: p = {row['p_value']:.2g}, less than {row['level']:.2g} is needed"
    )


def _sample(customers: pd.Series) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Rows of every k-th customer, and the number of the customer of each, k the smallest that gives few enough."""
    codes, _ = pd.factorize(customers, sort=True)
    step = -(-len(codes) // ROWS)
    chosen = codes % step == 0
    return chosen, codes[chosen] // step


def _standardised(values: Floats) -> Floats:
    """Mean 0 and deviation 1, unknown values at the mean; 0 where the rows do not differ."""
    known = ~np.isnan(values)
    mean, spread = (values[known].mean(), values[known].std()) if known.any() else (0.0, 0.0)
    return np.where(known, (values - mean) / spread, 0.0) if spread > SINGULAR else np.zeros_like(values)


def _base(behaviour: list[Floats], cut_off: pd.Series) -> Floats:
    """Intercept, one column per further cut-off, the inputs, their squares and products; shape (rows, columns)."""
    products = [a * b for index, a in enumerate(behaviour) for b in behaviour[index:]]
    dates = [(cut_off == date).to_numpy(np.float64) for date in sorted(cut_off.unique())[1:]]
    curves = [_standardised(product) for product in products]
    return np.column_stack([np.ones(len(cut_off)), *dates, *behaviour, *curves])


def _family(name: str, columns: dict[str, Floats]) -> Floats:
    return np.column_stack([values for part, values in columns.items() if FAMILY_OF[part].name == name])


def _score_tests(
    base: Floats, probability: Floats, parts: dict[str, Floats], outcome: Floats, customer: NDArray[np.intp]
) -> dict[str, float]:
    """P-value of each family: S' V⁻¹ S with S the family's score at the base model's fit, V summed over customers.

    The score is taken orthogonal to the base's (Neyman 1959), so that having fitted the base does not disturb it.
    """
    residual, weight = outcome - probability, probability * (1 - probability)
    weighted = base * weight[:, None]
    information = weighted.T @ base + RIDGE * len(outcome) * np.eye(base.shape[1])
    return {
        name: _p_value(part - base @ np.linalg.solve(information, weighted.T @ part), residual, customer)
        for name, part in parts.items()
    }


def _fit(base: Floats, outcome: Floats, weights: Floats) -> Floats:
    """Weights of a logistic regression, by Newton's method with halved steps and a ridge against collinearity."""
    penalty = RIDGE * len(outcome)

    def loss(at: Floats) -> float:
        odds = base @ at
        return float(np.sum(np.logaddexp(0.0, odds) - outcome * odds) + penalty / 2 * at @ at)

    current = loss(weights)
    for _ in range(STEPS):
        probability = expit(base @ weights)
        gradient = base.T @ (outcome - probability) - penalty * weights
        hessian = (base * (probability * (1 - probability))[:, None]).T @ base + penalty * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        after = loss(weights + step)
        while after > current and np.abs(step).max() > SINGULAR:
            step = step / 2
            after = loss(weights + step)
        weights = weights + step
        if current - after < 1e-9 * len(outcome):
            break
        current = after
    return weights


def _p_value(direction: Floats, residual: Floats, customer: NDArray[np.intp]) -> float:
    """Chi-squared p-value; directions in which the customers do not differ count neither in S nor in the degrees."""
    scores = np.column_stack([np.bincount(customer, column * residual) for column in direction.T])
    total, variance = scores.sum(axis=0), scores.T @ scores
    values, vectors = np.linalg.eigh(variance)
    kept = values > SINGULAR * max(float(values.max()), SINGULAR)
    if not kept.any():
        return 1.0
    statistic = float(np.sum((vectors[:, kept].T @ total) ** 2 / values[kept]))
    return float(chi2.sf(statistic, int(kept.sum())))
