"""Gamma-Gamma model of spend per purchase (Fader & Hardie, note 025)."""
# ruff: noqa: RUF002  T and Greek letters are the papers' notation; docstrings say what is returned

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from mining.clv.spend import LikelihoodSpend, history
from mining.clv.totals import BetaPrime, mixture_quantile
from mining.purchases.history import Floats
from mining.purchases.predictive import CountDistribution


class GammaGamma(LikelihoodSpend):
    """Amounts z ~ Gamma(p, ν) of a customer with own ν ~ Gamma(q, γ), independent of how often the customer buys.

    Fader & Hardie, "The Gamma-Gamma model of monetary value" (note 025, 2013): likelihood eq. 1a,
    E[Z | x, z̄] eq. 5; Fader, Hardie & Lee (2005), "RFM and CLV", Journal of Marketing Research 42.

    `params_` has `p`, `q` (no unit) and `gamma` (money). Where q ≤ 1 the population's mean is infinite.
    """

    name = "gamma_gamma"
    parameter_names = ("p", "q", "gamma")
    money_parameters = ("gamma",)
    starts = ((3.0, 4.0, 1.0), (1.0, 2.0, 2.0))

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
    def population_mean(self) -> float:
        """pγ/(q - 1), money: the mean amount over customers."""
        p, q, gamma = self.parameters.tolist()
        return float(p * gamma / (q - 1)) if q > 1 else float("inf")

    def posterior(self, x: ArrayLike, total_spend: ArrayLike) -> tuple[Floats, Floats]:
        """Shape and rate of ν given x positive purchases that total `total_spend`; shapes (n,)."""
        p, q, gamma = self.parameters
        purchases, spend = history(x, total_spend)
        return q + p * purchases, gamma + spend

    def expected_spend(self, x: ArrayLike, total_spend: ArrayLike) -> Floats:
        """E[Z | x, z̄] = (γ + x z̄) p / (px + q - 1) (note 025 eq. 5), money per purchase; x = 0: population mean."""
        shape, rate = self.posterior(x, total_spend)
        return float(self.parameters[0]) * rate / (shape - 1)

    def total_quantile(self, counts: CountDistribution, x: Floats, total_spend: Floats, level: float) -> Floats:
        """Of y purchases: with ν's posterior Gamma(q', γ'), γ' times a beta-prime(p y, q') variable (note 025)."""
        shape, rate = self.posterior(x, total_spend)
        p = self.params_["p"]
        total = mixture_quantile(
            counts, level, lambda rows: BetaPrime(p * counts.purchases[rows, 1:], shape[rows, None])
        )
        return total * rate
