"""When customers buy, as of a day: a purchase model on the purchase clock."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit

from mining.purchases.choice import fit_chosen, read_purchase_model
from mining.purchases.clock import PurchaseClock, history_of
from mining.purchases.history import Floats
from mining.purchases.models.base import PurchaseModel
from mining.purchases.season import learn_clock

CLIP = 1e-6
"""How near a probability comes to 0 and 1 where its log-odds are taken."""


@dataclass(frozen=True)
class PurchaseTiming:
    """A fitted purchase model, whose time is that of the clock."""

    model: PurchaseModel
    clock: PurchaseClock

    def log_odds_of_no_purchase(self, frame: pd.DataFrame, days: int) -> Floats:
        """Log-odds of no purchase in the days after each row's as-of date, shape (rows,)."""
        history = history_of(frame, self.clock)
        after = frame["as_of_date"].to_numpy("datetime64[D]")
        weeks = self.clock.weeks(after, after + days)
        probability = self.model.probability_no_purchase(weeks, *history)
        return np.asarray(logit(np.clip(probability, CLIP, 1 - CLIP)), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return the timing as JSON types."""
        return {"clock": self.clock.to_dict(), "purchases": self.model.to_dict()}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "PurchaseTiming":
        """Read what `to_dict` wrote."""
        return cls(read_purchase_model(content["purchases"]), PurchaseClock.from_dict(content["clock"]))


def fit_timing(frame: pd.DataFrame, calendar: pd.DataFrame) -> PurchaseTiming | None:
    """Learn clock and purchase model from the customers known on a day; None where no model has a maximum.

    Parameters
    ----------
    frame, calendar
        As in `season.learn_clock`.
    """
    if not (frame["purchase_days"] > 1).any():
        return None
    clock = learn_clock(frame, calendar)
    model = fit_chosen(history_of(frame, clock))
    return None if model is None else PurchaseTiming(model, clock)
