"""The mean of purchase models that the data do not tell apart."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from mining.purchases.history import Floats, History
from mining.purchases.models.base import PurchaseModel

NEGLIGIBLE = 0.01
"""A model of less weight is left out."""


class AveragedPurchases(PurchaseModel):
    """A mixture of fitted purchase models, weighted by how well the data support each.

    Akaike weights, exp(-AIC/2) brought to a sum of 1 (Buckland, Burnham & Augustin 1997, "Model Selection: An Integral
    Part of Inference", Biometrics 53). P(alive), and what is expected given alive, are weighted means.
    """

    name: ClassVar[str] = "averaged"
    label: ClassVar[str] = "mean of several purchase models"
    parameter_names: ClassVar[tuple[str, ...]] = ()
    time_parameters: ClassVar[tuple[str, ...]] = ()
    starts: ClassVar[tuple[tuple[float, ...], ...]] = ()

    def __init__(self, models: Sequence[PurchaseModel], weights: Sequence[float]) -> None:
        super().__init__(models[0].time_unit)
        self.models, self.weights = tuple(models), tuple(weights)
        self.params_: dict[str, float] = {}
        self.is_converged_ = all(model.is_converged_ for model in models)
        self.log_likelihood_ = max(model.log_likelihood_ for model in models)
        self.gradient_ = max(model.gradient_ for model in models)
        self.n_customers_ = models[0].n_customers_
        parts = (f"{model.label} {weight:.0%}" for model, weight in zip(models, weights, strict=True))
        self.meaning = f"the data do not tell them apart: {', '.join(parts)}"

    @property
    def parameters(self) -> Floats:
        """Estimates of the model that counts most."""
        return self.models[int(np.argmax(self.weights))].parameters

    def _mean(self, parts: Sequence[Floats]) -> Floats:
        """Weighted mean, added model by model, so that a customer's number does not depend on the others."""
        total = np.zeros_like(parts[0])
        for part, weight in zip(parts, self.weights, strict=True):
            total = total + weight * part
        return total

    def alive(self, history: History) -> Floats:
        """P(alive at T), shape (n,)."""
        return self._mean([model.alive(history) for model in self.models])

    def expected_if_alive(self, t: float | Floats, history: History) -> Floats:
        """E[Y(t) | alive at T], shape (n,)."""
        return self._mean([model.expected_if_alive(t, history) for model in self.models])

    def expected_purchases_new(self, t: ArrayLike) -> Floats:
        """E[X(t)], shape of t."""
        return self._mean([model.expected_purchases_new(t) for model in self.models])

    def no_purchase_if_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t] | alive at T), shape (n,)."""
        return self._mean([model.no_purchase_if_alive(t, history) for model in self.models])

    def quietly_alive(self, t: float | Floats, history: History) -> Floats:
        """P(no purchase in (T, T + t] and alive at T + t | alive at T), shape (n,)."""
        return self._mean([model.quietly_alive(t, history) for model in self.models])

    def count_pmf_if_alive(self, t: float, history: History, y: Floats) -> Floats:
        """P(Y(t) = y | alive at T), shape (n, len(y))."""
        return self._mean([model.count_pmf_if_alive(t, history, y) for model in self.models])

    def _log_likelihood(self, parameters: Floats, history: History) -> tuple[Floats, Floats]:  # noqa: ARG002
        likelihood = self._mean([np.exp(model.log_likelihood(*history)) for model in self.models])
        return np.log(likelihood), np.zeros((0, len(history.x)))

    def to_dict(self) -> dict[str, Any]:
        """The models and their weights as JSON types."""
        return {
            "model": self.name,
            "weights": list(self.weights),
            "models": [model.to_dict() for model in self.models],
        }

    @classmethod
    def of(cls, models: Sequence[PurchaseModel]) -> PurchaseModel:
        """Return the average of fitted models; the model itself where the others' weights are negligible."""
        support = np.array([model.log_likelihood_ - len(model.parameter_names) for model in models])
        weights = np.exp(support - support.max())
        kept = np.flatnonzero(weights / weights.sum() >= NEGLIGIBLE)
        supported = [models[place] for place in kept.tolist()]
        if len(supported) == 1:
            return supported[0]
        shares = np.round(weights[kept] / weights[kept].sum(), 6)
        return cls(supported, (shares / shares.sum()).tolist())
