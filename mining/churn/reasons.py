"""Why a customer's risk is above the average, in words that are true of that customer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mining.churn.features import FAMILIES, INPUTS, design
from mining.churn.model import ChurnModel
from mining.evaluation import Floats

MATERIAL = 0.1
"""Log-odds that a driver must add to be called a reason (at a risk of one half: 2.5 percentage points)."""
REASONS = 3

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """Customers under a model: features, standardised inputs, what each adds to the log-odds, and where it is known."""

    frame: pd.DataFrame
    z: dict[str, Floats]
    push: dict[str, Floats]
    known: dict[str, Flags]


Condition = Callable[[Case], Flags]


def _side(name: str, sign: int) -> Condition:
    """Below (-1) or above (+1) the average in an input which, by being so, raises the risk."""

    def condition(case: Case) -> Flags:
        if name not in case.z:
            return np.zeros(len(case.frame), bool)
        return (sign * case.z[name] > 0) & (case.push[name] > 0) & case.known[name]

    return condition


def _any(name: str, column: str) -> Condition:
    """At least one, in an input which, by being so, raises the risk."""

    def condition(case: Case) -> Flags:
        if name not in case.z:
            return np.zeros(len(case.frame), bool)
        return (case.frame[column] > 0).to_numpy(bool) & (case.push[name] > 0)

    return condition


def _none(name: str, column: str) -> Condition:
    """None at all, in an input which, by being so, raises the risk."""

    def condition(case: Case) -> Flags:
        if name not in case.z:
            return np.zeros(len(case.frame), bool)
        return (case.frame[column] == 0).to_numpy(bool) & (case.push[name] > 0)

    return condition


def _overdue(case: Case) -> Flags:
    return (case.frame["recency_days"] > case.frame["gap_mean_days"]).to_numpy(bool)


def _long_ago(case: Case) -> Flags:
    return case.z["log_recency"] > 0 if "log_recency" in case.z else np.zeros(len(case.frame), bool)


def _fewer_lately(case: Case) -> Flags:
    return (case.frame["purchase_days_28d"] < case.frame["purchase_days_prior_28d"]).to_numpy(bool)


def _thin_history(case: Case) -> Flags:
    if not {"log_purchase_days", "log_tenure"} <= case.z.keys():
        return np.zeros(len(case.frame), bool)
    return case.z["log_purchase_days"] < case.z["log_tenure"]


SENTENCES: dict[str, tuple[tuple[Condition, str], ...]] = {
    "recency": (
        (_overdue, "Longer since the last purchase than this customer's usual gap"),
        (_long_ago, "Longer since the last purchase than most"),
    ),
    "lately": (
        (_side("log_purchase_days_28d", -1), "Fewer purchases in the last 4 weeks than most"),
        (_side("log_purchase_days_84d", -1), "Fewer purchases in the last 12 weeks than most"),
    ),
    "trend": ((_fewer_lately, "Fewer purchases in the last 4 weeks than in the 4 before"),),
    "history": (
        (_side("log_purchase_days", -1), "Fewer purchases so far than most"),
        (_thin_history, "Few purchases for the time since the first one"),
    ),
    "spend": (
        (_side("log_net_sales_84d", -1), "Spent less in the last 12 weeks than most"),
        (_side("log_spend_per_day", -1), "Smaller purchases than most"),
    ),
    "rhythm": ((_side("irregularity", +1), "More irregular gaps between purchases than most"),),
    "variety": ((_side("log_categories", -1), "Buys from fewer categories than most"),),
    "discount": (
        (_side("discount_share", +1), "Buys more at a discount than most"),
        (_side("discount_share", -1), "Takes fewer discounts than most"),
    ),
    "returns": ((_side("log_returns_84d", +1), "Returned more in the last 12 weeks than most"),),
    "campaigns": (
        (_none("log_campaign_responses_84d", "campaign_responses_84d"), "Answered no campaign in the last 12 weeks"),
    ),
    "complaints": (
        (
            _any("log_badly_handled_complaints_365d", "badly_handled_complaints_365d"),
            "A complaint in the last year was reopened, or took more than 7 days",
        ),
        (_any("log_complaints_365d", "complaints_365d"), "Complained in the last year"),
    ),
    "waiting": (
        (_any("log_abandoned_84d", "abandoned_84d"), "Gave up waiting for an answer in the last 12 weeks"),
        (_side("log_wait_seconds_365d", +1), "Waited longer for an answer than most"),
    ),
    "satisfaction": (
        (_side("is_detractor", +1), "Would not recommend the company, by the last answer"),
        (_side("is_dissatisfied", +1), "Was dissatisfied, by the last answer"),
    ),
    "website": (
        (_side("log_web_sessions_28d", -1), "Fewer web visits in the last 4 weeks than most"),
        (_side("log_web_sessions_84d", -1), "Fewer web visits in the last 12 weeks than most"),
        (_side("log_days_since_web_session", +1), "Longer since the last web visit than most"),
    ),
    "subscription": ((_none("has_subscription", "has_subscription"), "Has no subscription"),),
    "contacts": (
        (_side("log_contacts_84d", +1), "More contacts in the last 12 weeks than most"),
        (_none("log_contacts_84d", "contacts_84d"), "No contact in the last 12 weeks"),
    ),
}


def reasons(model: ChurnModel, frame: pd.DataFrame) -> pd.DataFrame:
    """Return up to three drivers that raise a customer's risk, the strongest first.

    A driver is a family of inputs; its weight is what the family adds to the customer's log-odds against the average
    training customer. It is named only when it adds at least `MATERIAL` and one of its sentences is true of the
    customer; "most" means the training average. These are associations that the model found, not causes.
    """
    z = model.standardise(frame)
    known = {name: ~np.isnan(values) for name, values in design(frame, model.inputs, model.typical_gap).items()}
    case = Case(frame, z, model.contributions(z), known)
    names = [name for name in FAMILIES if any(INPUTS[part].family == name for part in z)]
    weights = np.column_stack([_family(name, case) for name in names])
    texts = np.column_stack([_sentences(name, case) for name in names])
    # Rounded, so that equal drivers keep the order of FAMILIES on every machine.
    weights = np.asarray(np.round(np.where((weights >= MATERIAL) & (texts != ""), weights, 0.0), 6), dtype=np.float64)
    order = np.argsort(-weights, axis=1, kind="stable")[:, :REASONS]
    chosen = np.take_along_axis(texts, order, axis=1)
    chosen[np.take_along_axis(weights, order, axis=1) == 0] = None
    columns = [f"reason_{place}" for place in range(1, REASONS + 1)]
    return pd.DataFrame(chosen, index=frame.index, columns=columns[: chosen.shape[1]]).reindex(columns=columns)


def _family(name: str, case: Case) -> Floats:
    total = np.zeros(len(case.frame))
    for part, push in case.push.items():
        if INPUTS[part].family == name:
            total = total + push
    return total


def _sentences(family: str, case: Case) -> NDArray[np.object_]:
    chosen = np.full(len(case.frame), "", dtype=object)
    for condition, text in reversed(SENTENCES[family]):
        chosen[condition(case)] = text
    return chosen
