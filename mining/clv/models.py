"""The models of one day: purchases and spend fitted on a day's features."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mining.clv.gamma_gamma import GammaGamma
from mining.clv.spend import LIMITS, CommonSpend, OnePrice, OwnPrice, SpendModel
from mining.purchases.choice import PREFERRED, choose, fit_candidates, read_purchase_model
from mining.purchases.clock import PLAIN, PurchaseClock, history_of
from mining.purchases.history import Floats
from mining.purchases.models.base import PurchaseModel
from mining.purchases.regularity import learn_stages

COLUMNS = frozenset({"purchase_days", "spend_days", "spend_amount"})
"""The feature columns that spend is learned from, beside the purchase history."""
MINIMUM_REPEAT_BUYERS = 50
SPEND: tuple[type[SpendModel], ...] = (GammaGamma, CommonSpend, OwnPrice, OnePrice)
SPEND_MEANINGS = {
    "gamma_gamma": "Gamma-Gamma",
    "common_spend": "one distribution of amounts for all customers, who are not seen to differ",
    "own_price": "each customer's own mean, from which amounts are not seen to differ",
    "one_price": "one price for all, since amounts do not differ",
}


class Scorer(NamedTuple):
    """What scoring needs: a purchase model, a spend model, the share of purchase days with positive spend.

    The purchase model's time is that of the clock.
    """

    purchases: PurchaseModel
    spend: SpendModel
    share_paid: float
    clock: PurchaseClock = PLAIN


class FittedModels(NamedTuple):
    """All models fitted on one day; `problem` says why none of them can be used."""

    candidates: list[PurchaseModel]
    spend: SpendModel
    share_paid: float
    judged: str = PREFERRED.name
    clock: PurchaseClock = PLAIN

    @property
    def chosen(self) -> PurchaseModel | None:
        """The purchase model in use (`choose`)."""
        return choose(self.candidates, self.judged)

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
        return Scorer(self.chosen, self.spend, self.share_paid, self.clock)

    @property
    def name(self) -> str:
        """Name of the purchase model in use, for readers."""
        return self.scorer.purchases.label

    @property
    def meaning(self) -> str:
        """What the purchase model in use says of customers."""
        return self.scorer.purchases.meaning


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


def fit_all(frame: pd.DataFrame, clock: PurchaseClock = PLAIN, judged: str = PREFERRED.name) -> FittedModels:
    """Fit every purchase model on a clock, and spend on every purchase day with positive spend, the first one too.

    `judged` is the purchase model to use if it can be fitted: the one that a holdout has judged.
    """
    history, (days, amount) = history_of(frame, clock), spend_of(frame)
    paid = days > 0
    spend = fit_spend(days[paid], amount[paid] / days[paid])
    share_paid = float(days.sum() / frame["purchase_days"].sum())
    return FittedModels(fit_candidates(history, learn_stages(frame)), spend, share_paid, judged, clock)


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
    spend = next(kind for kind in SPEND if kind.name == content["spend"]["model"])
    purchases = read_purchase_model(content["purchases"])
    clock = PurchaseClock.from_dict(content["clock"])
    return Scorer(purchases, spend.from_dict(content["spend"]), float(content["share_paid"]), clock)


def write_scorer(scorer: Scorer) -> dict[str, Any]:
    """The models in use as JSON types."""
    return {
        "clock": scorer.clock.to_dict(),
        "purchases": scorer.purchases.to_dict(),
        "spend": scorer.spend.to_dict(),
        "share_paid": scorer.share_paid,
    }
