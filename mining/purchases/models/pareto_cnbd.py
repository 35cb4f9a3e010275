"""Pareto/CNBD-k: Pareto/NBD with a rhythm, gaps between purchases that are more regular than chance."""
# ruff: noqa: N806, RUF002  T and Greek letters are the papers' notation; docstrings say what is returned

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import comb, gammaln

from mining.purchases.history import Floats, History
from mining.purchases.models.pareto_nbd import ParetoNBD

NODES, WEIGHTS = (array / 2 for array in np.polynomial.legendre.leggauss(12))
NODES = NODES + 0.5


class ParetoCNBD(ParetoNBD):
    """Pareto/NBD whose gaps between purchases are Erlang-k: the sum of k exponential stages.

    A customer passes stages at a rate λ ~ Gamma(r, α), and every k-th stage ends in a purchase, until an unseen death
    at rate μ ~ Gamma(s, β). Who has just bought will not buy again soon, and who is overdue has probably left. For
    k = 1 it is Pareto/NBD. Chatfield & Goodhardt (1973), "A consumer purchasing model with Erlang inter-purchase
    times", JASA 68; with leaving after a purchase instead of at an unseen time: Platzer & Reutterer (2016), "Ticking
    away the moments", Marketing Science 35(5), whose MBG/CNBD-k has k chosen by likelihood too.

    With S and d the survival function and density of the death, and q the chance of no purchase since t_x,

        L = Γ(r+kx)/Γ(r) α^r [ q(T) S(T) + ∫ from t_x to T of q(u) d(u) du ] * t_x^((k-1)x) Γ(x)/Γ(kx),
        q(u) = (α+u)^-(r+kx) Σ over j < k of Γ(r+kx+j)/(Γ(r+kx) j!) ((u-t_x)/(α+u))^j.

    The last factor of L makes it comparable with that of the other models: all are densities of (x, t_x), times
    Γ(x)/t_x^(x-1). How the purchases lie between the first and the last depends on k alone
    (`mining.purchases.regularity`).

    Parameters
    ----------
    time_unit : str
        Unit of times.
    stages : int
        k.
    """

    name: ClassVar[str] = "pareto_cnbd"
    label: ClassVar[str] = "Pareto/CNBD-k"
    recency_matters: ClassVar[bool] = True
    # The sum in q grows slower than exp(16) while the integrand falls by exp(-48).
    _negligible: ClassVar[float] = 48.0

    def __init__(self, time_unit: str = "week", stages: int = 1) -> None:
        super().__init__(time_unit)
        self._set_stages(stages)

    def _set_stages(self, stages: int) -> None:
        self.stages = stages
        self.meaning = f"customers buy with a rhythm (Erlang-{stages} gaps), and each has an own rate of leaving"

    def _shape(self, parameters: Floats, x: Floats) -> Floats:
        return np.asarray(parameters[0] + self.stages * x, dtype=np.float64)

    def _log_quiet(self, parameters: Floats, history: History, age: Floats) -> tuple[Floats, Floats, Floats]:
        """Log of q, and its gradient by r and α."""
        log_quiet, by_r, by_alpha = super()._log_quiet(parameters, history, age)
        shape, stages = self._shape(parameters, history.x), self._stages(parameters, history, age)
        total = np.sum(stages, axis=0)
        log_slope, passed_by_r, passed = np.zeros_like(shape), np.zeros_like(shape), np.zeros_like(shape)
        for j in range(1, self.stages):
            log_slope = log_slope + 1 / (shape + j - 1)
            passed_by_r += stages[j] * log_slope
            passed += j * stages[j]
        return log_quiet + np.log(total), by_r + passed_by_r / total, by_alpha - passed / total / (parameters[1] + age)

    def _stages(self, parameters: Floats, history: History, age: Floats) -> Floats:
        """Weights of 0, 1, … k-1 stages passed since the last purchase, the first 1; shape (k, n)."""
        shape = self._shape(parameters, history.x)
        share = np.maximum(age - history.t_x, 0.0) / (parameters[1] + age)
        weights = [np.ones_like(share)]
        for j in range(1, self.stages):
            weights.append(weights[-1] * share * (shape + j - 1) / j)
        return np.stack(weights)

    def _log_likelihood(self, parameters: Floats, history: History) -> tuple[Floats, Floats]:
        value, gradient = super()._log_likelihood(parameters, history)
        again, k = history.x > 0, self.stages
        x, t_x = np.where(again, history.x, 1.0), np.where(again, history.t_x, 1.0)
        between = (k - 1) * x * np.log(t_x) + gammaln(x) - gammaln(k * x)
        return value + np.where(again, between, 0.0), gradient

    def expected_if_alive(self, t: float | Floats, history: History) -> Floats:
        """E[Y(t) | alive at T], shape (n,): whole purchases among the stages to come.

        Of M stages since the last purchase, (M - M mod k)/k are purchases; the mean of M is that of Pareto/NBD, and
        the mean of M mod k follows from the generating function of M at the k-th roots of unity.
        """
        alpha, T, k = self.parameters[1], history.T, self.stages
        shape, weights = self._shape(self.parameters, history.x), self._stages(self.parameters, history, T)
        weights = weights / np.sum(weights, axis=0)
        passed = np.sum(weights * np.arange(k)[:, None], axis=0)
        log_late, log_now = (self._log_survival(self.parameters, age)[0] for age in (T + t, T))
        survives = np.exp(log_late - log_now)
        odd = survives * _odd_stages(t / (alpha + T), shape, weights)
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            life = self._life_left(survives + (1 - survives) * node, T)
            odd = odd + weight * (1 - survives) * _odd_stages(life / (alpha + T), shape, weights)
        stages = passed + (shape + passed) / (alpha + T) * self._life_within(t, T)
        return np.maximum((stages - (k - 1) / 2 - odd) / k, 0.0)

    def expected_purchases_new(self, t: ArrayLike) -> Floats:
        """Expected repeat purchases in (0, t] of a new customer, shape of t."""
        times = np.asarray(t, dtype=np.float64)
        new = np.zeros(times.size)
        return self.expected_if_alive(times.ravel(), History(new, new, new)).reshape(times.shape)

    def _counts_within(self, history: History, y: Floats) -> Callable[[float | Floats], Floats]:
        """P(y purchases in a time) for y = 0, 1, 2, …: k stages each, the first ones perhaps passed already.

        P(M stages since t_x, of which fewer than k before T) = Γ(n+M)/(Γ(n) M!) (1-p)^n p^M Σ over j < k of
        C(M, j) (gap/time)^j / Σ of the weights, with n = r + kx and p = time/(α+T+time).
        """
        alpha, k = self.parameters[1], self.stages
        x, t_x, T = (column[:, None] for column in history)
        n = self._shape(self.parameters, x)
        total = np.sum(self._stages(self.parameters, History(x, t_x, T), T), axis=0)
        stages = np.arange(k * len(y), dtype=np.float64)
        choose = gammaln(n + stages) - gammaln(n) - gammaln(stages + 1)
        ways = [comb(stages, j) for j in range(k)]

        def within(time: float | Floats) -> Floats:
            log_share = np.log(time) - np.log(alpha + T + time)
            probability = np.exp(choose - n * np.log1p(time / (alpha + T)) + stages * log_share)
            before: Floats = np.zeros_like(probability)
            for way in reversed(ways):
                before = before * ((T - t_x) / time) + way
            probability = probability * before / total
            return np.asarray(probability.reshape(len(x), len(y), k).sum(axis=2), dtype=np.float64)

        return within

    def to_dict(self) -> dict[str, Any]:
        """The fitted model as JSON types."""
        return {**super().to_dict(), "stages": self.stages}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        model = super().from_dict(content)
        model._set_stages(int(content["stages"]))
        return model


def _odd_stages(share: float | Floats, shape: Floats, weights: Floats) -> Floats:
    """Mean of M mod k less (k-1)/2, shape (n,): Σ over the roots w ≠ 1 of E[w^M] / (1/w - 1).

    Parameters
    ----------
    share
        Time ahead over α + T.
    shape, weights
        Shape of the rate's distribution without stages passed, (n,); weights of the stages passed, (k, n), sum 1.
    """
    k = len(weights)
    total: Floats = np.zeros_like(shape)
    for place in range(1, k // 2 + 1):
        root = np.exp(2j * np.pi * place / k)
        base = 1 + (1 - root) * share
        passed = np.zeros_like(shape, dtype=np.complex128)
        for weight in weights[::-1]:
            passed = passed * (root / base) + weight
        mean = passed * base**-shape / (1 / root - 1)
        # Roots come in conjugate pairs, but for -1.
        total = total + mean.real * (1 if 2 * place == k else 2)
    return total
