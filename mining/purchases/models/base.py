"""What all purchase models share: fitting on counted rows, checks, and their JSON form."""
# ruff: noqa: N803  T and Greek letters are the papers' notation; docstrings say what is returned

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from mining.purchases.history import Floats, History, check_history, check_positive, unique_rows
from mining.purchases.models.likelihood import LogLikelihood, maximise
from pipeline.base.errors import UserError

FIRST_LOOK = 5_000
"""Distinct histories, evenly spread, that a fit of many begins with, to start near the maximum of all."""


def _distinct(history: History) -> tuple[History, NDArray[np.intp]]:
    rows, position, _ = unique_rows(*history)
    return History(*rows), position


def negative_binomial(y: Floats, shape: Floats, rate: Floats, t: float | Floats) -> Floats:
    """P(y purchases in a time t) at a rate λ ~ Gamma(shape, rate); the arguments broadcast."""
    choose = gammaln(shape + y) - gammaln(shape) - gammaln(y + 1)
    return np.exp(choose - shape * np.log1p(t / rate) + y * (np.log(t) - np.log(rate + t)))


class PurchaseModel(ABC):
    """A "buy till you die" model of how often a customer buys, without a contract.

    Attributes
    ----------
    params_ : dict of str to float
        Estimates; rates and ages in `time_unit`.
    log_likelihood_ : float
        Log-likelihood of the data in `time_unit`.
    is_converged_ : bool
        Whether the estimate is an interior maximum with a vanishing gradient.
    n_customers_ : int
        Customers in the fit.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    """Name for readers."""
    meaning: str
    """What the model says of customers, a clause."""
    parameter_names: ClassVar[tuple[str, ...]]
    time_parameters: ClassVar[tuple[str, ...]]
    recency_matters: ClassVar[bool] = False
    """Whether the time since the last purchase says when the next one comes, to a customer who is alive."""
    starts: ClassVar[tuple[tuple[float, ...], ...]]

    def __init__(self, time_unit: str = "week") -> None:
        self.time_unit = time_unit

    def fit(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, counts: ArrayLike | None = None) -> Self:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        x : array_like of shape (n,)
            Repeat purchases.
        t_x, T : array_like of shape (n,)
            Time of the last purchase and of the end of observation since the first purchase, in `time_unit`.
        counts : array_like of shape (n,), optional
            Customers with each row (default 1).

        Raises
        ------
        UserError
            Impossible values, nobody to learn from, or nobody who ever bought again.
        """
        history = check_history(x, t_x, T)
        weights = np.ones_like(history.x) if counts is None else check_positive("counts", counts, zero_allowed=False)
        rows, position, _ = unique_rows(*history)
        rows_weight: Floats = np.bincount(position, weights=weights, minlength=len(rows[0])).astype(np.float64)
        unique = History(*rows)
        self._check_learnable(unique)
        unit = float(unique.T.max())
        scaled = History(unique.x, unique.t_x / unit, unique.T / unit)

        total = float(rows_weight.sum())
        starts = [np.array(start) for start in self.starts]
        near, every = None, len(scaled.x) // FIRST_LOOK
        if every > 1:
            few, weight = History(*(column[::every] for column in scaled)), rows_weight[::every]
            near = maximise(self._total(few, weight), starts, float(weight.sum()))
        fit = maximise(self._total(scaled, rows_weight), starts, total, near)
        scale = np.array([unit if name in self.time_parameters else 1.0 for name in self.parameter_names])
        estimates = (fit.parameters * scale).tolist()
        self.params_: dict[str, float] = dict(zip(self.parameter_names, estimates, strict=True))
        # A density of x purchase times changes by unit**-x when the time unit does.
        self.log_likelihood_ = fit.log_likelihood - float(np.log(unit)) * float(np.sum(unique.x * rows_weight))
        self.is_converged_ = fit.is_converged
        self.gradient_ = fit.gradient
        self.n_customers_ = round(total)
        return self

    def total(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> LogLikelihood:
        """Return the log-likelihood of all these histories, with its gradient, as a function of the parameters."""
        rows, _, counts = unique_rows(*check_history(x, t_x, T))
        return self._total(History(*rows), counts.astype(np.float64))

    def _total(self, history: History, weights: Floats) -> LogLikelihood:
        """Return the log-likelihood of all histories, each counted as often as its weight says, with its gradient."""

        def total(parameters: Floats) -> tuple[float, Floats]:
            value, gradient = self._log_likelihood(parameters, history)
            return float(np.sum(value * weights)), np.sum(gradient * weights, axis=1)

        return total

    def _check_learnable(self, unique: History) -> None:
        if not len(unique.x):
            raise UserError(f"{self.name}: there is no customer to learn from. Give at least a few hundred.")
        if not unique.x.any():
            raise UserError(
                f"{self.name}: no customer bought on a second day, so no purchase rhythm can be learned. "
                "Wait for repeat purchases, or take a longer extract."
            )

    def _check_fitted(self) -> None:
        if not hasattr(self, "params_"):
            raise UserError(f"{self.name} is not fitted: call fit, or read a fitted model with from_dict.")

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Log-likelihood of each customer's history, shape (n,)."""
        return self._log_likelihood(self.parameters, check_history(x, t_x, T))[0]

    def gradient(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Gradient of each customer's log-likelihood by the parameters, shape (parameters, n)."""
        return self._log_likelihood(self.parameters, check_history(x, t_x, T))[1]

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Probability that a customer is still active at T, shape (n,)."""
        unique, position = _distinct(check_history(x, t_x, T))
        return self.alive(unique)[position]

    def expected_purchases(self, t: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Expected purchases in (T, T + t] of a customer with this history, shape (n,)."""
        unique, position = _distinct(check_history(x, t_x, T))
        given_alive, place = self.given_alive(unique)
        return (self.alive(unique) * self.expected_if_alive(t, given_alive)[place])[position]

    def given_alive(self, history: History) -> tuple[History, NDArray[np.intp]]:
        """Return the distinct histories of which purchases to come depend, given alive, and where each customer's is.

        Of most models the time of the last purchase only tells whether the customer is alive; it is 0 then.
        """
        t_x = history.t_x if self.recency_matters else np.zeros_like(history.t_x)
        return _distinct(History(history.x, t_x, history.T))

    def probability_no_purchase(self, t: float | Floats, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """P(no purchase in (T, T + t] | history) = L(x, t_x, T + t) / L(x, t_x, T), shape (n,)."""
        history = check_history(x, t_x, T)
        return 1.0 - self.alive(history) * (1.0 - self.no_purchase_if_alive(t, history))

    @property
    def parameters(self) -> Floats:
        """Estimates in the order of `parameter_names`."""
        self._check_fitted()
        return np.array([self.params_[name] for name in self.parameter_names])

    @abstractmethod
    def expected_purchases_new(self, t: ArrayLike) -> Floats:
        """Expected repeat purchases of a new customer in the first t units of time, shape of t."""

    @abstractmethod
    def _log_likelihood(self, parameters: Floats, history: History) -> tuple[Floats, Floats]: ...

    @abstractmethod
    def alive(self, history: History) -> Floats:
        """P(alive at T) of checked histories, shape (n,)."""

    @abstractmethod
    def expected_if_alive(self, t: float | Floats, history: History) -> Floats:
        """Expected purchases in (T, T + t] of customers alive at T, shape (n,)."""

    @abstractmethod
    def no_purchase_if_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t] | alive at T), shape (n,)."""

    @abstractmethod
    def quietly_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t] and alive at T + t | alive at T), shape (n,)."""

    @abstractmethod
    def count_pmf_if_alive(self, t: float, history: History, y: Floats) -> Floats:
        """P(y purchases in (T, T + t] | alive at T) for y = 0, 1, 2, …, shape (n, len(y))."""

    def to_dict(self) -> dict[str, Any]:
        """The fitted model as JSON types."""
        return {
            "model": self.name,
            "time_unit": self.time_unit,
            "parameters": dict(zip(self.parameter_names, self.parameters.tolist(), strict=True)),
            "log_likelihood": self.log_likelihood_,
            "is_converged": self.is_converged_,
            "gradient": self.gradient_,
            "customers": self.n_customers_,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        if content.get("model") != cls.name:
            raise UserError(f"model is '{content.get('model')}': expected '{cls.name}'. Read it with its own class.")
        model = cls(time_unit=content["time_unit"])
        model.params_ = {name: float(content["parameters"][name]) for name in cls.parameter_names}
        model.log_likelihood_ = float(content["log_likelihood"])
        model.is_converged_ = bool(content["is_converged"])
        model.gradient_ = float(content["gradient"])
        model.n_customers_ = int(content["customers"])
        return model
