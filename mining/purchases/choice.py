"""Which purchase model a day's data support, of the ones fitted on it."""

from typing import Any

from mining.purchases.history import TIME_UNIT, History
from mining.purchases.models.average import AveragedPurchases
from mining.purchases.models.base import PurchaseModel
from mining.purchases.models.bg_nbd import BetaGeoNBD, ModifiedBetaGeoNBD
from mining.purchases.models.nbd import NBD, CommonDeathNBD
from mining.purchases.models.pareto_nbd import ParetoNBD

PREFERRED: type[PurchaseModel] = ParetoNBD
STAND_INS: tuple[type[PurchaseModel], ...] = (ModifiedBetaGeoNBD, CommonDeathNBD, NBD)
"""Where Pareto/NBD has its maximum at its edge: their mean is used, weighted by how well the data support each."""
CANDIDATES: tuple[type[PurchaseModel], ...] = (PREFERRED, *STAND_INS, BetaGeoNBD)


def fit_candidates(history: History) -> list[PurchaseModel]:
    """Fit every purchase model on histories in weeks."""
    return [kind(TIME_UNIT).fit(*history) for kind in CANDIDATES]


def fit_chosen(history: History) -> PurchaseModel | None:
    """Fit the purchase model in use alone: Pareto/NBD, and the stand-ins where it has no interior maximum."""
    preferred = PREFERRED(TIME_UNIT).fit(*history)
    if preferred.is_converged_:
        return preferred
    return choose([kind(TIME_UNIT).fit(*history) for kind in STAND_INS])


def choose(candidates: list[PurchaseModel], judged: str = PREFERRED.name) -> PurchaseModel | None:
    """Return the model in use, of those with an interior maximum; None where there is none.

    Pareto/NBD, or the mean of the stand-ins: the kind that has been judged, if it can be fitted, else the other one.
    """
    converged = {model.name: model for model in candidates if model.is_converged_}
    stand_ins = [converged[kind.name] for kind in STAND_INS if kind.name in converged]
    if PREFERRED.name in converged and (judged == PREFERRED.name or not stand_ins):
        return converged[PREFERRED.name]
    return AveragedPurchases.of(stand_ins) if stand_ins else None


def read_purchase_model(content: dict[str, Any]) -> PurchaseModel:
    """Read what `PurchaseModel.to_dict` wrote."""
    if content["model"] == AveragedPurchases.name:
        return AveragedPurchases([read_purchase_model(model) for model in content["models"]], content["weights"])
    kind = next(kind for kind in CANDIDATES if kind.name == content["model"])
    return kind.from_dict(content)
