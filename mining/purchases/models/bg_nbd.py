"""BG/NBD (Fader, Hardie & Lee 2005) and MBG/NBD (Batislam, Denizel & Filiztekin 2007)."""
# ruff: noqa: N806, RUF002  T and Greek letters are the papers' notation; docstrings say what is returned

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, gammaln, hyp2f1

from mining.purchases.history import Floats, History, check_positive, unique_rows
from mining.purchases.models.base import PurchaseModel, negative_binomial
from mining.purchases.models.likelihood import LogLikelihood


class BetaGeoNBD(PurchaseModel):
    """Purchases at an own rate; after each repeat purchase the customer may leave for good.

    Rates λ ~ Gamma(r, α), probabilities to leave p ~ Beta(a, b).

    Likelihood: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2), eq. 6;
    E[X(t)]: eq. 9; E[Y(t) | x, t_x, T]: eq. 10. One-time buyers are alive with probability 1 by construction.
    """

    name: ClassVar[str] = "bg_nbd"
    label: ClassVar[str] = "BG/NBD"
    meaning: str = "customers may leave after each repeat purchase"
    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    time_parameters: ClassVar[tuple[str, ...]] = ("alpha",)
    starts: ClassVar[tuple[tuple[float, ...], ...]] = ((0.5, 0.2, 0.8, 2.0), (2.0, 0.1, 0.2, 3.0))
    _dropouts_at_first: ClassVar[int] = 0
    """1 where the customer may leave right after the first purchase too (MBG/NBD)."""

    def _log_dead(self, parameters: Floats, x: Floats, time: Floats) -> Floats:
        """Log of a/(b+x-1+m) (α+time)^-(r+x); -inf where no chance to leave has come yet (BG/NBD with x = 0)."""
        r, alpha, a, b = parameters
        chances = x + self._dropouts_at_first
        safe = np.maximum(b + chances - 1, np.finfo(float).tiny)
        return np.where(chances > 0, np.log(a / safe) - (r + x) * np.log(alpha + time), -np.inf)

    def _log_likelihood(self, parameters: Floats, history: History) -> tuple[Floats, Floats]:
        r, alpha, a, b = parameters
        x, t_x, T = history
        chances = x + self._dropouts_at_first
        log_alive = -(r + x) * np.log(alpha + T)
        log_dead = self._log_dead(parameters, x, t_x)
        log_sum = np.logaddexp(log_alive, log_dead)
        alive = np.exp(log_alive - log_sum)
        dead = 1 - alive
        constant = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + chances) - betaln(a, b)
        both = digamma(a + b) - digamma(a + b + chances)
        one_less = np.where(chances > 0, b + chances - 1, 1.0)
        gradient = np.stack(
            [
                digamma(r + x) - digamma(r) + np.log(alpha) - alive * np.log(alpha + T) - dead * np.log(alpha + t_x),
                r / alpha - (r + x) * (alive / (alpha + T) + dead / (alpha + t_x)),
                both + dead / a,
                both + digamma(b + chances) - digamma(b) - dead / one_less,
            ]
        )
        return constant + log_sum, gradient

    def _total(self, history: History, weights: Floats) -> LogLikelihood:
        """As the sum of `_log_likelihood`; special functions and logarithms are taken of each distinct value once."""
        columns = [unique_rows(column) for column in history]
        (xs,), (ts,), (Ts,) = (values for values, _, _ in columns)
        at_x, at_t, at_T = (position for _, position, _ in columns)
        of_x, of_T = (np.bincount(place, weights) for place in (at_x, at_T))
        shapes = np.bincount(at_T, weights * history.x)
        chances, customers = xs + self._dropouts_at_first, float(weights.sum())

        def total(parameters: Floats) -> tuple[float, Floats]:
            r, alpha, a, b = parameters
            one_less = np.where(chances > 0, b + chances - 1, 1.0)
            log_odds = np.where(chances > 0, np.log(a / one_less), -np.inf)
            log_end, since = np.log(alpha + Ts), np.log(alpha + Ts)[at_T] - np.log(alpha + ts)[at_t]
            shape = r + history.x
            odds = log_odds[at_x] + shape * since
            small = np.exp(-np.abs(odds))
            dead = weights * np.where(odds > 0, 1.0, small) / (1 + small)
            quiet, left = r * of_T + shapes, np.bincount(at_x, dead)
            constant = gammaln(r + xs) - gammaln(r) + r * np.log(alpha) + betaln(a, b + chances) - betaln(a, b)
            value = of_x @ constant - quiet @ log_end + np.sum(weights * (np.maximum(odds, 0.0) + np.log1p(small)))
            both = of_x @ (digamma(a + b) - digamma(a + b + chances))
            sooner = np.sum(dead * shape * ((1 / (alpha + ts))[at_t] - (1 / (alpha + Ts))[at_T]))
            gradient = np.array([
                of_x @ (digamma(r + xs) - digamma(r) + np.log(alpha)) - of_T @ log_end + np.sum(dead * since),
                customers * r / alpha - quiet @ (1 / (alpha + Ts)) - sooner,
                both + left.sum() / a,
                both + of_x @ (digamma(b + chances) - digamma(b)) - left @ (1 / one_less),
            ])  # fmt: skip
            return float(value), gradient

        return total

    def alive(self, history: History) -> Floats:
        """P(alive at T): the share of "still a customer" in the likelihood (1 for x = 0 under BG/NBD), shape (n,)."""
        log_alive = -(self.parameters[0] + history.x) * np.log(self.parameters[1] + history.T)
        log_dead = self._log_dead(self.parameters, history.x, history.t_x)
        return np.exp(log_alive - np.logaddexp(log_alive, log_dead))

    def _growth(self, a: float, b: Floats, shape: Floats, share: Floats) -> Floats:
        """(a+b-1)/(a-1) [1 - (1-z)^shape 2F1(shape, b; a+b-1; z)], the bracket of eq. 9 and 10.

        Euler's transformation turns the product into (1-z)^(a-1) 2F1(a-1, a+b-1-shape; a+b-1; z), which neither
        overflows nor underflows for heavy buyers. At a = 1 the expression is the limit of its neighbours.
        """
        if abs(a - 1) < 1e-5:
            around = (self._growth(1 + sign * 2e-5, b, shape, share) for sign in (-1, 1))
            return np.mean(list(around), axis=0)
        power = np.exp((a - 1) * np.log1p(-share)) * hyp2f1(a - 1, a + b - 1 - shape, a + b - 1, share)
        return (a + b - 1) / (a - 1) * (1 - power)

    def expected_if_alive(self, t: float | Floats, history: History) -> Floats:
        """E[Y(t) | alive at T], shape (n,) (Fader, Hardie & Lee 2005, eq. 10)."""
        r, alpha, a, b = self.parameters
        x, _, T = history
        share = t / (alpha + T + t)
        return self._growth(a, b + x + self._dropouts_at_first, r + x, share)

    def expected_purchases_new(self, t: ArrayLike) -> Floats:
        """Expected repeat purchases in (0, t] of a new customer (BG/NBD eq. 9), shape of t."""
        r, alpha, a, b = self.parameters
        times = check_positive("t", t, zero_allowed=True)
        chances = self._dropouts_at_first
        stays = (b / (a + b)) ** chances
        share = times / (alpha + times)
        return stays * self._growth(a, np.full_like(times, b + chances), np.full_like(times, r), share)

    def no_purchase_if_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t] | alive at T), shape (n,): nobody leaves without a purchase."""
        r, alpha, _, _ = self.parameters
        return np.exp(-(r + history.x) * np.log1p(t / (alpha + history.T)))

    def quietly_alive(self, t: float | Floats, history: History) -> Floats:
        """As `no_purchase_if_alive`: a customer leaves only right after a purchase."""
        return self.no_purchase_if_alive(t, history)

    def count_pmf_if_alive(self, t: float, history: History, y: Floats) -> Floats:
        """P(Y(t) = y | alive at T), shape (n, len(y)): y purchases and still a customer, or gone at the y-th."""
        r, alpha, a, b = self.parameters
        x, _, T = (column[:, None] for column in history)
        stayed = b + x + self._dropouts_at_first
        bought = negative_binomial(y, r + x, alpha + T, t)
        at_least = np.maximum(1 - np.cumsum(bought, axis=1) + bought, 0.0)
        through = np.exp(betaln(a, stayed + y) - betaln(a, stayed))
        gone = np.where(y > 0, np.exp(betaln(a + 1, stayed + y - 1) - betaln(a, stayed)), 0.0)
        return bought * through + at_least * gone


class ModifiedBetaGeoNBD(BetaGeoNBD):
    """BG/NBD in which a customer may leave right after the first purchase too.

    Batislam, Denizel & Filiztekin (2007), "Empirical validation and comparison of models for customer base analysis",
    International Journal of Research in Marketing 24(3). It is BG/NBD with one more chance to leave (b + 1 for b once
    a customer is known to be alive), so that one-time buyers can have left.
    """

    name: ClassVar[str] = "mbg_nbd"
    label: ClassVar[str] = "MBG/NBD"
    meaning: str = "customers may leave after each purchase"
    _dropouts_at_first: ClassVar[int] = 1
