"""Gamma-Gamma model of spend per purchase (Fader & Hardie, note 025)."""
# ruff: noqa: RUF002  T and Greek letters are the papers' notation; docstrings say what is returned

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from mining.clv.inputs import Floats, check_positive, unique_rows
from mining.clv.likelihood import maximise
from pipeline.errors import UserError


class GammaGamma:
    """Amounts z ~ Gamma(p, ν) of a customer with own ν ~ Gamma(q, γ), independent of how often the customer buys.

    Fader & Hardie, "The Gamma-Gamma model of monetary value" (note 025, 2013): likelihood eq. 1a,
    E[Z | x, z̄] eq. 5; Fader, Hardie & Lee (2005), "RFM and CLV", Journal of Marketing Research 42.

    Attributes
    ----------
    params_ : dict of str to float
        `p`, `q` (no unit) and `gamma` (money).
    log_likelihood_, is_converged_, n_customers_
        As in the purchase models; not converged also where q ≤ 1, since the population's mean is then infinite.
    """

    name = "gamma_gamma"
    parameter_names = ("p", "q", "gamma")

    def fit(self, x: ArrayLike, mean_spend: ArrayLike) -> Self:
        """Estimate by maximum likelihood.

        Parameters
        ----------
        x : array_like of shape (n,)
            Purchases with a positive amount, at least 1.
        mean_spend : array_like of shape (n,)
            Mean amount of these purchases, above zero, in one currency.
        """
        purchases, spend = self._check(x, mean_spend)
        (n, z), _, counts = unique_rows(purchases, spend)
        if len(z) < 2:
            raise UserError(f"{self.name}: {len(z)} distinct amounts. Give customers whose spend differs.")
        unit = float(np.exp(np.sum(np.log(z) * counts) / counts.sum()))
        scaled = z / unit

        def log_likelihood(parameters: Floats) -> tuple[float, Floats]:
            value, gradient = self._log_likelihood(parameters, n, scaled)
            return float(np.sum(value * counts)), np.sum(gradient * counts, axis=1)

        total = float(counts.sum())
        fit = maximise(log_likelihood, [np.array([3.0, 4.0, 1.0]), np.array([1.0, 2.0, 2.0])], total)
        p, q, gamma = fit.parameters.tolist()
        self.params_: dict[str, float] = {"p": p, "q": q, "gamma": gamma * unit}
        self.log_likelihood_ = fit.log_likelihood - float(np.log(unit)) * total
        self.is_converged_ = bool(fit.is_converged and q > 1)
        self.n_customers_ = round(total)
        return self

    @staticmethod
    def _check(x: ArrayLike, mean_spend: ArrayLike) -> tuple[Floats, Floats]:
        purchases = check_positive("x", x, zero_allowed=False)
        spend = check_positive("mean_spend", mean_spend, zero_allowed=False)
        if len(purchases) != len(spend):
            raise UserError(
                f"x has {len(purchases)} values and mean_spend {len(spend)}: give one per customer in each."
            )
        return purchases, spend

    @staticmethod
    def _log_likelihood(parameters: Floats, n: Floats, z: Floats) -> tuple[Floats, Floats]:
        """Note 025 eq. 1a and its gradient by (p, q, γ); shapes (n,) and (3, n)."""
        p, q, gamma = parameters
        total = n * z
        log_sum = np.log(gamma + total)
        value = gammaln(p * n + q) - gammaln(p * n) - gammaln(q) + q * np.log(gamma)
        value = value + p * n * np.log(total) - np.log(z) - (p * n + q) * log_sum
        gradient = np.stack(
            [
                n * (digamma(p * n + q) - digamma(p * n) + np.log(total) - log_sum),
                digamma(p * n + q) - digamma(q) + np.log(gamma) - log_sum,
                q / gamma - (p * n + q) / (gamma + total),
            ]
        )
        return value, gradient

    @property
    def parameters(self) -> Floats:
        """Estimates in the order of `parameter_names`."""
        if not hasattr(self, "params_"):
            raise UserError(f"{self.name} is not fitted: call fit, or read a fitted model with from_dict.")
        return np.array([self.params_[name] for name in self.parameter_names])

    @property
    def population_mean(self) -> float:
        """pγ/(q - 1), money: the mean amount over customers."""
        p, q, gamma = self.parameters.tolist()
        return float(p * gamma / (q - 1))

    def posterior(self, x: ArrayLike, total_spend: ArrayLike) -> tuple[Floats, Floats]:
        """Shape and rate of ν given x positive purchases that total `total_spend`; shapes (n,)."""
        p, q, gamma = self.parameters
        purchases = check_positive("x", x, zero_allowed=True)
        spend = check_positive("total_spend", total_spend, zero_allowed=True)
        return q + p * purchases, gamma + spend

    def expected_spend(self, x: ArrayLike, total_spend: ArrayLike) -> Floats:
        """E[Z | x, z̄] = (γ + x z̄) p / (px + q - 1) (note 025 eq. 5), money per purchase; x = 0: population mean."""
        shape, rate = self.posterior(x, total_spend)
        return float(self.parameters[0]) * rate / (shape - 1)

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
        model.log_likelihood_ = float(content["log_likelihood"])
        model.is_converged_ = bool(content["is_converged"])
        model.n_customers_ = int(content["customers"])
        return model
