"""The models of one day: purchases and spend fitted on a day's features."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mining.clv.base import PurchaseModel
from mining.clv.bg_nbd import BetaGeoNBD, ModifiedBetaGeoNBD
from mining.clv.gamma_gamma import GammaGamma
from mining.clv.inputs import Floats, History, check_history
from mining.clv.nbd import NBD, CommonDeathNBD
from mining.clv.pareto_nbd import ParetoNBD
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


class Scorer(NamedTuple):
    """What scoring needs: a purchase model, a spend model, the share of purchase days with positive spend."""

    purchases: PurchaseModel
    spend: GammaGamma
    share_paid: float


class FittedModels(NamedTuple):
    """All models fitted on one day; `problem` says why none of them can be used."""

    candidates: list[PurchaseModel]
    spend: GammaGamma
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
            return "the spend model has no interior maximum with a finite mean on these data"
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
    days, amount = spend_of(frame)
    if repeat < MINIMUM_REPEAT_BUYERS:
        return f"{repeat} customers had bought on a second day"
    if int((days > 0).sum()) < MINIMUM_REPEAT_BUYERS or len(np.unique(amount[days > 0])) < 2:
        return f"{int((days > 0).sum())} customers had spent amounts that differ"
    return None


def fit_all(frame: pd.DataFrame, judged: str = PREFERRED.name) -> FittedModels:
    """Fit every purchase model, and Gamma-Gamma on every purchase day with positive spend, the first one too.

    `judged` is the purchase model to use if it can be fitted: the one that a holdout has judged.
    """
    history, (days, amount) = history_of(frame), spend_of(frame)
    paid = days > 0
    spend = GammaGamma().fit(days[paid], amount[paid] / days[paid])
    share_paid = float(days.sum() / frame["purchase_days"].sum())
    return FittedModels([kind(TIME_UNIT).fit(*history) for kind in CANDIDATES], spend, share_paid, judged)


def frequency_spend_correlation(frame: pd.DataFrame) -> float:
    """Pearson correlation of purchase days and mean spend, which Gamma-Gamma assumes to be 0."""
    days, amount = spend_of(frame)
    paid = days > 0
    return float(np.corrcoef(days[paid], amount[paid] / days[paid])[0, 1])


def read_scorer(content: dict[str, Any]) -> Scorer:
    """Read what `write_scorer` wrote."""
    kind = next(kind for kind in CANDIDATES if kind.name == content["purchases"]["model"])
    return Scorer(
        kind.from_dict(content["purchases"]), GammaGamma.from_dict(content["spend"]), float(content["share_paid"])
    )


def write_scorer(scorer: Scorer) -> dict[str, Any]:
    """The models in use as JSON types."""
    return {
        "purchases": scorer.purchases.to_dict(),
        "spend": scorer.spend.to_dict(),
        "share_paid": scorer.share_paid,
    }
