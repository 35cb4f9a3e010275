"""Train and judge the lifetime value model.

The published model is Pareto/NBD for purchases with Gamma-Gamma for spend: P(alive), expected purchases and intervals
come from one coherent model. Where the likelihood of Pareto/NBD is highest at its edge, the mean of three takes its
place, weighted by how well the data support each, and the decision says so: NBD with one rate of leaving for all (rates
do not differ between customers), NBD without leaving (nobody is seen to leave; P(alive) is 1), and MBG/NBD. BG/NBD,
which gives every one-time buyer P(alive) = 1, is fitted beside them for comparison only. Where gaps between purchases
are regular, Pareto/CNBD-k takes the place of Pareto/NBD. The one that the last holdout
has judged scores, wherever it can be fitted again. Where amounts differ too little for Gamma-Gamma, a simpler model
takes its place (`fit_spend`), and the decision says so.

Judged out of time: fitted on what was known before a holdout, measured on what came after, beside each customer's own
rate so far (x/T), on two stretches where the data allow. Then fitted once more on the as-of day; that one scores. Of
more than `CUSTOMERS`, models are fitted and judged on a sample of them.
"""

import datetime as dt
from itertools import pairwise
from typing import Any

import pandas as pd

from mining.clv.challenge import challenger
from mining.clv.challenge.assumptions import check_spend
from mining.clv.challenge.challenger import challenge
from mining.clv.evaluation import RESAMPLES, SEED, evaluate
from mining.clv.gamma_gamma import GammaGamma
from mining.clv.holdout import BUT_ONE, compared, judge, origins, rolling, squared_errors
from mining.clv.models import (
    MINIMUM_REPEAT_BUYERS,
    SPEND_MEANINGS,
    FittedModels,
    fit_all,
    frequency_spend_correlation,
    too_few,
    write_scorer,
)
from mining.evaluation import refused, window
from mining.purchases import reach
from mining.purchases.clock import history_of
from mining.purchases.history import TIME_UNIT
from mining.purchases.timing import CUSTOMERS, learn_clock
from mining.reports.groups import by_group
from mining.reports.tracking import track
from mining.sampling import sampled
from mining.store import FeatureSet

COLUMNS = challenger.COLUMNS | {"first_purchase_date", "last_purchase_date", "net_sales"}
"""The feature columns that judging reads, beside those of the models."""
BASELINE = "own rate so far (x/T)"
GROUPS = {
    "left_truncated": "customers who may be older than the data",
    "not_left_truncated": "customers who first bought within the data",
    "one_time_buyers": "one-time buyers",
    "repeat_buyers": "repeat buyers",
}


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
    clocks = {
        day: learn_clock(features.at(day), features.calendar(day), features.events(day))
        for day in (*days, features.as_of)
    }
    now = features.at(features.as_of)
    stretches = pairwise([*days, features.as_of])
    judged = [
        judge(sampled(features.at(start), CUSTOMERS), features.at(end), clocks[start]) for start, end in stretches
    ]
    unfit = next((item.fitted.problem for item in judged if item.fitted.problem), None)
    if unfit:
        return refused(_window(features, days), settings, BASELINE, unfit)
    last = judged[-1]
    final = fit_all(sampled(now, CUSTOMERS), clocks[features.as_of], last.fitted.scorer.purchases.name)
    if final.problem:
        return refused(_window(features, days), settings, BASELINE, final.problem)
    outcome = last.outcome()
    challenged = challenge(features, days, judged)
    spend = check_spend(last, now)
    rows = evaluate(last.frame, outcome) + compared(last) + rolling(judged) + challenged.rows + spend.rows
    rows += by_group(features, last.frame, outcome.purchases, outcome.expected_purchases, outcome.naive_purchases)
    overall = {item["metric"]: item for item in rows if item["stratum"] == "all"}
    published, verdict = _decide(overall, [*days, features.as_of])
    active = float(final.scorer.purchases.p_alive(*history_of(now, final.clock)).mean())
    model = _models([item.fitted for item in judged], final)
    sentences = [verdict, *_reservations(rows), f"{model}. {100 * active:.1f} % of customers count as active."]
    if final.spend.name != GammaGamma.name or last.fitted.spend.name != GammaGamma.name:
        sentences.append(_spend(last.fitted.spend.name, final.spend.name))
    first = now["first_purchase_date"].min().date()
    sentences += [spend.sentence, challenged.sentence]
    unknown = [
        reach.season(final.clock, first, features.as_of),
        *reach.silence(features.calendar(features.as_of), features.as_of),
        *reach.weight(now["purchase_days"].to_numpy(float)),
        *reach.leaving(active, first, features.as_of),
        *reach.horizon(horizon_days, (features.as_of - days[-1]).days),
        *reach.undecided(squared_errors(last), last.fitted.scorer.purchases.name),
    ]
    correlation = frequency_spend_correlation(last.frame)
    return {
        **_window(features, days),
        "parameters": {
            **settings,
            "minimum_repeat_buyers": MINIMUM_REPEAT_BUYERS,
            "customers_at_most": CUSTOMERS,
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
            "tracking": track(last, outcome, features.calendar(days[-1])),
        },
        "metrics": {
            **{name: item["value"] for name, item in overall.items()},
            "frequency_spend_correlation": None if correlation is None else round(correlation, 6),
        },
        "baseline_name": BASELINE,
        "baseline_metrics": {name: item["baseline_value"] for name, item in overall.items()},
        "model_metrics": rows,
        "is_published": published,
        "decision": " ".join([*sentences, *unknown]),
        "reach": unknown,
        "is_converged": True,
        "model": {**write_scorer(final.scorer), "challenger": challenged.correction},
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
    for spend, which is seldom certain: few large amounts decide. One customer alone does not refuse a model.
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
    others = overall.get(BUT_ONE, error)
    if others["ci_low"] <= 0:
        return False, f"Not published: no certain gain over each customer's {BASELINE}: {numbers}; {money}."
    if spend["ci_high"] < 0:
        return False, f"Not published: spend is predicted worse than at each customer's {BASELINE}: {money}; {numbers}."
    if error["ci_low"] <= 0:
        but_one = f"of all customers but one, who alone decides otherwise ({_gain(others)} without that customer)"
        return True, f"Beats each customer's {BASELINE} out of time {but_one}: {numbers}; {money}."
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
        return f"{model}, not the {last} of the last holdout, which the latest data do not support alone"
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
