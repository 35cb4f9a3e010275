"""Learn whom each randomised campaign changes, and keep what orders customers better than chance.

One model file has all campaigns of a day. It is published where at least one campaign gives a list.
"""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from mining.evaluation import refused, row, window
from mining.store import FeatureSet
from mining.uplift.inputs import NAMES
from mining.uplift.learners import DOUBLY_ROBUST, FIT, LEARNERS, arms
from mining.uplift.validation import (
    AUTOC,
    FOLDS,
    LEVEL,
    QINI,
    Trial,
    chance_to_find,
    evidence,
    interval,
    is_found,
    is_large_enough,
    trial,
)
from pipeline.base.model_files import Model

BASELINE = "random order"
ARMS = ("treated", "control")
DIGITS = 6


def train(features: FeatureSet, needs: dict[str, Any]) -> Model:
    """Judge the randomised campaigns, and fit those whose order is found.

    Returns
    -------
    dict
        What `models/uplift/<version>.json` holds beside the ids. `model` has, by campaign, the functions for the
        expected uplift and for what is bought without the campaign, in purchases.
    """
    rows = features.at(features.as_of)
    rows = rows[rows["arm"].isin(ARMS)]
    groups = {str(name): group for name, group in rows.groupby("campaign_id")}
    trials = {name: trial(group) for name, group in groups.items()}
    admitted = {name: each for name, each in trials.items() if is_large_enough(each)}
    judged = evidence(admitted)
    lists = {name: _fit(admitted[name], groups[name]) for name, each in judged.items() if is_found(each)}
    metrics = [line for name, each in trials.items() for line in _metrics(name, each, judged.get(name))]
    parameters = {**needs, "learner": DOUBLY_ROBUST, "inputs": list(NAMES), "folds": FOLDS, "level": LEVEL}
    days = window(_first(rows, features.as_of), None, features.as_of)
    if not lists:
        return {**refused(days, parameters, BASELINE, _why(len(trials), len(judged))), "model_metrics": metrics}
    best = {name: judged[name]["rates"][DOUBLY_ROBUST][QINI].value for name in lists}
    return {
        **days,
        "parameters": parameters,
        "metrics": {f"{QINI} {name}": round(value, DIGITS) for name, value in best.items()},
        "baseline_name": BASELINE,
        "baseline_metrics": {f"{QINI} {name}": 0.0 for name in best},
        "model_metrics": metrics,
        "is_published": True,
        "decision": (
            f"Orders customers by uplift better than chance for {len(lists)} of {len(judged)} randomised campaigns that"
            f" are large enough ({', '.join(sorted(lists))}), on customers that it had not seen."
        ),
        "is_converged": True,
        "model": lists,
    }


def _why(campaigns: int, large: int) -> str:
    if not campaigns:
        return "no campaign of the last two years had a control group and is over"
    if not large:
        return f"none of {campaigns} randomised campaigns has customers enough to tell whom it changed"
    return f"no order by uplift is certain for any of {large} randomised campaigns that are large enough"


def _first(rows: pd.DataFrame, as_of: dt.date) -> dt.date:
    first: dt.date = rows["start_date"].min().date() if len(rows) else as_of
    return first


def _fit(found: Trial, rows: pd.DataFrame) -> dict[str, Any]:
    uplift = FIT[DOUBLY_ROBUST](*found, found.share)
    without = arms(*found)[1]
    predicted = uplift.predict(found.inputs)
    return {
        "uplift": uplift.to_json(),
        "without": without.to_json(),
        "mean_uplift": round(float(predicted.mean()), DIGITS),
        "median_without": round(float(np.median(without.predict(found.inputs))), DIGITS),
        "margin_share": _margin_share(rows),
    }


def _margin_share(rows: pd.DataFrame) -> float | None:
    """Margin as a share of net sales of what the campaign's customers bought; None where no cost is known."""
    known = rows[rows["outcome_margin"].notna()]
    sales = float(known["outcome_net_sales"].sum())
    return round(float(known["outcome_margin"].sum()) / sales, DIGITS) if sales > 0 else None


def _metrics(name: str, found: Trial, judged: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of `marts.model_metrics`, whose stratum is the campaign."""
    size = len(found.outcome)
    rows = [
        row(name, "treated_customers", size, float(found.is_treated.sum())),
        row(name, "control_customers", size, float((~found.is_treated).sum())),
        row(name, "power", size, chance_to_find(found)),
    ]
    if judged is None:
        return rows
    rows.append(row(name, "qini_adjusted_p_value", size, judged["adjusted_p_value"]))
    for learner in LEARNERS:
        for measure in (QINI, AUTOC):
            estimate = judged["rates"][learner][measure]
            rows.append(row(name, f"{measure}_{learner}", size, estimate.value, 0.0, interval(estimate)))
    return rows
