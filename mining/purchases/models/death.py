"""Negative binomial purchases until an unseen death: what Pareto/NBD and its limit of one death rate share."""
# ruff: noqa: N806, RUF002  T and Greek letters are the papers' notation; docstrings say what is returned

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from mining.purchases.history import Floats, History, check_positive, unique_rows
from mining.purchases.models.base import PurchaseModel, negative_binomial
from mining.purchases.models.likelihood import LogLikelihood

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

    _negligible: ClassVar[float] = NEGLIGIBLE

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

    def _shape(self, parameters: Floats, x: Floats) -> Floats:
        """Shape of the Gamma distribution of the rate, given x purchases."""
        return parameters[0] + x

    def _log_quiet(self, parameters: Floats, history: History, age: Floats) -> tuple[Floats, Floats, Floats]:
        """Log of (α+age)^-(r+x): x purchases and none since, up to an age; and its gradient by r and α."""
        shape, buys = self._shape(parameters, history.x), parameters[1] + age
        log_buys = np.log(buys)
        return -shape * log_buys, -log_buys, -shape / buys

    def _death_integral(self, parameters: Floats, history: History, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Log of ∫ (α+u)^-(r+x) d(u) du from low to high, and its gradient; shapes (n,) and (parameters, n)."""
        scale, alpha = self._time_scale(parameters), parameters[1]
        shape = self._shape(parameters, history.x)
        # In v the integrand falls at least as fast as exp(-fall * v).
        fall = (scale + low) * (shape / (alpha + low) + self._decline(parameters, low)) - 1
        width = np.log1p((high - low) / (scale + low))
        width = np.where(fall > 0, np.minimum(width, self._negligible / np.maximum(fall, 1e-9)), width)
        peak = self._log_density(parameters, low)[0] - shape * np.log(alpha + low)
        total, moments = np.zeros(len(low)), np.zeros((len(parameters), len(low)))
        for node, weight in zip(_GRID, _WEIGHTS, strict=True):
            reach = (scale + low) * np.exp(width * node)
            log_quiet, by_r, by_alpha = self._log_quiet(parameters, history, reach - scale)
            log_density, slope = self._log_density(parameters, reach - scale)
            part = weight * np.exp(log_density + log_quiet - peak) * reach
            total += part
            moments[0] += part * by_r
            moments[1] += part * by_alpha
            moments[2:] += part * slope
        with np.errstate(divide="ignore"):
            return np.log(width * total) + peak, moments / total

    def _log_alive(self, parameters: Floats, history: History) -> tuple[Floats, Floats]:
        """Log of (α+T)^-(r+x) S(T), and its gradient."""
        log_survival, slope = self._log_survival(parameters, history.T)
        log_quiet, by_r, by_alpha = self._log_quiet(parameters, history, history.T)
        return log_survival + log_quiet, np.stack([by_r, by_alpha, *slope])

    def _log_likelihood(self, parameters: Floats, history: History) -> tuple[Floats, Floats]:
        r, alpha = parameters[:2]
        shape = self._shape(parameters, history.x)
        log_alive, alive_slope = self._log_alive(parameters, history)
        log_dead, dead_slope = self._death_integral(parameters, history, history.t_x, history.T)
        log_sum = np.logaddexp(log_alive, log_dead)
        alive = np.exp(log_alive - log_sum)
        gradient = alive * alive_slope + (1 - alive) * dead_slope
        gradient[0] += digamma(shape) - digamma(r) + np.log(alpha)
        gradient[1] += r / alpha
        return gammaln(shape) - gammaln(r) + r * np.log(alpha) + log_sum, gradient

    def _total(self, history: History, weights: Floats) -> LogLikelihood:
        """As the sum of `_log_likelihood`, where the silence since the last purchase does not change q.

        The integral from t_x to T is one from t_x to the end of all histories less one from T on. Both depend on x and
        one time alone, of which there are fewer pairs than histories. What is lost in the difference is small beside
        the chance of being alive, to which it is added.
        """
        if self.recency_matters:
            return super()._total(history, weights)
        columns, position, _ = unique_rows(np.tile(history.x, 2), np.concatenate([history.t_x, history.T]))
        pairs, (last, end) = History(columns[0], np.zeros_like(columns[1]), columns[1]), np.split(position, 2)
        (bought,), kind, numbers = unique_rows(pairs.x)
        customers = np.bincount(kind[end], weights, len(numbers))
        latest = np.full_like(pairs.T, history.T.max())

        def total(parameters: Floats) -> tuple[float, Floats]:
            r, alpha = parameters[:2]
            log_alive, alive_slope = self._log_alive(parameters, pairs)
            log_later, later_slope = self._death_integral(parameters, pairs, pairs.T, latest)
            top = np.maximum(log_alive[end], log_later[last])
            alive, since, after = (np.exp(log - top) for log in (log_alive[end], log_later[last], log_later[end]))
            likelihood = alive + since - after
            share = weights / likelihood
            dead = np.bincount(last, since * share, len(pairs.x)) - np.bincount(end, after * share, len(pairs.x))
            alive_there = np.bincount(end, alive * share, len(pairs.x))
            gradient = np.sum(alive_slope * alive_there + later_slope * dead, axis=1)
            shape, everybody = self._shape(parameters, bought), float(weights.sum())
            gradient[0] += customers @ (digamma(shape) - digamma(r) + np.log(alpha))
            gradient[1] += everybody * r / alpha
            constant = customers @ (gammaln(shape) - gammaln(r)) + everybody * r * np.log(alpha)
            return float(constant + np.sum(weights * (top + np.log(likelihood)))), gradient

        return total

    def alive(self, history: History) -> Floats:
        """P(alive at T), shape (n,): the share of "still alive" in the likelihood."""
        log_alive, _ = self._log_alive(self.parameters, history)
        log_dead, _ = self._death_integral(self.parameters, history, history.t_x, history.T)
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
        until = history.T + t
        log_alive, _ = self._log_alive(self.parameters, history)
        log_late, _ = self._log_alive(self.parameters, history._replace(T=until))
        log_dead, _ = self._death_integral(self.parameters, history, history.T, until)
        return np.exp(np.logaddexp(log_late, log_dead) - log_alive)

    def quietly_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t] and alive at T + t | alive at T), shape (n,)."""
        log_late, _ = self._log_alive(self.parameters, history._replace(T=history.T + t))
        return np.exp(log_late - self._log_alive(self.parameters, history)[0])

    def count_pmf_if_alive(self, t: float, history: History, y: Floats) -> Floats:
        """P(Y(t) = y | alive at T), shape (n, len(y)): purchases up to death or t, whichever comes first."""
        T = history.T[:, None]
        log_late, log_now = (self._log_survival(self.parameters, age)[0] for age in (T + t, T))
        survives = np.exp(log_late - log_now)
        within = self._counts_within(history, y)
        total = survives * within(t)
        for node, weight in zip(_GRID, _WEIGHTS, strict=True):
            # Uniform in the death's survival function, from survives to 1.
            age = self._life_left(survives + (1 - survives) * node, T)
            total += weight * (1 - survives) * within(age)
        return total

    def _counts_within(self, history: History, y: Floats) -> Callable[[float | Floats], Floats]:
        """P(y purchases in a time) of customers alive throughout it, as a function of the time: negative binomial."""
        r, alpha = self.parameters[:2]
        x, _, T = (column[:, None] for column in history)
        return lambda time: negative_binomial(y, r + x, alpha + T, time)
