"""Shifted beta-geometric: how long a contract lasts where nothing is known of it but its age."""
# ruff: noqa: RUF001, RUF002  Greek letters are the papers' notation; docstrings say what is returned

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, digamma, hyp2f1

from pipeline.base.errors import UserError

Floats = NDArray[np.float64]
LARGEST = 1e6
"""Of α and β, from which the model is as good as a geometric distribution: everybody leaves at the same rate."""
GRADIENT = 1e-4


class ShiftedBetaGeometric:
    """A customer ends at each renewal with an own, constant probability θ ~ Beta(α, β).

    Fader & Hardie (2007), "How to project customer retention", Journal of Interactive Marketing 21(1), 76-90:

        P(T = t) = B(α+1, β+t-1) / B(α, β)      the end comes at the t-th renewal
        S(t) = B(α, β+t) / B(α, β)              the contract outlives t renewals
        r(t) = (β+t-1) / (α+β+t-1)              retention at the t-th renewal

    Retention rises with age because those who were likely to leave have left, not because anybody changes.

    Attributes
    ----------
    params_ : dict of str to float
        `alpha` and `beta`.
    log_likelihood_ : float
        Of all cohorts.
    is_converged_ : bool
        Whether the estimate is an interior maximum.
    n_customers_ : float
        Contracts in the fit.

    Examples
    --------
    >>> model = ShiftedBetaGeometric().fit([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'alpha': 0.668, 'beta': 3.806}
    """

    name: ClassVar[str] = "sbg"
    parameter_names: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    def fit(self, survivors: ArrayLike, *cohorts: ArrayLike) -> Self:
        """Estimate α and β by maximum likelihood.

        Parameters
        ----------
        survivors, *cohorts : array_like of shape (renewals + 1,)
            Of each cohort the contracts at its start, then those that outlived the first, second, … renewal. Cohorts
            may differ in length.

        Raises
        ------
        UserError
            A cohort has no renewal, is negative or grows; or nobody ended, or everybody ended at the first renewal.
        """
        lost, left = _counts([_cohort(cohort) for cohort in (survivors, *cohorts)])
        return self.fit_counts(lost, left)

    def fit_counts(self, lost: ArrayLike, left: ArrayLike) -> Self:
        """Estimate α and β from contracts counted by age.

        Parameters
        ----------
        lost : array_like of shape (renewals,)
            Contracts that ended at the first, second, … renewal.
        left : array_like of shape (renewals,)
            Contracts that have outlived so many renewals, and are not known further.
        """
        ended, running = (np.asarray(counts, dtype=np.float64) for counts in (lost, left))
        ages = np.arange(1.0, len(ended) + 1)
        total = float(ended.sum() + running.sum())
        if not ended.any():
            raise UserError(f"{self.name}: none of {total:,.0f} contracts has ended, so no rate can be learned.")
        if not ended[1:].any() and not running.any():
            raise UserError(f"{self.name}: all contracts ended at the first renewal: no later one is known.")

        def loss(logs: Floats) -> tuple[float, Floats]:
            alpha, beta = np.exp(logs)
            ends = betaln(alpha + 1, beta + ages - 1) - betaln(alpha, beta)
            lives = betaln(alpha, beta + ages) - betaln(alpha, beta)
            common = digamma(alpha + beta + ages)
            base_alpha, base_beta = (digamma(alpha + beta) - digamma(value) for value in (alpha, beta))
            by_alpha = ended @ (digamma(alpha + 1) - common + base_alpha)
            by_alpha += running @ (digamma(alpha) - common + base_alpha)
            by_beta = ended @ (digamma(beta + ages - 1) - common + base_beta)
            by_beta += running @ (digamma(beta + ages) - common + base_beta)
            gradient = np.array([by_alpha * alpha, by_beta * beta])
            return -float(ended @ ends + running @ lives) / total, -gradient / total

        limit = float(np.log(LARGEST))
        found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-limit, limit)] * 2,
                         options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000})  # fmt: skip
        alpha, beta = np.exp(found.x).tolist()
        self.params_ = {"alpha": float(alpha), "beta": float(beta)}
        self.log_likelihood_ = -float(found.fun) * total
        inside = bool(np.all(np.abs(found.x) < limit - 1e-6))
        self.is_converged_ = inside and bool(np.all(np.abs(loss(found.x)[1]) < GRADIENT))
        self.n_customers_ = total
        return self

    @property
    def _parameters(self) -> tuple[float, float]:
        if not hasattr(self, "params_"):
            raise UserError(f"{self.name} is not fitted: call fit, or read a fitted model with from_dict.")
        return self.params_["alpha"], self.params_["beta"]

    def survival(self, renewals: ArrayLike) -> Floats:
        """S(t): probability that a new contract outlives so many renewals, shape of the argument."""
        alpha, beta = self._parameters
        return np.exp(betaln(alpha, beta + np.asarray(renewals, dtype=np.float64)) - betaln(alpha, beta))

    def retention(self, renewal: ArrayLike) -> Floats:
        """r(t): probability to be renewed the t-th time, of contracts that came so far; shape of the argument."""
        alpha, beta = self._parameters
        before = np.asarray(renewal, dtype=np.float64) - 1
        return np.asarray((beta + before) / (alpha + beta + before), dtype=np.float64)

    def expected_lifetime(self, discount_rate: float) -> float:
        """DEL: payments expected of a new contract, the first one at once, discounted per period.

        Σ S(t) / (1+d)^t = 2F1(1, β; α+β; 1/(1+d)). Without discounting it has no mean where α ≤ 1: inf.
        """
        return float(self._discounted(np.zeros(1), discount_rate)[0])

    def expected_residual_lifetime(self, discount_rate: float, renewed: ArrayLike) -> Floats:
        """DERL: payments still to come of a contract that was renewed so often, just before its next renewal.

        Σ over t > n of S(t) / S(n) / (1+d)^(t-n-1), n renewals so far: retention times the DEL that follows (Fader &
        Hardie 2010, "Customer-base valuation in a contractual setting", Marketing Science 29(1)).
        """
        times = np.asarray(renewed, dtype=np.float64)
        return self.retention(times + 1) * self._discounted(times + 1, discount_rate)

    def _discounted(self, renewed: Floats, rate: float) -> Floats:
        if rate < 0:
            raise UserError(f"discount_rate is {rate:g}: give a rate per period of 0 or more.")
        alpha, beta = self._parameters
        if rate == 0:
            # Gauss's sum of 2F1 at 1.
            mean = (alpha + beta + renewed - 1) / (alpha - 1) if alpha > 1 else np.full_like(renewed, np.inf)
            return np.asarray(mean, dtype=np.float64)
        return np.asarray(hyp2f1(1.0, beta + renewed, alpha + beta + renewed, 1 / (1 + rate)), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """The fitted model as JSON types."""
        return {
            "model": self.name,
            "parameters": {"alpha": self._parameters[0], "beta": self._parameters[1]},
            "log_likelihood": self.log_likelihood_,
            "is_converged": self.is_converged_,
            "customers": self.n_customers_,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        model = cls()
        model.params_ = {name: float(content["parameters"][name]) for name in cls.parameter_names}
        model.log_likelihood_ = float(content["log_likelihood"])
        model.is_converged_ = bool(content["is_converged"])
        model.n_customers_ = float(content["customers"])
        return model


def _cohort(survivors: ArrayLike) -> Floats:
    counts = np.atleast_1d(np.asarray(survivors, dtype=np.float64))
    if counts.ndim != 1 or len(counts) < 2:
        raise UserError("A cohort needs its size at the start, and how many outlived one renewal or more.")
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise UserError(f"A cohort counts {counts.min():g} contracts: give finite numbers of 0 or more.")
    if (np.diff(counts) > 0).any():
        renewal = int(np.argmax(np.diff(counts) > 0)) + 1
        raise UserError(
            f"A cohort grows from {counts[renewal - 1]:g} to {counts[renewal]:g} at renewal {renewal}: count only "
            "contracts that it began with."
        )
    return counts


def _counts(cohorts: list[Floats]) -> tuple[Floats, Floats]:
    """Contracts that ended at each renewal, and those not known beyond each, of all cohorts."""
    longest = max(len(counts) for counts in cohorts) - 1
    lost, left = np.zeros(longest), np.zeros(longest)
    for counts in cohorts:
        lost[: len(counts) - 1] -= np.diff(counts)
        left[len(counts) - 2] += counts[-1]
    return lost, left
