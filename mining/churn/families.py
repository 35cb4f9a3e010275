"""The families of churn inputs: what the model learns from, and what may be said of a customer because of it.

Behaviour up to the cut-off, on scales where a straight line is a fair guess: counts, days and amounts enter as
logarithms, habits as ratios, answers as yes or no. How somebody buys is the base of every model; the screened families
enter only where they tell more than that (`screening`). Who the customer is (name, address, age, sex) never enters; nor
does `is_left_truncated`, which describes the extract and not the customer.

A new feature is a column of a model in `dbt_project/models/features/` and an input here.
"""

import numpy as np
import pandas as pd

from mining.churn.inputs import (
    Case,
    Family,
    Flags,
    Input,
    above,
    answer,
    below,
    log,
    none,
    plain,
    some,
    values,
)
from mining.evaluation import Floats
from mining.purchases.rhythm import own_gap

DETRACTOR = 6
"""Highest answer (of 0 to 10) of a detractor (Reichheld 2003, "The One Number You Need to Grow")."""
DISSATISFIED = 2
"""Highest answer (of 1 to 5) that is called dissatisfied."""


PURCHASE_ODDS = "purchase_log_odds"
"""Log-odds of no purchase in the horizon by the purchase model, a column that training and scoring add."""


def _purchase_odds(frame: pd.DataFrame, _: float) -> Floats:
    return values(frame, PURCHASE_ODDS) if PURCHASE_ODDS in frame else np.full(len(frame), np.nan)


def _overdue(frame: pd.DataFrame, typical_gap: float) -> Floats:
    return np.log1p(values(frame, "recency_days")) - np.log1p(own_gap(frame, typical_gap))


def _trend(frame: pd.DataFrame, _: float) -> Floats:
    return np.log1p(values(frame, "purchase_days_28d")) - np.log1p(values(frame, "purchase_days_prior_28d"))


def _spend_per_day(frame: pd.DataFrame, _: float) -> Floats:
    return np.log1p(values(frame, "spend_amount") / np.maximum(values(frame, "spend_days"), 1.0))


def _irregularity(frame: pd.DataFrame, _: float) -> Floats:
    return values(frame, "gap_stddev_days") / values(frame, "gap_mean_days")


def _is_overdue(case: Case) -> Flags:
    return (case.frame["recency_days"] > case.frame["gap_mean_days"]).to_numpy(bool)


def _long_ago(case: Case) -> Flags:
    return case.z["log_recency"] > 0 if "log_recency" in case.z else case.nobody()


def _fewer_lately(case: Case) -> Flags:
    return (case.frame["purchase_days_28d"] < case.frame["purchase_days_prior_28d"]).to_numpy(bool)


def _thin_history(case: Case) -> Flags:
    if not {"log_purchase_days", "log_tenure"} <= case.z.keys():
        return case.nobody()
    return case.z["log_purchase_days"] < case.z["log_tenure"]


FAMILIES = (
    Family(
        "recency",
        "time since the last purchase, and what it means for how often the customer buys",
        {
            PURCHASE_ODDS: Input(_purchase_odds, ()),
            "log_recency": log("recency_days"),
            "squared_log_recency": log("recency_days", power=2),
            "overdue": Input(_overdue, ("recency_days", "purchase_days", "gap_mean_days")),
        },
        (
            (_is_overdue, "Longer since the last purchase than this customer's usual gap"),
            (_long_ago, "Longer since the last purchase than most"),
            (above(PURCHASE_ODDS), "By the purchases so far, another one soon is less likely than for most"),
        ),
        action="Write now, with what the customer usually buys",
    ),
    Family(
        "lately",
        "purchases in the last 4 and 12 weeks",
        {
            "log_purchase_days_28d": log("purchase_days_28d"),
            "log_purchase_days_84d": log("purchase_days_84d"),
        },
        (
            (below("log_purchase_days_28d"), "Fewer purchases in the last 4 weeks than most"),
            (below("log_purchase_days_84d"), "Fewer purchases in the last 12 weeks than most"),
        ),
        action="Remind of what may be used up by now",
    ),
    Family(
        "trend",
        "the last 4 weeks against the 4 before",
        {"trend": Input(_trend, ("purchase_days_28d", "purchase_days_prior_28d"))},
        ((_fewer_lately, "Fewer purchases in the last 4 weeks than in the 4 before"),),
        action="Ask what has changed; remind of what may be used up by now",
    ),
    Family(
        "history",
        "purchases and age since the first purchase",
        {"log_purchase_days": log("purchase_days"), "log_tenure": log("tenure_days")},
        (
            (below("log_purchase_days"), "Fewer purchases so far than most"),
            (_thin_history, "Few purchases for the time since the first one"),
        ),
        action="Give a reason for the next purchase soon after this one",
    ),
    Family(
        "spend",
        "spending in the last 12 weeks and per visit",
        {
            "log_net_sales_84d": log("net_sales_84d"),
            "log_spend_per_day": Input(_spend_per_day, ("spend_amount", "spend_days")),
        },
        (
            (below("log_net_sales_84d"), "Spent less in the last 12 weeks than most"),
            (below("log_spend_per_day"), "Smaller purchases than most"),
        ),
        action="Show what goes with what was bought",
    ),
    Family(
        "rhythm",
        "regularity of the gaps between purchases",
        {"irregularity": Input(_irregularity, ("gap_stddev_days", "gap_mean_days"))},
        ((above("irregularity"), "More irregular gaps between purchases than most"),),
        action="Offer a reminder or a standing order",
    ),
    Family(
        "variety",
        "categories bought",
        {"log_categories": log("categories", optional=True)},
        ((below("log_categories"), "Buys from fewer categories than most"),),
        action="Show a category that fits what was bought",
    ),
    Family(
        "discount",
        "share of list value given as discount",
        {"discount_share": plain("discount_share", optional=True)},
        (
            (above("discount_share"), "Buys more at a discount than most"),
            (below("discount_share"), "Takes fewer discounts than most"),
        ),
        action="Show what is worth its price; keep offers for the days that matter",
    ),
    Family(
        "returns",
        "returns in the last 12 weeks",
        {"log_returns_84d": log("returns_84d", optional=True)},
        ((above("log_returns_84d"), "Returned more in the last 12 weeks than most"),),
        is_screened=True,
        action="Ask what was wrong with what came back; help to choose",
    ),
    Family(
        "campaigns",
        "campaign responses in the last 12 weeks",
        {"log_campaign_responses_84d": log("campaign_responses_84d", optional=True)},
        (
            (
                none("log_campaign_responses_84d", "campaign_responses_84d"),
                "Answered no campaign in the last 12 weeks",
            ),
        ),
        is_screened=True,
        action="Change channel or subject, or write less often",
    ),
    Family(
        "complaints",
        "complaints in the last year, and how they were handled",
        {
            "log_badly_handled_complaints_365d": log("badly_handled_complaints_365d", optional=True),
            "log_complaints_365d": log("complaints_365d", optional=True),
        },
        (
            (
                some("log_badly_handled_complaints_365d", "badly_handled_complaints_365d"),
                "A complaint in the last year was reopened, or took more than 7 days",
            ),
            (some("log_complaints_365d", "complaints_365d"), "Complained in the last year"),
        ),
        is_screened=True,
        action="Call, settle the complaint, and say what was changed",
    ),
    Family(
        "waiting",
        "waits, and contacts given up while waiting",
        {
            "log_abandoned_84d": log("abandoned_84d", optional=True),
            "log_wait_seconds_365d": log("wait_seconds_365d", optional=True),
        },
        (
            (some("log_abandoned_84d", "abandoned_84d"), "Gave up waiting for an answer in the last 12 weeks"),
            (above("log_wait_seconds_365d"), "Waited longer for an answer than most"),
        ),
        is_screened=True,
        action="Call back first; say how to get an answer sooner",
    ),
    Family(
        "satisfaction",
        "the last survey answers",
        {
            "is_detractor": answer("last_nps_score", DETRACTOR, "surveys_365d"),
            "is_dissatisfied": answer("last_csat_score", DISSATISFIED, "surveys_365d"),
        },
        (
            (above("is_detractor"), "Would not recommend the company, by the last answer"),
            (above("is_dissatisfied"), "Was dissatisfied, by the last answer"),
        ),
        is_screened=True,
        action="Call and ask what would have been better",
    ),
    Family(
        "website",
        "web sessions in the last 4 and 12 weeks, and since when there was none",
        {
            "log_web_sessions_28d": log("web_sessions_28d", optional=True),
            "log_web_sessions_84d": log("web_sessions_84d", optional=True),
            "log_days_since_web_session": log("days_since_web_session", optional=True),
        },
        (
            (below("log_web_sessions_28d"), "Fewer web visits in the last 4 weeks than most"),
            (below("log_web_sessions_84d"), "Fewer web visits in the last 12 weeks than most"),
            (above("log_days_since_web_session"), "Longer since the last web visit than most"),
        ),
        is_screened=True,
        action="Send what is new since the last visit",
    ),
    Family(
        "subscription",
        "a running subscription",
        {"has_subscription": plain("has_subscription", optional=True)},
        ((none("has_subscription", "has_subscription"), "Has no subscription"),),
        is_screened=True,
        action="Offer a subscription for what is bought again and again",
    ),
    Family(
        "contacts",
        "contacts in the last 12 weeks",
        {"log_contacts_84d": log("contacts_84d", optional=True)},
        (
            (above("log_contacts_84d"), "More contacts in the last 12 weeks than most"),
            (none("log_contacts_84d", "contacts_84d"), "No contact in the last 12 weeks"),
        ),
        is_screened=True,
        action="Look at what the contacts were about before writing again",
    ),
)
