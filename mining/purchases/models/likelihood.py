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


class Fit(NamedTuple):
    """A maximum: parameters, log-likelihood, whether it is an interior maximum, and the last gradient's size."""

    parameters: Floats
    log_likelihood: float
    is_converged: bool
    gradient: float


LogLikelihood = Callable[[Floats], tuple[float, Floats]]
"""Parameters → (log-likelihood, its gradient by the parameters)."""


def _hessian(gradient: Callable[[Floats], Floats], point: Floats) -> Floats:
    step = 1e-5
    columns = []
    for index in range(len(point)):
        shift = np.zeros_like(point)
        shift[index] = step
        columns.append((gradient(point + shift) - gradient(point - shift)) / (2 * step))
    matrix = np.array(columns)
    return (matrix + matrix.T) / 2


def _polish(objective: LogLikelihood, point: Floats) -> tuple[Floats, bool]:
    """Newton steps from a point near the minimum; whether the Hessian there is positive definite."""
    curved = False
    for _ in range(20):
        value, gradient = objective(point)
        hessian = _hessian(lambda at: objective(at)[1], point)
        curved = bool(np.all(np.linalg.eigvalsh(hessian) > 0))
        if not curved:
            break
        proposal = point - np.linalg.solve(hessian, gradient)
        if np.abs(proposal).max() > LOG_BOUND or objective(proposal)[0] > value:
            break
        moved = float(np.abs(proposal - point).max())
        point = proposal
        if moved < 1e-10:
            break
    return point, curved


def maximise(log_likelihood: LogLikelihood, starts: list[Floats], observations: float) -> Fit:
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
    """

    def objective(logs: Floats) -> tuple[float, Floats]:
        inside = np.clip(logs, -LOG_BOUND, LOG_BOUND)
        parameters = np.exp(inside)
        value, gradient = log_likelihood(parameters)
        return -value / observations, np.where(inside == logs, -gradient * parameters / observations, 0.0)

    fits = []
    for start in starts:
        run = minimize(objective, np.log(start), jac=True, method="BFGS", options={"maxiter": 500, "gtol": 1e-7})
        point, curved = _polish(objective, np.clip(run.x, -LOG_BOUND, LOG_BOUND))
        value, gradient = objective(point)
        steepest = float(np.abs(gradient).max())
        inside = bool(np.abs(point).max() < LOG_BOUND - 0.01)
        is_converged = curved and inside and steepest < GRADIENT_TOLERANCE
        fits.append(Fit(np.exp(point), -value * observations, is_converged, steepest))
        if is_converged:
            break
    return max(fits, key=lambda fit: fit.log_likelihood)
