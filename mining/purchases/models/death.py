"""Negative binomial purchases until an unseen death: what Pareto/NBD and its limit of one death rate share."""
# ruff: noqa: N806, RUF002  T and Greek letters are the papers' notation; docstrings say what is returned

from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from mining.purchases.history import Floats, History, check_positive
from mining.purchases.models.base import PurchaseModel, negative_binomial

NODES = 32
"""Gauss-Legendre nodes."""
NEGLIGIBLE = 32.0
"""The integral is cut where the integrand has fallen by exp(-32), about 1e-14."""
_GRID, _WEIGHTS = (array / 2 for array in np.polynomial.legendre.leggauss(NODES))
_GRID = _GRID + 0.5


class DeathProcessNBD(PurchaseModel):
    """Purchases come at a customer's own rate λ ~ Gamma(r, α) until a death at age u with density d(u).

    With S(u) the probability to survive age u (Fader & Hardie, "A note on deriving the Pareto/NBD model", 2005):

        L = Γ(r+x)/Γ(r) α^r [ (α+T)^-(r+x) S(T) + ∫ from t_x to T of (α+u)^-(r+x) d(u) du ].

    The integral is taken by Gauss-Legendre quadrature in v = ln((c+u)/(c+t_x)), c the shortest time scale, cut where
    nothing measurable remains: smooth for heavy buyers and long gaps alike, and nothing overflows.
    """

    @abstractmethod
    def _time_scale(self, parameters: Floats) -> float:
        """Return c of the quadrature, at most α."""

    @abstractmethod
    def _log_survival(self, parameters: Floats, age: Floats) -> tuple[Floats, Floats]:
        """Log S(age), and its gradient by the parameters after r and α."""

    @abstractmethod
    def _log_density(self, parameters: Floats, age: Floats) -> tuple[Floats, Floats]:
        """Log d(age), and its gradient by the parameters after r and α."""

    @abstractmethod
    def _decline(self, parameters: Floats, age: Floats) -> Floats:
        """-∂ log d(age) / ∂ age."""

    @abstractmethod
    def _life_within(self, t: float | Floats, age: Floats) -> Floats:
        """Expected time alive in (age, age + t] of a customer alive at that age."""

    @abstractmethod
    def _life_left(self, survival: Floats, age: Floats) -> Floats:
        """Time that a customer of this age outlives with probability `survival`."""

    def _death_integral(self, parameters: Floats, x: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Log of ∫ (α+u)^-(r+x) d(u) du from low to high, and its gradient; shapes (n,) and (parameters, n)."""
        r, alpha = parameters[:2]
        scale = self._time_scale(parameters)
        # In v the integrand falls at least as fast as exp(-fall * v).
        fall = (scale + low) * ((r + x) / (alpha + low) + self._decline(parameters, low)) - 1
        width = np.log1p((high - low) / (scale + low))
        width = np.where(fall > 0, np.minimum(width, NEGLIGIBLE / np.maximum(fall, 1e-9)), width)
        peak = self._log_density(parameters, low)[0] - (r + x) * np.log(alpha + low)
        total, moments = np.zeros(len(x)), np.zeros((len(parameters), len(x)))
        for node, weight in zip(_GRID, _WEIGHTS, strict=True):
            reach = (scale + low) * np.exp(width * node)
            buys = reach + (alpha - scale)
            log_buys = np.log(buys)
            log_density, slope = self._log_density(parameters, reach - scale)
            part = weight * np.exp(log_density - (r + x) * log_buys - peak) * reach
            total += part
            moments[0] -= part * log_buys
            moments[1] -= part * (r + x) / buys
            moments[2:] += part * slope
        with np.errstate(divide="ignore"):
            return np.log(width * total) + peak, moments / total

    def _log_alive(self, parameters: Floats, history: History) -> tuple[Floats, Floats]:
        """Log of (α+T)^-(r+x) S(T), and its gradient."""
        r, alpha = parameters[:2]
        log_survival, slope = self._log_survival(parameters, history.T)
        log_buys = np.log(alpha + history.T)
        gradient = np.stack([-log_buys, -(r + history.x) / (alpha + history.T), *slope])
        return log_survival - (r + history.x) * log_buys, gradient

    def _log_likelihood(self, parameters: Floats, history: History) -> tuple[Floats, Floats]:
        r, alpha = parameters[:2]
        x, t_x, T = history
        log_alive, alive_slope = self._log_alive(parameters, history)
        log_dead, dead_slope = self._death_integral(parameters, x, t_x, T)
        log_sum = np.logaddexp(log_alive, log_dead)
        alive = np.exp(log_alive - log_sum)
        gradient = alive * alive_slope + (1 - alive) * dead_slope
        gradient[0] += digamma(r + x) - digamma(r) + np.log(alpha)
        gradient[1] += r / alpha
        return gammaln(r + x) - gammaln(r) + r * np.log(alpha) + log_sum, gradient

    def alive(self, history: History) -> Floats:
        """P(alive at T), shape (n,): the share of "still alive" in the likelihood."""
        log_alive, _ = self._log_alive(self.parameters, history)
        log_dead, _ = self._death_integral(self.parameters, *history)
        return np.exp(log_alive - np.logaddexp(log_alive, log_dead))

    def expected_if_alive(self, t: float | Floats, history: History) -> Floats:
        """E[Y(t) | alive at T], shape (n,): given alive, the rates to buy and to die are independent."""
        r, alpha = self.parameters[:2]
        return (r + history.x) / (alpha + history.T) * self._life_within(t, history.T)

    def expected_purchases_new(self, t: ArrayLike) -> Floats:
        """Expected repeat purchases in (0, t] of a new customer, shape of t."""
        r, alpha = self.parameters[:2]
        times = check_positive("t", t, zero_allowed=True)
        return r / alpha * self._life_within(times, np.zeros_like(times))

    def no_purchase_if_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t] | alive at T), shape (n,): alive and quiet, or quiet until a death within t."""
        x, _, T = history
        log_alive, _ = self._log_alive(self.parameters, history)
        log_late, _ = self._log_alive(self.parameters, history._replace(T=T + t))
        log_dead, _ = self._death_integral(self.parameters, x, T, T + t)
        return np.exp(np.logaddexp(log_late, log_dead) - log_alive)

    def quietly_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t] and alive at T + t | alive at T), shape (n,)."""
        log_late, _ = self._log_alive(self.parameters, history._replace(T=history.T + t))
        return np.exp(log_late - self._log_alive(self.parameters, history)[0])

    def count_pmf_if_alive(self, t: float, history: History, y: Floats) -> Floats:
        """P(Y(t) = y | alive at T), shape (n, len(y)): negative binomial up to death or t, whichever comes first."""
        r, alpha = self.parameters[:2]
        x, _, T = (column[:, None] for column in history)
        log_late, log_now = (self._log_survival(self.parameters, age)[0] for age in (T + t, T))
        survives = np.exp(log_late - log_now)
        total = survives * negative_binomial(y, r + x, alpha + T, t)
        for node, weight in zip(_GRID, _WEIGHTS, strict=True):
            # Uniform in the death's survival function, from survives to 1.
            age = self._life_left(survives + (1 - survives) * node, T)
            total += weight * (1 - survives) * negative_binomial(y, r + x, alpha + T, age)
        return total
