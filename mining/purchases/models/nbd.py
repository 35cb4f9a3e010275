"""What remains of Pareto/NBD where death rates do not differ, or where nobody is seen to leave."""
# ruff: noqa: RUF002  T and Greek letters are the papers' notation; docstrings say what is returned

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from mining.purchases.history import Floats, History, check_positive
from mining.purchases.models.base import PurchaseModel, negative_binomial
from mining.purchases.models.death import DeathProcessNBD


class CommonDeathNBD(DeathProcessNBD):
    """Purchases come at a customer's own rate λ ~ Gamma(r, α) until an unseen death, at one rate for everybody.

    S(u) = exp(-u/lifetime): Pareto/NBD for s, β → ∞ with β/s → `lifetime`, the mean lifetime in `time_unit`.
    """

    name: ClassVar[str] = "nbd_common_death"
    label: ClassVar[str] = "NBD with one rate of leaving for all customers"
    meaning: str = "the data show no difference between customers in leaving"
    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "lifetime")
    time_parameters: ClassVar[tuple[str, ...]] = ("alpha", "lifetime")
    starts: ClassVar[tuple[tuple[float, ...], ...]] = ((0.6, 0.3, 1.0), (2.0, 0.1, 20.0))

    def _time_scale(self, parameters: Floats) -> float:
        return float(parameters[1])

    def _log_survival(self, parameters: Floats, age: Floats) -> tuple[Floats, Floats]:
        lifetime = parameters[2]
        return -age / lifetime, (age / lifetime**2)[None]

    def _log_density(self, parameters: Floats, age: Floats) -> tuple[Floats, Floats]:
        lifetime = parameters[2]
        return -age / lifetime - np.log(lifetime), ((age / lifetime - 1) / lifetime)[None]

    def _decline(self, parameters: Floats, age: Floats) -> Floats:
        return np.full_like(age, 1 / parameters[2])

    def _life_within(self, t: float | Floats, age: Floats) -> Floats:
        lifetime = float(self.parameters[2])
        return -lifetime * np.expm1(-t / lifetime) + np.zeros_like(age)

    def _life_left(self, survival: Floats, age: Floats) -> Floats:
        return -self.parameters[2] * np.log(survival) + np.zeros_like(age)


class NBD(PurchaseModel):
    """Purchases come at a customer's own rate λ ~ Gamma(r, α), for ever: everybody's P(alive) is 1.

    Ehrenberg (1959), "The pattern of consumer purchases", Applied Statistics 8(1). It is Pareto/NBD with death rate 0.
    """

    name: ClassVar[str] = "nbd"
    label: ClassVar[str] = "NBD without leaving"
    meaning: str = "nobody is seen to leave, so every customer counts as active"
    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha")
    time_parameters: ClassVar[tuple[str, ...]] = ("alpha",)
    starts: ClassVar[tuple[tuple[float, ...], ...]] = ((0.6, 0.3), (2.0, 0.1))

    def _log_likelihood(self, parameters: Floats, history: History) -> tuple[Floats, Floats]:
        r, alpha = parameters
        x, _, end = history
        log_end = np.log(alpha + end)
        gradient = np.stack(
            [digamma(r + x) - digamma(r) + np.log(alpha) - log_end, r / alpha - (r + x) / (alpha + end)]
        )
        return gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * log_end, gradient

    def alive(self, history: History) -> Floats:
        """P(alive at T) = 1, shape (n,)."""
        self._check_fitted()
        return np.ones_like(history.x)

    def expected_if_alive(self, t: float | Floats, history: History) -> Floats:
        """E[Y(t)] = (r+x) t / (α+T), shape (n,)."""
        r, alpha = self.parameters
        return (r + history.x) * t / (alpha + history.T)

    def expected_purchases_new(self, t: ArrayLike) -> Floats:
        """E[X(t)] = r t / α, shape of t."""
        r, alpha = self.parameters
        return r / alpha * check_positive("t", t, zero_allowed=True)

    def no_purchase_if_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t]), shape (n,)."""
        r, alpha = self.parameters
        return np.exp(-(r + history.x) * np.log1p(t / (alpha + history.T)))

    def quietly_alive(self, t: float | Floats, history: History) -> Floats:
        """As `no_purchase_if_alive`: nobody leaves."""
        return self.no_purchase_if_alive(t, history)

    def count_pmf_if_alive(self, t: float, history: History, y: Floats) -> Floats:
        """P(Y(t) = y), shape (n, len(y)): negative binomial."""
        r, alpha = self.parameters
        return negative_binomial(y, r + history.x[:, None], alpha + history.T[:, None], t)
