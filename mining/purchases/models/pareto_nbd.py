"""Pareto/NBD (Schmittlein, Morrison & Colombo 1987)."""
# ruff: noqa: RUF002  T and Greek letters are the papers' notation; docstrings say what is returned

from typing import ClassVar

import numpy as np

from mining.purchases.history import Floats
from mining.purchases.models.death import DeathProcessNBD


class ParetoNBD(DeathProcessNBD):
    """Purchases come at a customer's own rate λ ~ Gamma(r, α) until an unseen death at rate μ ~ Gamma(s, β).

    S(u) = (β/(β+u))^s. The likelihood is that of Schmittlein, Morrison & Colombo (1987), in the form of Fader & Hardie,
    "A note on deriving the Pareto/NBD model" (2005), eq. 17-20, with its two hypergeometric functions as one integral.

    Examples
    --------
    >>> model = ParetoNBD().fit([2, 0, 5, 1], [30.4, 0, 20.1, 3.2], [38.9, 38.9, 38.9, 30.0])
    >>> round(float(model.p_alive([2], [30.4], [38.9])[0]), 1)
    1.0
    """

    name: ClassVar[str] = "pareto_nbd"
    label: ClassVar[str] = "Pareto/NBD"
    meaning: str = "each customer has an own rate of leaving"
    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    time_parameters: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    starts: ClassVar[tuple[tuple[float, ...], ...]] = ((0.6, 0.3, 0.6, 0.3), (2.0, 0.1, 0.5, 2.0))

    def _time_scale(self, parameters: Floats) -> float:
        return float(min(parameters[1], parameters[3]))

    def _log_survival(self, parameters: Floats, age: Floats) -> tuple[Floats, Floats]:
        s, beta = parameters[2:]
        log_odds = np.log1p(age / beta)
        return -s * log_odds, np.stack([-log_odds, s * age / (beta * (beta + age))])

    def _log_density(self, parameters: Floats, age: Floats) -> tuple[Floats, Floats]:
        s, beta = parameters[2:]
        log_odds = np.log1p(age / beta)
        slope = np.stack([1 / s - log_odds, (s * age / beta - 1) / (beta + age)])
        return np.log(s / beta) - (s + 1) * log_odds, slope

    def _decline(self, parameters: Floats, age: Floats) -> Floats:
        s, beta = parameters[2:]
        return (s + 1) / (beta + age)

    def _life_within(self, t: float | Floats, age: Floats) -> Floats:
        """(β+age)/(s-1) [1 - ((β+age)/(β+age+t))^(s-1)] (Schmittlein et al. 1987, eq. 17 and 22)."""
        s, beta = self.parameters[2:]
        log_odds = np.log1p(t / (beta + age))
        if abs(s - 1) < 1e-12:
            return (beta + age) * log_odds
        return (beta + age) / (s - 1) * -np.expm1(-(s - 1) * log_odds)

    def _life_left(self, survival: Floats, age: Floats) -> Floats:
        s, beta = self.parameters[2:]
        return (beta + age) * np.expm1(-np.log(survival) / s)
