"""Pareto/NBD (Schmittlein, Morrison & Colombo 1987)."""
# ruff: noqa: N806, RUF002  T and Greek letters are the papers' notation; docstrings say what is returned

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from mining.clv.base import PurchaseModel
from mining.clv.inputs import Floats, History, check_positive

NODES = 32
"""Gauss-Legendre nodes."""
NEGLIGIBLE = 32.0
"""The integral is cut where the integrand has fallen by exp(-32), about 1e-14."""
_GRID, _WEIGHTS = (array / 2 for array in np.polynomial.legendre.leggauss(NODES))
_GRID = _GRID + 0.5


def _one_minus_power(exponent: float, log_ratio: Floats) -> Floats:
    """(1 - exp(-exponent * log_ratio)) / exponent, continuous at exponent 0."""
    if abs(exponent) < 1e-12:
        return log_ratio
    return -np.expm1(-exponent * log_ratio) / exponent


class ParetoNBD(PurchaseModel):
    """Purchases come at a customer's own rate λ ~ Gamma(r, α) until an unseen death at rate μ ~ Gamma(s, β).

    The likelihood is that of Schmittlein, Morrison & Colombo (1987), in the form of Fader & Hardie, "A note on deriving
    the Pareto/NBD model" (2005), eq. 17-20: with A(u) = (α+u)^-(r+x) (β+u)^-s,

        L = Γ(r+x)/Γ(r) α^r β^s [ A(T) + s ∫ from t_x to T of A(u) / (β+u) du ].

    Instead of two hypergeometric functions the integral is taken by Gauss-Legendre quadrature in
    v = ln((c+u)/(c+t_x)), c = min(α, β), cut where nothing measurable remains: smooth for heavy buyers and long gaps
    alike, and nothing overflows.

    Examples
    --------
    >>> model = ParetoNBD().fit([2, 0, 5, 1], [30.4, 0, 20.1, 3.2], [38.9, 38.9, 38.9, 30.0])
    >>> round(float(model.p_alive([2], [30.4], [38.9])[0]), 1)
    1.0
    """

    name: ClassVar[str] = "pareto_nbd"
    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    time_parameters: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    starts: ClassVar[tuple[tuple[float, ...], ...]] = ((0.6, 0.3, 0.6, 0.3), (2.0, 0.1, 0.5, 2.0))

    def _death_integral(
        self, parameters: Floats, x: Floats, low: Floats, high: Floats, *, gradient: bool = False
    ) -> tuple[Floats, Floats]:
        """Log of s ∫ (α+u)^-(r+x) (β+u)^-(s+1) du from low to high, and its gradient; shapes (n,) and (4, n)."""
        r, alpha, s, beta = parameters
        nearer = min(alpha, beta)
        # In v = log((nearer+u)/(nearer+low)) the integrand falls at least as fast as exp(-fall * v).
        fall = (r + x) * (nearer + low) / (alpha + low) + (s + 1) * (nearer + low) / (beta + low) - 1
        width = np.log1p((high - low) / (nearer + low))
        width = np.where(fall > 0, np.minimum(width, NEGLIGIBLE / np.maximum(fall, 1e-9)), width)
        peak = (r + x) * np.log(alpha + low) + (s + 1) * np.log(beta + low)
        sums = np.zeros((5, len(x)))
        for node, weight in zip(_GRID, _WEIGHTS, strict=True):
            reach = (nearer + low) * np.exp(width * node)
            buys, lives = reach + (alpha - nearer), reach + (beta - nearer)
            log_buys, log_lives = np.log(buys), np.log(lives)
            part = weight * np.exp(peak - (r + x) * log_buys - (s + 1) * log_lives) * reach
            sums[0] += part
            if gradient:
                sums[1] += part * log_buys
                sums[2] += part / buys
                sums[3] += part * log_lives
                sums[4] += part / lives
        with np.errstate(divide="ignore"):
            log_total = np.log(s * width * sums[0]) - peak
        means = sums[1:] / sums[0]
        slope = np.stack([-means[0], -(r + x) * means[1], 1 / s - means[2], -(s + 1) * means[3]])
        return log_total, slope

    def _log_likelihood(self, parameters: Floats, history: History) -> tuple[Floats, Floats]:
        r, alpha, s, beta = parameters
        x, t_x, T = history
        log_alive = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
        log_dead, dead_slope = self._death_integral(parameters, x, t_x, T, gradient=True)
        log_sum = np.logaddexp(log_alive, log_dead)
        constant = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        alive_slope = np.stack([-np.log(alpha + T), -(r + x) / (alpha + T), -np.log(beta + T), -s / (beta + T)])
        outer = np.stack(
            [
                digamma(r + x) - digamma(r) + np.log(alpha),
                np.full_like(x, r / alpha),
                np.full_like(x, np.log(beta)),
                np.full_like(x, s / beta),
            ]
        )
        alive = np.exp(log_alive - log_sum)
        return constant + log_sum, outer + alive * alive_slope + (1 - alive) * dead_slope

    def alive(self, history: History) -> Floats:
        """P(alive at T), Schmittlein et al. (1987) eq. 11-13: the share of A(T) in the likelihood."""
        r, alpha, s, beta = self.parameters
        x, t_x, T = history
        log_alive = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
        log_dead, _ = self._death_integral(self.parameters, x, t_x, T)
        return np.exp(log_alive - np.logaddexp(log_alive, log_dead))

    def expected_if_alive(self, t: float | Floats, history: History) -> Floats:
        """E[Y(t) | alive at T], Schmittlein et al. (1987) eq. 22; given alive, λ and μ are independent gammas."""
        r, alpha, s, beta = self.parameters
        log_ratio = np.log1p(t / (beta + history.T))
        return (r + history.x) * (beta + history.T) / (alpha + history.T) * _one_minus_power(s - 1, log_ratio)

    def expected_purchases_new(self, t: ArrayLike) -> Floats:
        """E[X(t)] = rβ/(α(s-1)) [1 - (β/(β+t))^(s-1)] (Schmittlein et al. 1987, eq. 17)."""
        r, alpha, s, beta = self.parameters
        times = check_positive("t", t, zero_allowed=True)
        return r * beta / alpha * _one_minus_power(s - 1, np.log1p(times / beta))

    def no_purchase_if_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t] | alive at T), shape (n,): alive and quiet, or quiet until a death within t."""
        r, alpha, s, beta = self.parameters
        x, _, T = history
        log_alive = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
        log_late = -(r + x) * np.log(alpha + T + t) - s * np.log(beta + T + t)
        log_dead, _ = self._death_integral(self.parameters, x, T, T + t)
        return np.exp(np.logaddexp(log_late, log_dead) - log_alive)

    def quietly_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t] and alive at T + t | alive at T), shape (n,)."""
        r, alpha, s, beta = self.parameters
        x, _, T = history
        return np.exp(-(r + x) * np.log1p(t / (alpha + T)) - s * np.log1p(t / (beta + T)))

    def count_pmf_if_alive(self, t: float, history: History, y: Floats) -> Floats:
        """P(Y(t) = y | alive at T), shape (n, len(y)): negative binomial up to min(death, t), death Lomax(s, β+T)."""
        r, alpha, s, beta = self.parameters
        x, _, T = (column[:, None] for column in history)
        log_odds = np.log(beta + T + t) - np.log(beta + T)
        survives = np.exp(-s * log_odds)
        choose = gammaln(r + x + y) - gammaln(r + x) - gammaln(y + 1)

        def given_death_at(age: Floats | float) -> Floats:
            log_stay = np.log1p(age / (alpha + T))
            log_go = np.log(age) - np.log(alpha + T + age)
            return np.exp(choose - (r + x) * log_stay + y * log_go)

        total = survives * given_death_at(t)
        for node, weight in zip(_GRID, _WEIGHTS, strict=True):
            # Uniform in the death's survival function, from survives to 1.
            survival = survives + (1 - survives) * node
            age = (beta + T) * np.expm1(-np.log(survival) / s)
            total += weight * (1 - survives) * given_death_at(age)
        return total
