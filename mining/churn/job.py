"""Train, judge and apply the churn model.

Churn without a contract is a probability: no purchase in the `horizon` days after a cut-off. It is asked of customers
at risk, those who bought in the last 182 days (or the horizon, if longer). Who has been away for longer has left
already (`lifecycle_stage` says so); counting the obvious would flatter every model.

Cut-offs lie a horizon apart, as_of - k * horizon, so that labels do not overlap and the last ends on the as-of day:
k = 1 tests, k = 2 calibrates, k >= 3 trains. When model and baseline have been judged, the model is fitted once more
with every cut-off one step later (k = 1 calibrates, k >= 2 trains); that one scores.
"""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from mining.churn.evaluation import MINIMUM_PER_CLASS, PRIMARY, RESAMPLES, SECONDARY, SEED, evaluate
from mining.churn.features import BASELINE_INPUTS, split_inputs
from mining.churn.model import ChurnModel, fit
from mining.churn.reasons import reasons
from mining.churn.screening import LEVEL, screen
from mining.evaluation import Floats, refused, window
from mining.rhythm import DORMANT, LOST, absence, typical_gap, typical_rhythm
from mining.store import FeatureSet

JOB = "churn"
KIND = "non_contractual"
BASELINE = "recency alone"
AT_RISK_DAYS = 182
HIGH_SHARE, MEDIUM_SHARE = 0.20, 0.50
REASON_COLUMNS = ["reason_1", "reason_2", "reason_3"]
TEXT = dict.fromkeys([*REASON_COLUMNS, "risk_band", "unavailable_reason"], "str")

Labelled = tuple[pd.DataFrame, Floats]


def at_risk(frame: pd.DataFrame, horizon: int) -> pd.Series:
    """Mark the customers of whom the question is asked: a purchase in the last 182 days, or the horizon if longer."""
    return frame["recency_days"] < max(AT_RISK_DAYS, horizon)


def cut_offs(features: FeatureSet, horizon: int) -> dict[int, dt.date]:
    """Cut-offs k = 1, 2, … without a gap, each with features on its day and a horizon later."""
    known, found, k = set(features.dates), {}, 1
    while features.as_of in known and (date := features.as_of - dt.timedelta(days=horizon * k)) in known:
        found[k] = date
        k += 1
    return found


def labelled(features: FeatureSet, date: dt.date, horizon: int) -> Labelled:
    """Return the customers at risk on `date` and whether they then left: 1.0 = no purchase in the horizon after it."""
    frame = features.at(date)
    later = features.at(date + dt.timedelta(days=horizon)).set_index("customer_id")["purchase_days"]
    churned = (later.reindex(frame["customer_id"]).to_numpy() == frame["purchase_days"].to_numpy()).astype(float)
    chosen = at_risk(frame, horizon).to_numpy()
    return frame[chosen].reset_index(drop=True), churned[chosen]


def _before(labelled_parts: dict[int, Labelled], k: int) -> Labelled:
    """Cut-offs earlier than the k-th, oldest first."""
    parts = [labelled_parts[step] for step in sorted(labelled_parts, reverse=True) if step > k]
    return pd.concat([part[0] for part in parts], ignore_index=True), np.concatenate([part[1] for part in parts])


def train(features: FeatureSet, *, horizon_days: int) -> dict[str, Any]:
    """Fit model and baseline, judge both out of time, and decide.

    Returns
    -------
    dict
        What `models/churn/<version>.json` holds beside the ids: windows, parameters, metrics, decision, coefficients
        (`model`, null when there was too little to learn from).
    """
    dates = cut_offs(features, horizon_days)
    parts = {k: labelled(features, date, horizon_days) for k, date in dates.items()}
    problem = _problem(parts)
    if problem:
        days = _window(features, horizon_days, dates)
        return {**refused(days, _parameters(horizon_days), BASELINE, problem), "risk_bands": None}
    training, calibration, (frame, outcome) = _before(parts, 2), parts[2], parts[1]
    gap = typical_gap(training[0], horizon_days)
    usable, dropped = split_inputs(training[0], gap)
    screening = screen(*training, usable, gap)
    judged = fit(training, calibration, screening.inputs, gap)
    baseline = fit(training, calibration, BASELINE_INPUTS, gap)
    rows = evaluate(frame, outcome, judged.predict(frame), baseline.predict(frame))
    final = _refit(parts, screening.inputs, horizon_days)
    published, decision = _decide(rows, features.as_of, horizon_days)
    converged = judged.is_converged and final.is_converged
    if not converged:
        published, decision = False, "Not published: the fit did not converge."
    overall = {row["metric"]: row for row in rows if row["stratum"] == "all"}
    return {
        **_window(features, horizon_days, dates),
        "parameters": {
            **_parameters(horizon_days),
            "cut_offs": {
                "train": [dates[k].isoformat() for k in sorted(dates, reverse=True) if k > 2],
                "calibrate": dates[2].isoformat(),
                "test": dates[1].isoformat(),
            },
            "customers_trained": int(training[0]["customer_id"].nunique()),
            "rows_trained": len(training[1]),
            "dropped_inputs": dropped | screening.dropped,
            "screening": {"level": LEVEL, "families": screening.families},
            "judged_coefficients": dict(zip(judged.inputs, judged.coefficients, strict=True)),
        },
        "metrics": {name: row["value"] for name, row in overall.items()},
        "baseline_name": BASELINE,
        "baseline_metrics": {name: row["baseline_value"] for name, row in overall.items()},
        "model_metrics": rows,
        "is_published": published,
        "decision": decision,
        "is_converged": converged,
        "model": final.to_json(),
        "risk_bands": _bands(final, parts[1][0]),
    }


def _refit(parts: dict[int, Labelled], inputs: tuple[str, ...], horizon: int) -> ChurnModel:
    training = _before(parts, 1)
    gap = typical_gap(training[0], horizon)
    usable, _ = split_inputs(training[0], gap)
    return fit(training, parts[1], tuple(name for name in inputs if name in usable), gap)


def _problem(parts: dict[int, Labelled]) -> str | None:
    if len(parts) < 3:
        return f"cut-offs with known outcome: {len(parts)}, and 3 are needed: too little history for this horizon"
    for name, outcome in (
        ("training", _before(parts, 2)[1]),
        ("calibration", parts[2][1]),
        ("test", parts[1][1]),
    ):
        left, stayed = int(outcome.sum()), int((1 - outcome).sum())
        if min(left, stayed) < MINIMUM_PER_CLASS:
            return (
                f"of the customers at risk in the {name} period {left:,} did not buy again and {stayed:,} did: "
                f"{MINIMUM_PER_CLASS} of each are needed"
            )
    return None


def _parameters(horizon: int) -> dict[str, Any]:
    return {
        "horizon_days": horizon,
        "kind": KIND,
        "at_risk_days": max(AT_RISK_DAYS, horizon),
        "primary_metric": PRIMARY,
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "unit": "customer"},
    }


def _window(features: FeatureSet, horizon: int, dates: dict[int, dt.date]) -> dict[str, Any]:
    test = features.as_of - dt.timedelta(days=horizon) if dates else None
    return window(min(dates.values(), default=features.as_of), test, features.as_of)


def _decide(rows: list[dict[str, Any]], as_of: dt.date, horizon: int) -> tuple[bool, str]:
    """Publish when log loss and AUC both improve on the baseline with 97.5 % confidence each.

    Log loss is the primary metric: it is proper, and judges the probability itself, which expected loss multiplies.
    """
    overall = {row["metric"]: row for row in rows if row["stratum"] == "all"}
    wins = {name: (overall[name]["ci_low"] or 0.0) > 0 for name in (PRIMARY, SECONDARY)}
    loss, auc = overall[PRIMARY], overall[SECONDARY]
    numbers = (
        f"log loss {_short(loss['value'])} against {_short(loss['baseline_value'])}, "
        f"AUC {_short(auc['value'])} against {_short(auc['baseline_value'])}; "
        f"{loss['rows']:,} customers, {horizon} days to {as_of}"
    )
    if all(wins.values()):
        return True, f"Beats {BASELINE} out of time: {numbers}."
    return False, f"Not published: no certain gain over {BASELINE} out of time: {numbers}."


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _bands(model: ChurnModel, frame: pd.DataFrame) -> dict[str, float]:
    """Probabilities from which a customer is in the top fifth, and in the top half, at the latest known cut-off."""
    probability = model.predict(frame)
    return {
        "high": round(float(np.quantile(probability, 1 - HIGH_SHARE, method="higher")), 6),
        "medium": round(float(np.quantile(probability, 1 - MEDIUM_SHARE, method="higher")), 6),
    }


def score(frame: pd.DataFrame, model: dict[str, Any] | None, *, horizon_days: int, unavailable: str) -> pd.DataFrame:
    """Score customers with a published model.

    Parameters
    ----------
    frame
        Features of the customers at the as-of date.
    model
        What `train` returned, or None: then every score is null with `unavailable` as its reason.

    Returns
    -------
    DataFrame
        One row per customer: churn_probability, reason_1 to reason_3, risk_band, unavailable_reason.
        `risk_band` is high or medium from the probability that marked the top 20 % and the top 50 % of customers at
        risk when the model was trained, else low: a rank, since what is high differs from shop to shop. Who is lost by
        the own rhythm is high, who is dormant at least medium: a frequent buyer who is gone may still be likelier to
        buy in the horizon than most.
    """
    result = pd.DataFrame({"customer_id": frame["customer_id"], "kind": KIND, "horizon_days": horizon_days})
    result["churn_probability"] = np.nan
    result[[*REASON_COLUMNS, "risk_band", "unavailable_reason"]] = None
    if model is None:
        return result.assign(unavailable_reason=unavailable).astype(TEXT)
    chosen = at_risk(frame, horizon_days).to_numpy()
    result.loc[~chosen, "unavailable_reason"] = (
        f"No purchase in the last {max(AT_RISK_DAYS, horizon_days)} days: already away"
    )
    fitted, bands = ChurnModel.from_json(model["model"]), model["risk_bands"]
    asked = frame[chosen]
    probability = fitted.predict(asked)
    result.loc[chosen, "churn_probability"] = probability
    result.loc[chosen, REASON_COLUMNS] = reasons(fitted, asked)
    away = absence(frame, typical_rhythm(frame))[chosen]
    result.loc[chosen, "risk_band"] = np.select(
        [(probability >= bands["high"]) | (away == LOST), (probability >= bands["medium"]) | (away == DORMANT)],
        ["high", "medium"],
        "low",
    )
    return result.astype(TEXT)
