"""Maximum likelihood for a handful of positive parameters, with an analytic gradient."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from mining.purchases.history import Floats

LOG_BOUND = 12.0
"""Logarithms of parameters are searched in [-12, 12]; at its edge the data do not identify the parameter."""
GRADIENT_TOLERANCE = 1e-6
"""Largest gradient, per observation and unit of log parameter, that counts as a maximum."""
WIDEST = 10.0
"""Largest standard error of a logarithm, nearly the range of the search: with a larger one nothing is identified."""
SMALL = 1e-6
"""A step of logarithms after which the error of a Hessian would not matter but for the last digits."""
NOISE = 1e-14
"""Rounding of a mean log-likelihood, as a share."""


class Fit(NamedTuple):
    """A maximum: parameters, log-likelihood, whether it is an interior maximum, the last gradient's size, curvature.

    `hessian` is that of the negative mean log-likelihood by the logarithms of the parameters.
    """

    parameters: Floats
    log_likelihood: float
    is_converged: bool
    gradient: float
    hessian: Floats


LogLikelihood = Callable[[Floats], tuple[float, Floats]]
"""Parameters → (log-likelihood, its gradient by the parameters)."""


def _hessian(objective: LogLikelihood, point: Floats, gradient: Floats) -> Floats:
    """Forward differences of the gradient: exact to about the step, which Newton steps to a maximum can bear.

    A smaller step would find curvature in the rounding of a gradient whose parameters go to the edge.
    """
    step = 1e-4
    columns = [(objective(point + shift)[1] - gradient) / step for shift in step * np.eye(len(point))]
    matrix = np.array(columns)
    return (matrix + matrix.T) / 2


def _polish(objective: LogLikelihood, point: Floats, hessian: Floats | None) -> tuple[Floats, Floats]:
    """Newton steps from a point near the minimum; the point reached, and the Hessian near it.

    A Hessian serves as long as each step is a tenth of the one before; a given one, as long as steps are not `SMALL`.
    """
    value, gradient = objective(point)
    before, is_given = np.inf, hessian is not None
    for _ in range(20):
        if hessian is None:
            hessian = _hessian(objective, point, gradient)
            if np.linalg.eigvalsh(hessian).min() <= 0:
                break
        proposal = point - np.linalg.solve(hessian, gradient)
        if np.abs(proposal).max() > LOG_BOUND:
            break
        after, slope = objective(proposal)
        if after > value + NOISE * abs(value):
            if not is_given:
                break
            hessian, is_given = None, False
            continue
        moved = float(np.abs(proposal - point).max())
        point, value, gradient = proposal, after, slope
        if moved < 1e-10 and not is_given:
            break
        if moved > before / 10 or (is_given and moved < SMALL):
            hessian, is_given = None, False
        before = moved
    return point, _hessian(objective, point, gradient) if hessian is None or is_given else hessian


def maximise(log_likelihood: LogLikelihood, starts: list[Floats], observations: float, near: Fit | None = None) -> Fit:
    """Find the maximum over positive parameters, from a starting point, and from the next where it leads to none.

    The search runs in logarithms: BFGS, then Newton steps. (BFGS rather than L-BFGS-B, whose calls of a threaded BLAS
    on 4-by-4 matrices cost more than the likelihood when other processes are busy.)

    Parameters
    ----------
    log_likelihood : callable
        Parameters → (log-likelihood, gradient).
    starts : list of ndarray
        Positive starting points.
    observations : float
        Number of customers; the search sees the mean log-likelihood.
    near : Fit, optional
        Of a part of the data: where it has converged, Newton steps alone from there are tried first.
    """

    def objective(logs: Floats) -> tuple[float, Floats]:
        inside = np.clip(logs, -LOG_BOUND, LOG_BOUND)
        parameters = np.exp(inside)
        value, gradient = log_likelihood(parameters)
        return -value / observations, np.where(inside == logs, -gradient * parameters / observations, 0.0)

    def polished(logs: Floats, hessian: Floats | None = None) -> Fit:
        point, hessian = _polish(objective, np.clip(logs, -LOG_BOUND, LOG_BOUND), hessian)
        curved = bool(np.linalg.eigvalsh(hessian).min() * observations > WIDEST**-2)
        value, gradient = objective(point)
        steepest = float(np.abs(gradient).max())
        inside = bool(np.abs(point).max() < LOG_BOUND - 0.01)
        is_converged = curved and inside and steepest < GRADIENT_TOLERANCE
        return Fit(np.exp(point), -value * observations, is_converged, steepest, hessian)

    if near is not None and near.is_converged and (fit := polished(np.log(near.parameters), near.hessian)).is_converged:
        return fit
    fits = []
    for start in starts:
        run = minimize(objective, np.log(start), jac=True, method="BFGS", options={"maxiter": 500, "gtol": 1e-7})
        fits.append(polished(run.x))
        if fits[-1].is_converged:
            break
    return max(fits, key=lambda fit: fit.log_likelihood)
