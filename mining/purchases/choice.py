"""Which purchase model a day's data support, of the ones fitted on it."""

from typing import Any

from mining.purchases.history import TIME_UNIT, History
from mining.purchases.models.average import AveragedPurchases
from mining.purchases.models.base import PurchaseModel
from mining.purchases.models.bg_nbd import BetaGeoNBD, ModifiedBetaGeoNBD
from mining.purchases.models.fits import fit_once
from mining.purchases.models.nbd import NBD, CommonDeathNBD
from mining.purchases.models.pareto_cnbd import ParetoCNBD
from mining.purchases.models.pareto_nbd import ParetoNBD
from mining.purchases.regularity import CHANCE

PREFERRED: type[PurchaseModel] = ParetoNBD
STAND_INS: tuple[type[PurchaseModel], ...] = (ModifiedBetaGeoNBD, CommonDeathNBD, NBD)
"""Where Pareto/NBD has its maximum at its edge: their mean is used, weighted by how well the data support each."""
CANDIDATES: tuple[type[PurchaseModel], ...] = (PREFERRED, *STAND_INS, BetaGeoNBD)
KINDS: tuple[type[PurchaseModel], ...] = (*CANDIDATES, ParetoCNBD)
RIVAL: type[PurchaseModel] = ModifiedBetaGeoNBD
VERY_STRONG = 5.0
"""By how much a rival's log-likelihood has to be larger: very strong evidence (Kass & Raftery 1995, "Bayes factors",
JASA 90), as both have four parameters. Where who buys seldom leaves sooner, most leave after their first purchase."""
OWN_LEAVING = (ParetoNBD.name, ParetoCNBD.name)
"""Pareto/NBD, and Pareto/NBD with a rhythm: the one that makes the histories likelier is used.

The gaps between purchases alone do not decide. Weekly shoppers buy with a rhythm and go away on holiday: their gaps are
regular, and their silences are not.
"""


def fit_candidates(history: History, stages: int = CHANCE) -> list[PurchaseModel]:
    """Fit every purchase model on histories in weeks; the one with a rhythm where the gaps show one."""
    return [fit_once(kind(TIME_UNIT), history) for kind in CANDIDATES] + _with_rhythm(history, stages)


def fit_chosen(history: History, stages: int = CHANCE) -> PurchaseModel | None:
    """Fit the model that other inputs are stacked on alone: Pareto/NBD, and the stand-ins where it has no maximum.

    Without the rival: its forecasts alone may be the better ones, but they leave less for other inputs to add.
    """
    preferred = [fit_once(PREFERRED(TIME_UNIT), history), *_with_rhythm(history, stages)]
    return choose(preferred) or choose([fit_once(kind(TIME_UNIT), history) for kind in STAND_INS])


def _with_rhythm(history: History, stages: int) -> list[PurchaseModel]:
    return [fit_once(ParetoCNBD(TIME_UNIT, stages), history)] if stages > CHANCE else []


def choose(candidates: list[PurchaseModel], judged: str = PREFERRED.name) -> PurchaseModel | None:
    """Return the model in use, of those with an interior maximum; None where there is none.

    Pareto/NBD (with a rhythm, where that is likelier; MBG/NBD, where the evidence for it is very strong), or the mean
    of the stand-ins: the kind that has been judged, if it can be fitted, else the other one.
    """
    converged = {model.name: model for model in candidates if model.is_converged_}
    stand_ins = [converged[kind.name] for kind in STAND_INS if kind.name in converged]
    preferred = [converged[name] for name in OWN_LEAVING if name in converged]
    rival = converged.get(RIVAL.name)
    if preferred and rival and judged == rival.name:
        return rival
    if preferred and (judged in OWN_LEAVING or not stand_ins):
        best = max(preferred, key=lambda model: model.log_likelihood_)
        return rival if rival and rival.log_likelihood_ > best.log_likelihood_ + VERY_STRONG else best
    return AveragedPurchases.of(stand_ins) if stand_ins else None


def read_purchase_model(content: dict[str, Any]) -> PurchaseModel:
    """Read what `PurchaseModel.to_dict` wrote."""
    if content["model"] == AveragedPurchases.name:
        return AveragedPurchases([read_purchase_model(model) for model in content["models"]], content["weights"])
    kind = next(kind for kind in KINDS if kind.name == content["model"])
    return kind.from_dict(content)
