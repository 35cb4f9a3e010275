"""The churn model's inputs: behaviour up to the cut-off, on scales where a straight line is a fair guess.

Counts, days and amounts enter as logarithms, habits as ratios, answers as yes or no. Inputs that say how somebody buys
are the base of every model; the families in `SCREENED` enter only where they tell more than that (`screening`). Who the
customer is (name, address, age, sex) never
enters; nor does `is_left_truncated`, which describes the extract and not the customer.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mining.evaluation import Floats
from mining.rhythm import own_gap

Compute = Callable[[pd.DataFrame, float], Floats]

FAMILIES = {
    "recency": "time since the last purchase",
    "lately": "purchases in the last 4 and 12 weeks",
    "trend": "the last 4 weeks against the 4 before",
    "history": "purchases and age since the first purchase",
    "spend": "spending in the last 12 weeks and per visit",
    "rhythm": "regularity of the gaps between purchases",
    "variety": "categories bought",
    "discount": "share of list value given as discount",
    "returns": "returns in the last 12 weeks",
    "campaigns": "campaign responses in the last 12 weeks",
    "complaints": "complaints in the last year, and how they were handled",
    "waiting": "waits, and contacts given up while waiting",
    "satisfaction": "the last survey answers",
    "website": "web sessions in the last 4 and 12 weeks, and since when there was none",
    "subscription": "a running subscription",
    "contacts": "contacts in the last 12 weeks",
}
SCREENED = (
    "returns", "campaigns", "complaints", "waiting", "satisfaction", "website", "subscription", "contacts",
)  # fmt: skip
"""Families that are no purchase behaviour."""
DETRACTOR = 6
"""Highest answer (of 0 to 10) of a detractor (Reichheld 2003, "The One Number You Need to Grow")."""
DISSATISFIED = 2
"""Highest answer (of 1 to 5) that is called dissatisfied."""


@dataclass(frozen=True)
class Input:
    """One model input: its family (reasons add up by family) and the optional feature columns that it needs."""

    family: str
    compute: Compute
    optional: str | None = None


def _values(frame: pd.DataFrame, column: str) -> Floats:
    return frame[column].to_numpy(dtype=np.float64)


def _log(column: str, power: int = 1) -> Compute:
    return lambda frame, _: np.log1p(np.maximum(_values(frame, column), 0.0)) ** power


def _overdue(frame: pd.DataFrame, typical_gap: float) -> Floats:
    return np.log1p(_values(frame, "recency_days")) - np.log1p(own_gap(frame, typical_gap))


def _trend(frame: pd.DataFrame, _: float) -> Floats:
    return np.log1p(_values(frame, "purchase_days_28d")) - np.log1p(_values(frame, "purchase_days_prior_28d"))


def _spend_per_day(frame: pd.DataFrame, _: float) -> Floats:
    return np.log1p(_values(frame, "spend_amount") / np.maximum(_values(frame, "spend_days"), 1.0))


def _answer(column: str, highest: int) -> Compute:
    """1 where the last answer was this low, 0 where it was not or nobody answered, unknown without surveys."""
    return lambda frame, _: np.where(
        np.isnan(_values(frame, "surveys_365d")), np.nan, (_values(frame, column) <= highest).astype(np.float64)
    )


def _irregularity(frame: pd.DataFrame, _: float) -> Floats:
    return _values(frame, "gap_stddev_days") / _values(frame, "gap_mean_days")


INPUTS: dict[str, Input] = {
    "log_recency": Input("recency", _log("recency_days")),
    "squared_log_recency": Input("recency", _log("recency_days", power=2)),
    "overdue": Input("recency", _overdue),
    "log_purchase_days_28d": Input("lately", _log("purchase_days_28d")),
    "log_purchase_days_84d": Input("lately", _log("purchase_days_84d")),
    "trend": Input("trend", _trend),
    "log_purchase_days": Input("history", _log("purchase_days")),
    "log_tenure": Input("history", _log("tenure_days")),
    "log_net_sales_84d": Input("spend", _log("net_sales_84d")),
    "log_spend_per_day": Input("spend", _spend_per_day),
    "irregularity": Input("rhythm", _irregularity),
    "log_categories": Input("variety", _log("categories"), "categories"),
    "discount_share": Input("discount", lambda frame, _: _values(frame, "discount_share"), "discount_share"),
    "log_returns_84d": Input("returns", _log("returns_84d"), "returns_84d"),
    "log_campaign_responses_84d": Input("campaigns", _log("campaign_responses_84d"), "campaign_responses_84d"),
    "log_badly_handled_complaints_365d": Input(
        "complaints", _log("badly_handled_complaints_365d"), "badly_handled_complaints_365d"
    ),
    "log_complaints_365d": Input("complaints", _log("complaints_365d"), "complaints_365d"),
    "log_abandoned_84d": Input("waiting", _log("abandoned_84d"), "abandoned_84d"),
    "log_wait_seconds_365d": Input("waiting", _log("wait_seconds_365d"), "wait_seconds_365d"),
    "is_detractor": Input("satisfaction", _answer("last_nps_score", DETRACTOR), "surveys_365d"),
    "is_dissatisfied": Input("satisfaction", _answer("last_csat_score", DISSATISFIED), "surveys_365d"),
    "log_web_sessions_28d": Input("website", _log("web_sessions_28d"), "web_sessions_28d"),
    "log_web_sessions_84d": Input("website", _log("web_sessions_84d"), "web_sessions_84d"),
    "log_days_since_web_session": Input("website", _log("days_since_web_session"), "days_since_web_session"),
    "has_subscription": Input("subscription", lambda frame, _: _values(frame, "has_subscription"), "has_subscription"),
    "log_contacts_84d": Input("contacts", _log("contacts_84d"), "contacts_84d"),
}
SMALLEST_SPREAD = 1e-9
BASELINE_INPUTS = ("log_recency",)


def design(frame: pd.DataFrame, names: tuple[str, ...], gap: float) -> dict[str, Floats]:
    """Compute the named inputs. Unknown values stay NaN: the model fills its own medians."""
    return {name: INPUTS[name].compute(frame, gap) for name in names}


def split_inputs(frame: pd.DataFrame, gap: float) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the inputs that the training rows can support, and why each other one is left out."""
    dropped: dict[str, str] = {}
    for name, values in design(frame, tuple(INPUTS), gap).items():
        known = values[~np.isnan(values)]
        needs = INPUTS[name].optional
        if not len(known):
            dropped[name] = f"no source provides {needs}" if needs else "no customer has a value"
        elif np.std(known) < SMALLEST_SPREAD:
            dropped[name] = "the same for every customer"
    return tuple(name for name in INPUTS if name not in dropped), dropped
