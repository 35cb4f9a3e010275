"""The models of one day: purchases and spend fitted on a day's features."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mining.clv.base import PurchaseModel
from mining.clv.bg_nbd import BetaGeoNBD, ModifiedBetaGeoNBD
from mining.clv.gamma_gamma import GammaGamma
from mining.clv.inputs import Floats, History, check_history
from mining.clv.nbd import NBD, CommonDeathNBD
from mining.clv.pareto_nbd import ParetoNBD
from mining.clv.spend import LIMITS, CommonSpend, OnePrice, OwnPrice, SpendModel
from mining.clv.value import DAYS_PER_WEEK

TIME_UNIT = "week"
MINIMUM_REPEAT_BUYERS = 50
PREFERRED: type[PurchaseModel] = ParetoNBD
STAND_INS: tuple[type[PurchaseModel], ...] = (ModifiedBetaGeoNBD, CommonDeathNBD, NBD)
"""Where Pareto/NBD has its maximum at its edge: the one with the highest likelihood is used."""
CANDIDATES: tuple[type[PurchaseModel], ...] = (PREFERRED, *STAND_INS, BetaGeoNBD)
LABELS = {
    "pareto_nbd": "Pareto/NBD",
    "mbg_nbd": "MBG/NBD",
    "nbd_common_death": "NBD with one rate of leaving for all customers",
    "nbd": "NBD without leaving",
}
MEANINGS = {
    "pareto_nbd": "each customer has an own rate of leaving",
    "mbg_nbd": "customers may leave after each purchase",
    "nbd_common_death": "the data show no difference between customers in leaving",
    "nbd": "nobody is seen to leave, so every customer counts as active",
}
SPEND: tuple[type[SpendModel], ...] = (GammaGamma, CommonSpend, OwnPrice, OnePrice)
SPEND_MEANINGS = {
    "gamma_gamma": "Gamma-Gamma",
    "common_spend": "one distribution of amounts for all customers, who are not seen to differ",
    "own_price": "each customer's own mean, from which amounts are not seen to differ",
    "one_price": "one price for all, since amounts do not differ",
}


class Scorer(NamedTuple):
    """What scoring needs: a purchase model, a spend model, the share of purchase days with positive spend."""

    purchases: PurchaseModel
    spend: SpendModel
    share_paid: float


class FittedModels(NamedTuple):
    """All models fitted on one day; `problem` says why none of them can be used."""

    candidates: list[PurchaseModel]
    spend: SpendModel
    share_paid: float
    judged: str = PREFERRED.name

    @property
    def chosen(self) -> PurchaseModel | None:
        """The model in use, of those with an interior maximum.

        The one that has been judged, if any; else Pareto/NBD; else the likeliest stand-in.
        """
        converged = {model.name: model for model in self.candidates if model.is_converged_}
        for name in (self.judged, PREFERRED.name):
            if name in converged:
                return converged[name]
        stand_ins = [converged[kind.name] for kind in STAND_INS if kind.name in converged]
        return max(stand_ins, key=lambda model: model.log_likelihood_, default=None)

    @property
    def problem(self) -> str | None:
        """Why the models cannot be used, or None."""
        if self.chosen is None:
            return "no purchase model has an interior maximum: customers' own rates differ no more than by chance"
        if not self.spend.is_converged_:
            return (
                "amounts differ so much between customers that the spend model has no finite mean: a few large ones "
                "decide it"
            )
        return None

    @property
    def scorer(self) -> Scorer:
        """The models in use; only where `problem` is None."""
        if self.chosen is None:
            raise ValueError(self.problem)
        return Scorer(self.chosen, self.spend, self.share_paid)

    @property
    def name(self) -> str:
        """Name of the purchase model in use, for readers."""
        return LABELS[self.scorer.purchases.name]

    @property
    def meaning(self) -> str:
        """What the purchase model in use says of customers."""
        return MEANINGS[self.scorer.purchases.name]


def history_of(frame: pd.DataFrame) -> History:
    """(x, t_x, T) in weeks. Purchases of one day are one purchase."""
    return check_history(
        frame["purchase_days"].to_numpy(float) - 1,
        frame["active_span_days"].to_numpy(float) / DAYS_PER_WEEK,
        frame["tenure_days"].to_numpy(float) / DAYS_PER_WEEK,
    )


def spend_of(frame: pd.DataFrame) -> tuple[Floats, Floats]:
    """Purchase days with positive spend, and their total."""
    return frame["spend_days"].fillna(0).to_numpy(float), frame["spend_amount"].fillna(0).to_numpy(float)


def too_few(frame: pd.DataFrame) -> str | None:
    """What there is too little of to learn from, or None."""
    repeat = int((frame["purchase_days"] > 1).sum())
    paying = int((spend_of(frame)[0] > 0).sum())
    if repeat < MINIMUM_REPEAT_BUYERS:
        return f"{repeat} customers had bought on a second day"
    if paying < MINIMUM_REPEAT_BUYERS:
        return f"{paying} customers had bought for more than nothing"
    return None


def fit_spend(x: ArrayLike, mean_spend: ArrayLike) -> SpendModel:
    """Fit Gamma-Gamma or, where amounts differ too little for it, the simplest model that is right there.

    Where Gamma-Gamma has its maximum at an edge, customers are not seen to differ, or not seen to pay different amounts
    themselves: the likelier of these two limits takes its place. Where no spread can be estimated at all, it is one
    price. (A maximum inside with an infinite mean is Gamma-Gamma's, and a problem.)
    """
    if len(np.unique(mean_spend)) > 1:
        preferred = GammaGamma().fit(x, mean_spend)
        if preferred.is_interior_:
            return preferred
        limits = [model for model in (kind().fit(x, mean_spend) for kind in LIMITS) if model.is_interior_]
        if limits:
            return max(limits, key=lambda model: model.log_likelihood_ or -np.inf)
    return OnePrice().fit(x, mean_spend)


def fit_all(frame: pd.DataFrame, judged: str = PREFERRED.name) -> FittedModels:
    """Fit every purchase model, and spend on every purchase day with positive spend, the first one too.

    `judged` is the purchase model to use if it can be fitted: the one that a holdout has judged.
    """
    history, (days, amount) = history_of(frame), spend_of(frame)
    paid = days > 0
    spend = fit_spend(days[paid], amount[paid] / days[paid])
    share_paid = float(days.sum() / frame["purchase_days"].sum())
    return FittedModels([kind(TIME_UNIT).fit(*history) for kind in CANDIDATES], spend, share_paid, judged)


def frequency_spend_correlation(frame: pd.DataFrame) -> float | None:
    """Pearson correlation of purchase days and mean spend, assumed to be 0; None where one of them is constant."""
    days, amount = spend_of(frame)
    paid = days > 0
    visits, mean = days[paid], amount[paid] / days[paid]
    if any(np.ptp(column) <= 1e-9 * column.max() for column in (visits, mean)):
        return None
    return float(np.corrcoef(visits, mean)[0, 1])


def read_scorer(content: dict[str, Any]) -> Scorer:
    """Read what `write_scorer` wrote."""
    kind = next(kind for kind in CANDIDATES if kind.name == content["purchases"]["model"])
    spend = next(kind for kind in SPEND if kind.name == content["spend"]["model"])
    return Scorer(kind.from_dict(content["purchases"]), spend.from_dict(content["spend"]), float(content["share_paid"]))


def write_scorer(scorer: Scorer) -> dict[str, Any]:
    """The models in use as JSON types."""
    return {
        "purchases": scorer.purchases.to_dict(),
        "spend": scorer.spend.to_dict(),
        "share_paid": scorer.share_paid,
    }
