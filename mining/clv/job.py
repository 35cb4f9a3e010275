"""Train, judge and apply the lifetime value model.

The published model is Pareto/NBD for purchases with Gamma-Gamma for spend: P(alive), expected purchases and intervals
come from one coherent model. Where the likelihood of Pareto/NBD is highest at its edge, the likeliest of three takes
its place, and the decision says so: NBD with one rate of leaving for all (rates do not differ between customers), NBD
without leaving (nobody is seen to leave; P(alive) is 1), or MBG/NBD. BG/NBD, which gives every one-time buyer P(alive)
= 1, is fitted beside them for comparison only. The one that the last holdout has judged scores, wherever it can be
fitted again. Where amounts differ too little for Gamma-Gamma, a simpler model takes its place (`fit_spend`), and the
decision says so.

Judged out of time: fitted on what was known before a holdout, measured on what came after, beside each customer's own
rate so far (x/T), on two stretches where the data allow. Then fitted once more on the as-of day; that one scores.
"""

import datetime as dt
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from mining.clv.evaluation import LEVELS, RESAMPLES, SEED, evaluate
from mining.clv.gamma_gamma import GammaGamma
from mining.clv.holdout import compared, judge, origins, rolling
from mining.clv.inputs import Floats
from mining.clv.models import (
    MINIMUM_REPEAT_BUYERS,
    SPEND_MEANINGS,
    TIME_UNIT,
    FittedModels,
    Scorer,
    fit_all,
    frequency_spend_correlation,
    history_of,
    read_scorer,
    spend_of,
    too_few,
    write_scorer,
)
from mining.clv.predictive import value_quantiles
from mining.clv.value import (
    DAYS_PER_WEEK,
    days_to_next_order,
    discounted_purchases_if_alive,
    purchases_after,
    weekly_discount_rate,
)
from mining.evaluation import refused, window
from mining.store import FeatureSet

JOB = "clv"
BASELINE = "own rate so far (x/T)"
MONEY = ("clv_future", "clv_future_p10", "clv_future_p50", "clv_future_p90", "value_if_stays", "value_if_leaves")
GROUPS = {
    "left_truncated": "customers who may be older than the data",
    "not_left_truncated": "customers who first bought within the data",
    "one_time_buyers": "one-time buyers",
    "repeat_buyers": "repeat buyers",
}
NUMBERS = {"p_alive": 6, "expected_purchases": 6, "expected_spend": 4}


def train(features: FeatureSet, *, horizon_days: int, annual_discount_rate: float) -> dict[str, Any]:
    """Fit the models, judge them out of time, decide, and fit again on the as-of day.

    Parameters
    ----------
    features
        Features at the as-of day and at earlier days, among them one a holdout before (`origins`).
    horizon_days, annual_discount_rate
        Recorded with the model; scoring states its own.

    Returns
    -------
    dict
        What `models/clv/<version>.json` holds beside the ids: windows, parameters, metrics, decision and the fitted
        models (`model`, null when there was too little to learn from).
    """
    days = origins(features, horizon_days)
    settings = {"time_unit": TIME_UNIT, "horizon_days": horizon_days, "annual_discount_rate": annual_discount_rate}
    problem = _problem(features, days)
    if problem:
        return refused(_window(features, days), settings, BASELINE, problem)
    judged = [judge(features.at(start), features.at(end)) for start, end in pairwise([*days, features.as_of])]
    unfit = next((item.fitted.problem for item in judged if item.fitted.problem), None)
    if unfit:
        return refused(_window(features, days), settings, BASELINE, unfit)
    last = judged[-1]
    final = fit_all(features.at(features.as_of), judged=last.fitted.scorer.purchases.name)
    if final.problem:
        return refused(_window(features, days), settings, BASELINE, final.problem)
    rows = evaluate(last.frame, last.outcome()) + compared(last) + [rolling(judged)]
    overall = {item["metric"]: item for item in rows if item["stratum"] == "all"}
    published, verdict = _decide(overall, [*days, features.as_of])
    active = float(final.scorer.purchases.p_alive(*history_of(features.at(features.as_of))).mean())
    model = _models([item.fitted for item in judged], final)
    sentences = [verdict, *_reservations(rows), f"{model}. {100 * active:.1f} % of customers count as active."]
    if final.spend.name != GammaGamma.name or last.fitted.spend.name != GammaGamma.name:
        sentences.append(_spend(last.fitted.spend.name, final.spend.name))
    correlation = frequency_spend_correlation(last.frame)
    return {
        **_window(features, days),
        "parameters": {
            **settings,
            "minimum_repeat_buyers": MINIMUM_REPEAT_BUYERS,
            "origins": [day.isoformat() for day in days],
            "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "unit": "customer"},
            "judged": [
                {
                    "candidates": [model.to_dict() for model in item.fitted.candidates],
                    "spend": item.fitted.spend.to_dict(),
                }
                for item in judged
            ],
            "candidates": [model.to_dict() for model in final.candidates],
        },
        "metrics": {
            **{name: item["value"] for name, item in overall.items()},
            "frequency_spend_correlation": None if correlation is None else round(correlation, 6),
        },
        "baseline_name": BASELINE,
        "baseline_metrics": {name: item["baseline_value"] for name, item in overall.items()},
        "model_metrics": rows,
        "is_published": published,
        "decision": " ".join(sentences),
        "is_converged": True,
        "model": write_scorer(final.scorer),
    }


def _problem(features: FeatureSet, days: list[dt.date]) -> str | None:
    if not days:
        return "no earlier feature date to calibrate on: too little history"
    for date in (*days[-1:], features.as_of):
        lacking = too_few(features.at(date))
        if lacking:
            return f"{lacking} by {date}, {MINIMUM_REPEAT_BUYERS} are needed"
    frame, start = features.at(features.as_of), pd.Timestamp(days[-1])
    returned = int(((frame["first_purchase_date"] <= start) & (frame["last_purchase_date"] > start)).sum())
    if returned < MINIMUM_REPEAT_BUYERS:
        return (
            f"{returned} of the customers known on {days[-1]} bought again by {features.as_of}, "
            f"{MINIMUM_REPEAT_BUYERS} are needed to judge a forecast"
        )
    return None


def _decide(overall: dict[str, dict[str, Any]], days: list[dt.date]) -> tuple[bool, str]:
    """Publish when purchases are certainly predicted better than at the naive rate, and spend not certainly worse.

    Certainly: the 95 % interval of the gain in RMSE does not reach 0. Over all holdouts for purchases; in the last one
    for spend, which is seldom certain: few large amounts decide.
    """
    error, last, spend = (overall[name] for name in ("rmse_all_holdouts", "rmse", "value_rmse"))
    start, end = days[-2:]
    stretch = f"{(end - start).days} days to {end}"
    if len(days) > 2:
        numbers = f"{_gain(error)} over {len(days) - 1} holdouts, {_gain(last)} in the last, {stretch}"
    else:
        numbers = f"{_gain(last)}, {stretch}"
    numbers = f"RMSE in purchases {numbers} (95 % intervals)"
    certainty = (
        "a certain gain" if spend["ci_low"] > 0 else "certainly worse" if spend["ci_high"] < 0 else "no certain gain"
    )
    money = f"spend {spend['value']:.2f} against {spend['baseline_value']:.2f}, {certainty}"
    if error["ci_low"] <= 0:
        return False, f"Not published: no certain gain over each customer's {BASELINE}: {numbers}; {money}."
    if spend["ci_high"] < 0:
        return False, f"Not published: spend is predicted worse than at each customer's {BASELINE}: {money}; {numbers}."
    return True, f"Beats each customer's {BASELINE} out of time: {numbers}; {money}."


def _against(item: dict[str, Any]) -> str:
    return f"{item['value']:.3f} against {item['baseline_value']:.3f}"


def _gain(item: dict[str, Any]) -> str:
    return f"{_against(item)} (gain {item['ci_low']:.3f} to {item['ci_high']:.3f})"


def _reservations(rows: list[dict[str, Any]]) -> list[str]:
    """Groups for which purchases were predicted worse in the last holdout, whatever the verdict on all."""
    worse = [
        f"{GROUPS[item['stratum']]} ({_against(item)})"
        for item in rows
        if item["metric"] == "rmse" and item["stratum"] in GROUPS and item["ci_high"] < 0
    ]
    return [f"Worse for {' and '.join(worse)}."] if worse else []


def _models(judged: list[FittedModels], final: FittedModels) -> str:
    """Return which model scores, and which other ones were judged: the data of another day may not support the same."""
    model, last = f"Model: {final.name} ({final.meaning})", judged[-1].name
    if last != final.name:
        return f"{model}, not the {last} of the last holdout, which the latest data do not support"
    others = [item.name for item in judged if item.name != last]
    return f"{model}; in the first holdout {others[0]}" if others else model


def _spend(judged: str, scoring: str) -> str:
    """Return which model of spend scores, where it is not Gamma-Gamma, and which another one was judged."""
    text = f"Spend: {SPEND_MEANINGS[scoring]}"
    return f"{text}." if judged == scoring else f"{text}; in the last holdout {SPEND_MEANINGS[judged]}."


def _window(features: FeatureSet, days: list[dt.date]) -> dict[str, Any]:
    frame = features.at(features.as_of)
    first = frame["first_purchase_date"].min().date() if len(frame) else features.as_of
    return window(first, days[-1] if days else None, features.as_of)


def score(
    frame: pd.DataFrame,
    model: dict[str, Any] | None,
    *,
    horizon_days: int,
    churn_horizon_days: int,
    annual_discount_rate: float,
    unavailable: str,
) -> pd.DataFrame:
    """Score customers with a published model.

    Parameters
    ----------
    frame
        Features of the customers at the as-of date.
    model
        What `train` returned, or None: then every score is null with `unavailable` as its reason.
    horizon_days
        Length of the future in `clv_future`.
    churn_horizon_days
        `value_if_stays` is the value over the horizon given a purchase in these days, `value_if_leaves` given none.
    annual_discount_rate
        Yearly rate; ln(1 + r)/52 per week.

    Returns
    -------
    DataFrame
        One row per customer, in the order of `frame`; money as Decimal with two places, before returns and costs.
    """
    result = pd.DataFrame({"customer_id": frame["customer_id"].to_numpy()})
    result["time_unit"], result["horizon_days"] = TIME_UNIT, np.int32(horizon_days)
    result["annual_discount_rate"] = annual_discount_rate
    nothing = model is None or model["model"] is None
    result["unavailable_reason"] = pd.Series(unavailable if nothing else None, index=result.index, dtype=object)
    if model is None or nothing:
        for name in (*NUMBERS, *MONEY, "expected_next_order_date"):
            result[name] = pd.Series(None, index=result.index, dtype=float if name in NUMBERS else object)
        return result
    fitted = read_scorer(model["model"])
    rate = weekly_discount_rate(annual_discount_rate)
    scores = _scores(frame, fitted, horizon_days / DAYS_PER_WEEK, churn_horizon_days / DAYS_PER_WEEK, rate)
    for name, digits in NUMBERS.items():
        result[name] = np.round(scores[name], digits)
    for name in MONEY:
        result[name] = pd.Series([Decimal(f"{amount:.2f}") for amount in scores[name]], dtype=object)
    waits = days_to_next_order(fitted.purchases, horizon_days, history_of(frame)).tolist()
    known = frame["as_of_date"].dt.date.tolist()
    dates = [date + dt.timedelta(days=days) if days else None for date, days in zip(known, waits, strict=True)]
    result["expected_next_order_date"] = pd.Series(dates, index=result.index, dtype=object)
    return result


def _scores(frame: pd.DataFrame, fitted: Scorer, weeks: float, wait: float, rate: float) -> dict[str, Floats]:
    history, (days, amount) = history_of(frame), spend_of(frame)
    model, spend = fitted.purchases, fitted.spend
    alive = model.alive(history)
    per_purchase = spend.expected_spend(days, amount) * fitted.share_paid
    quantiles = value_quantiles(
        model, spend, LEVELS, history, days, amount, horizon=weeks, rate=rate, share_paid=fitted.share_paid
    )
    stays, leaves = purchases_after(model, weeks, wait, rate, history)
    return {
        "p_alive": alive,
        "expected_purchases": alive * model.expected_if_alive(weeks, history),
        "expected_spend": per_purchase,
        "clv_future": alive * discounted_purchases_if_alive(model, weeks, rate, history) * per_purchase,
        "clv_future_p10": quantiles[:, 0],
        "clv_future_p50": quantiles[:, 1],
        "clv_future_p90": quantiles[:, 2],
        "value_if_stays": stays * per_purchase,
        "value_if_leaves": leaves * per_purchase,
    }
