"""Models of spend per purchase: what all of them share, and what remains of Gamma-Gamma where amounts hardly differ."""
# ruff: noqa: RUF002  Greek letters are the papers' notation; docstrings say what is returned

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from mining.clv.totals import Gamma, SharedGamma, count_quantile, mixture_quantile
from mining.purchases.history import Floats, check_positive, unique_rows
from mining.purchases.models.likelihood import maximise
from mining.purchases.predictive import CountDistribution
from pipeline.base.errors import UserError


class SpendModel(ABC):
    """Amounts of a customer's purchases, independent of how often the customer buys.

    Attributes
    ----------
    params_ : dict of str to float
        Estimates; those in `money_parameters` in money, those in `rate_parameters` in purchases per unit of money.
    log_likelihood_ : float
        Log-likelihood of the customers' mean amounts; of a model without spread None.
    is_converged_ : bool
        Whether the estimate is an interior maximum with a vanishing gradient, and the population's mean is finite.
    is_interior_ : bool
        The same, whatever the mean.
    n_customers_ : int
        Customers in the fit.
    """

    name: ClassVar[str]
    parameter_names: ClassVar[tuple[str, ...]]
    money_parameters: ClassVar[tuple[str, ...]] = ()
    rate_parameters: ClassVar[tuple[str, ...]] = ()
    params_: dict[str, float]
    log_likelihood_: float | None
    is_interior_: bool
    is_converged_: bool
    n_customers_: int

    @abstractmethod
    def fit(self, x: ArrayLike, mean_spend: ArrayLike) -> Self:
        """Estimate the parameters.

        Parameters
        ----------
        x : array_like of shape (n,)
            Purchases with a positive amount, at least 1.
        mean_spend : array_like of shape (n,)
            Mean amount of these purchases, above zero, in one currency.
        """

    @property
    def parameters(self) -> Floats:
        """Estimates in the order of `parameter_names`."""
        if not hasattr(self, "params_"):
            raise UserError(f"{self.name} is not fitted: call fit, or read a fitted model with from_dict.")
        return np.array([self.params_[name] for name in self.parameter_names])

    @property
    @abstractmethod
    def population_mean(self) -> float:
        """The mean amount over customers, money; infinite where it is."""

    @abstractmethod
    def expected_spend(self, x: ArrayLike, total_spend: ArrayLike) -> Floats:
        """Expected amount of a purchase after x positive ones that total `total_spend`, money, shape (n,)."""

    @abstractmethod
    def total_quantile(self, counts: CountDistribution, x: Floats, total_spend: Floats, level: float) -> Floats:
        """Quantile of what the purchases to come total, money, shape (n,)."""

    def to_dict(self) -> dict[str, Any]:
        """The fitted model as JSON types."""
        return {
            "model": self.name,
            "parameters": dict(zip(self.parameter_names, self.parameters.tolist(), strict=True)),
            "log_likelihood": self.log_likelihood_,
            "is_converged": self.is_converged_,
            "customers": self.n_customers_,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        if content.get("model") != cls.name:
            raise UserError(f"model is '{content.get('model')}': expected '{cls.name}'. Read it with its own class.")
        model = cls()
        model.params_ = {name: float(content["parameters"][name]) for name in cls.parameter_names}
        likelihood = content["log_likelihood"]
        model.log_likelihood_ = None if likelihood is None else float(likelihood)
        model.is_converged_ = model.is_interior_ = bool(content["is_converged"])
        model.n_customers_ = int(content["customers"])
        return model


def _checked(x: ArrayLike, mean_spend: ArrayLike) -> tuple[Floats, Floats]:
    purchases = check_positive("x", x, zero_allowed=False)
    spend = check_positive("mean_spend", mean_spend, zero_allowed=False)
    if len(purchases) != len(spend):
        raise UserError(f"x has {len(purchases)} values and mean_spend {len(spend)}: give one per customer in each.")
    return purchases, spend


def history(x: ArrayLike, total_spend: ArrayLike) -> tuple[Floats, Floats]:
    """Check purchases with a positive amount so far, none included, and their total."""
    return check_positive("x", x, zero_allowed=True), check_positive("total_spend", total_spend, zero_allowed=True)


class LikelihoodSpend(SpendModel):
    """A spend model that is estimated by maximum likelihood, from several starts in units of the geometric mean."""

    starts: ClassVar[tuple[tuple[float, ...], ...]]

    def fit(self, x: ArrayLike, mean_spend: ArrayLike) -> Self:
        """Maximise the likelihood; see `SpendModel.fit`."""
        purchases, spend = _checked(x, mean_spend)
        (n, z), _, counts = unique_rows(purchases, spend)
        if len(z) < 2:
            raise UserError(f"{self.name}: {len(z)} distinct amounts. Give customers whose spend differs.")
        unit = float(np.exp(np.sum(np.log(z) * counts) / counts.sum()))
        scaled = z / unit

        def log_likelihood(parameters: Floats) -> tuple[float, Floats]:
            value, gradient = self._log_likelihood(parameters, n, scaled)
            return float(np.sum(value * counts)), np.sum(gradient * counts, axis=1)

        total = float(counts.sum())
        fit = maximise(log_likelihood, [np.array(start) for start in self.starts], total)
        scale = [
            unit if name in self.money_parameters else 1 / unit if name in self.rate_parameters else 1.0
            for name in self.parameter_names
        ]
        estimates = (fit.parameters * np.array(scale)).tolist()
        self.params_ = dict(zip(self.parameter_names, estimates, strict=True))
        self.log_likelihood_ = fit.log_likelihood - float(np.log(unit)) * total
        self.is_interior_ = fit.is_converged
        self.is_converged_ = bool(fit.is_converged and np.isfinite(self.population_mean))
        self.n_customers_ = round(total)
        return self

    @staticmethod
    @abstractmethod
    def _log_likelihood(parameters: Floats, n: Floats, z: Floats) -> tuple[Floats, Floats]:
        """Log-density of each customer's mean amount z of n purchases, and its gradient by the parameters."""


class CommonSpend(LikelihoodSpend):
    """Amounts z ~ Gamma(p, ν) of all customers alike: Gamma-Gamma for q, γ → ∞ with q/γ → ν."""

    name = "common_spend"
    parameter_names = ("p", "nu")
    rate_parameters = ("nu",)
    starts = ((2.0, 2.0), (100.0, 100.0))

    @staticmethod
    def _log_likelihood(parameters: Floats, n: Floats, z: Floats) -> tuple[Floats, Floats]:
        p, nu = parameters
        log_total = np.log(nu * n * z)
        value = p * n * log_total - gammaln(p * n) - np.log(z) - nu * n * z
        return value, np.stack([n * (log_total - digamma(p * n)), p * n / nu - n * z])

    @property
    def population_mean(self) -> float:
        """p/ν, money."""
        p, nu = self.parameters.tolist()
        return float(p / nu)

    def expected_spend(self, x: ArrayLike, total_spend: ArrayLike) -> Floats:
        """p/ν of every customer, money, shape (n,)."""
        return np.full_like(history(x, total_spend)[0], self.population_mean)

    def total_quantile(self, counts: CountDistribution, x: Floats, total_spend: Floats, level: float) -> Floats:
        """Of y purchases: Gamma(p y, ν)."""
        p = self.params_["p"]
        total = mixture_quantile(counts, level, lambda rows: Gamma(p * counts.purchases[rows, 1:]))
        return total * self.expected_spend(x, total_spend) / p


class OwnPrice(LikelihoodSpend):
    """Each customer pays one own price, which is Gamma(k, ν) over customers: what Gamma-Gamma nears for p → ∞.

    A Gamma and not the inverse Gamma of that limit, whose mean is infinite where plans cost 29, 290 and 2,900.
    """

    name = "own_price"
    parameter_names = ("k", "nu")
    rate_parameters = ("nu",)
    starts = CommonSpend.starts

    @staticmethod
    def _log_likelihood(parameters: Floats, n: Floats, z: Floats) -> tuple[Floats, Floats]:
        # However often it is paid, a price is seen once.
        return CommonSpend._log_likelihood(parameters, np.ones_like(n), z)

    @property
    def population_mean(self) -> float:
        """k/ν, money: the mean over customers of what each of them pays."""
        k, nu = self.parameters.tolist()
        return float(k / nu)

    def expected_spend(self, x: ArrayLike, total_spend: ArrayLike) -> Floats:
        """The mean amount so far, money, shape (n,); x = 0: population mean."""
        purchases, total = history(x, total_spend)
        return np.where(purchases > 0, total / np.where(purchases > 0, purchases, 1.0), self.population_mean)

    def total_quantile(self, counts: CountDistribution, x: Floats, total_spend: Floats, level: float) -> Floats:
        """Of y purchases: y times the own price; where it is not known yet, y times a Gamma(k, ν)."""
        k, nu = self.parameters.tolist()
        result = count_quantile(counts, level) * self.expected_spend(x, total_spend)
        new = x == 0
        if new.any():
            some = CountDistribution(*(column[new] for column in counts))
            result[new] = mixture_quantile(some, level, lambda rows: SharedGamma(some.purchases[rows, 1:], k)) / nu
        return result


class OnePrice(SpendModel):
    """Every purchase of every customer costs the same: what remains where the spread is too small to be estimated."""

    name = "one_price"
    parameter_names = ("price",)
    money_parameters = ("price",)

    def fit(self, x: ArrayLike, mean_spend: ArrayLike) -> Self:
        """Take the mean amount of all purchases; see `SpendModel.fit`."""
        purchases, spend = _checked(x, mean_spend)
        if not len(purchases):
            raise UserError(f"{self.name}: there is no customer to learn from. Give at least one.")
        (n, z), _, counts = unique_rows(purchases, spend)
        self.params_ = {"price": float(np.sum(n * z * counts) / np.sum(n * counts))}
        self.log_likelihood_, self.is_interior_, self.is_converged_ = None, True, True
        self.n_customers_ = len(purchases)
        return self

    @property
    def population_mean(self) -> float:
        """The price, money."""
        return float(self.parameters[0])

    def expected_spend(self, x: ArrayLike, total_spend: ArrayLike) -> Floats:
        """The price, money, shape (n,)."""
        return np.full_like(history(x, total_spend)[0], self.population_mean)

    def total_quantile(self, counts: CountDistribution, x: Floats, total_spend: Floats, level: float) -> Floats:
        """Of y purchases: y times the price."""
        return count_quantile(counts, level) * self.expected_spend(x, total_spend)


LIMITS: tuple[Callable[[], SpendModel], ...] = (CommonSpend, OwnPrice)
"""What Gamma-Gamma nears at its edges: the one with the highest likelihood takes its place."""
