"""Choose and judge the model of when contracts end.

Three models are fitted, from one rate for all to a logistic hazard (`hazards`). The one that predicted earlier windows
best is chosen, each fitted on what was known when the window began. Then each horizon is judged on the days up to the
as-of day, fitted on what was known a horizon ago, beside one rate for all. Where the chosen model is not certainly
better there, that rate is what is published: an end of a contract is seen, so the rate itself is a measured forecast.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from mining.churn.evaluation import MINIMUM_PER_CLASS, improvement_intervals, metrics
from mining.evaluation import Floats, refused, row, window
from mining.store import FeatureSet
from mining.subscriptions.forecast import forecast
from mining.subscriptions.hazards import HAZARDS, Hazard, OneRate
from mining.subscriptions.periods import MOST_BETWEEN, Periods, over, share_between
from mining.subscriptions.terms import Terms
from pipeline.base.errors import UserError

KIND = "contractual"
BASELINE = OneRate.meaning
PRIMARY = "log_loss"
REPORTED = ("log_loss", "brier", "roc_auc", "observed_rate", "predicted_rate")
FEWEST_ENDS = 20
WINDOWS = (2, 3, 4)
"""Windows that choose, in first horizons before the as-of day."""
DIGITS = 4
CLIP = 1e-6


class Judged(NamedTuple):
    """What is said of a horizon; `judged_days` is None where it could not be judged, and `decision` is the reason."""

    horizon_days: int
    judged_days: int | None
    decision: str


def read_terms(frame: pd.DataFrame, day: dt.date) -> tuple[Terms, int, pd.DataFrame]:
    """Return the terms that can be used, how many cannot (an end before the start), and the rows used."""
    wrong = (frame["end_date"] < frame["start_date"]).to_numpy(bool)
    used = frame[~wrong].reset_index(drop=True)
    return Terms.of(used, day), int(wrong.sum()), used


def train(features: FeatureSet, *, horizons: Sequence[int]) -> dict[str, Any]:
    """Fit the models, choose one, judge it, and decide.

    Parameters
    ----------
    features
        `features.subscription_terms` of the as-of day.
    horizons
        Days, ascending.

    Returns
    -------
    dict
        What `models/subscriptions/<version>.json` holds beside the ids.
    """
    terms, wrong, frame = read_terms(features.at(features.as_of), features.as_of)
    at_renewals = share_between(terms) <= MOST_BETWEEN
    parameters = {
        "kind": KIND,
        "horizons": list(horizons),
        "subscriptions": terms.number,
        "ended": int(terms.has_ended.sum()),
        "ended_involuntarily": int(terms.is_involuntary.sum()),
        "ends_before_the_start": wrong,
        "share_of_ends_between_renewals": round(share_between(terms), 4),
    }
    known = over(terms)
    problem = _problem(terms, known, features.as_of)
    said = _said_of_the_data(terms, frame, wrong, is_at_renewals=at_renewals)
    first = terms.start.min().astype(dt.date) if terms.number else features.as_of
    if problem:
        result = refused(window(first, None, features.as_of), parameters, BASELINE, problem)
        return {**result, "decision": " ".join([result["decision"], *said]), "horizons": []}
    name, means = _choose(terms, horizons[0], is_at_renewals=at_renewals)
    judged, rows, is_certain = _judge(terms, name, horizons, is_at_renewals=at_renewals)
    used = name if is_certain else OneRate.name
    final = _fit(used, terms, known) or OneRate().fit(terms, known)
    overall = {line["metric"]: line for line in rows}
    tested = max((line.judged_days for line in judged if line.judged_days), default=None)
    holdout = features.as_of - dt.timedelta(days=tested) if tested else None
    return {
        **window(first, holdout, features.as_of),
        "parameters": {
            **parameters,
            "periods": len(known.outcome),
            "candidates": {"chosen": name, "log_loss_on_choosing_windows": means},
        },
        "metrics": {metric: line["value"] for metric, line in overall.items()},
        "baseline_name": BASELINE,
        "baseline_metrics": {metric: line["baseline_value"] for metric, line in overall.items()},
        "model_metrics": rows,
        "is_published": True,
        "decision": " ".join([_decision(name, is_certain=is_certain), *said, *_said_of_horizons(judged)]),
        "is_converged": final.is_converged_,
        "model": {"is_at_renewals": at_renewals, "hazard": final.to_dict()},
        "horizons": [line._asdict() for line in judged],
    }


def _problem(terms: Terms, known: Periods, as_of: dt.date) -> str | None:
    """Return why nothing can be learned."""
    ended = int(terms.has_ended.sum())
    counted = f"{terms.number:,} subscription{'s' if terms.number != 1 else ''}"
    if not len(known.outcome):
        return f"of {counted} none has come to a renewal by {as_of}, so it is not known how many are renewed"
    seen = int(known.ended.sum())
    if seen < FEWEST_ENDS:
        return (
            f"of {counted} {ended:,} {'has' if ended == 1 else 'have'} ended, {seen:,} in a period that is over: "
            f"{FEWEST_ENDS} are needed"
        )
    return None


def _said_of_the_data(terms: Terms, frame: pd.DataFrame, wrong: int, *, is_at_renewals: bool) -> list[str]:
    said = []
    if wrong:
        said.append(f"{wrong:,} subscriptions end before they begin and are left out.")
    unknown = int((~frame["is_period_known"].fillna(value=False).astype(bool)).sum())
    if unknown:
        said.append(f"Of {unknown:,} the billing period is not in the seed billing_period_words: it counts as a month.")
    if terms.has_ended.any():
        said.append(
            "Contracts end on renewal dates alone."
            if is_at_renewals
            else f"Contracts end between renewals too ({share_between(terms):.0%} of the ends)."
        )
        if not (~terms.has_ended).any():
            said.append("None runs any more, so there is nobody to forecast.")
    return said


def _said_of_horizons(judged: Sequence[Judged]) -> list[str]:
    said = [line.decision for line in judged if line.judged_days]
    untested = [f"{line.horizon_days} days ({line.decision})" for line in judged if not line.judged_days]
    if untested:
        said.append(f"Not tested, which needs {MINIMUM_PER_CLASS} that ended and that did not: {', '.join(untested)}.")
    return said


def _decision(name: str, *, is_certain: bool) -> str:
    meaning = {kind.name: kind.meaning for kind in HAZARDS}
    if name == OneRate.name:
        return f"Published: {BASELINE}, which no other model beat on earlier windows."
    if is_certain:
        return f"Published: {meaning[name]}, which beats {BASELINE}."
    return f"Published: {BASELINE}, since {meaning[name]} has no certain gain over it out of time."


def _fit(name: str, terms: Terms, known: Periods) -> Hazard | None:
    """Fit one model; None where these periods cannot carry it."""
    kind = next(kind for kind in HAZARDS if kind.name == name)
    if not known.ended.any() or known.ended.all():
        return None
    try:
        fitted = kind().fit(terms, known)
    except UserError:
        return None
    return fitted if fitted.is_converged_ else None


def _window(terms: Terms, begins: int, ends: int) -> tuple[Terms, Terms, Floats]:
    """Return what was known so many days ago, the contracts that ran then, and which ended until `ends` days ago."""
    day = terms.day - np.timedelta64(begins, "D")
    until = terms.day - np.timedelta64(ends, "D")
    before = terms.known_on(day)
    later = terms.rows(terms.start <= day)
    runs = ~before.has_ended
    return before, before.rows(runs), (later.end[runs] <= until).astype(np.float64)


def _predict(hazard: Hazard, running: Terms, days: int, *, is_at_renewals: bool) -> Floats:
    said = forecast(hazard, running, [days], is_at_renewals=is_at_renewals)
    return np.clip(said.total[0], CLIP, 1 - CLIP)


def _choose(terms: Terms, days: int, *, is_at_renewals: bool) -> tuple[str, dict[str, float]]:
    """Return the model with the smallest log loss over earlier windows; equal to four digits, the simpler one."""
    losses: dict[str, list[float]] = {kind.name: [] for kind in HAZARDS}
    sizes = []
    for k in WINDOWS:
        before, running, outcome = _window(terms, k * days, (k - 1) * days)
        known = over(before)
        fitted = [_fit(kind.name, before, known) for kind in HAZARDS]
        if not running.number or fitted[0] is None:
            continue
        sizes.append(running.number)
        for kind, model in zip(HAZARDS, fitted, strict=True):
            said = _predict(model, running, days, is_at_renewals=is_at_renewals) if model else None
            losses[kind.name].append(float("inf") if said is None else float(log_loss(outcome, said, labels=[0, 1])))
    if not sizes:
        return OneRate.name, {}
    means = {name: float(np.average(values, weights=sizes)) for name, values in losses.items()}
    best = min(means, key=lambda name: (round(means[name], DIGITS), list(means).index(name)))
    return best, {name: round(value, 6) for name, value in means.items() if np.isfinite(value)}


def _judge(
    terms: Terms, name: str, horizons: Sequence[int], *, is_at_renewals: bool
) -> tuple[list[Judged], list[dict[str, Any]], bool]:
    """Judge each horizon on the days up to the as-of day; and whether the gain is certain on the first that can be."""
    judged: list[Judged] = []
    rows: list[dict[str, Any]] = []
    certain: list[bool] = []
    for days in horizons:
        before, running, outcome = _window(terms, days, 0)
        ended, stayed = int(outcome.sum()), int((1 - outcome).sum())
        known = over(before)
        model, rate = _fit(name, before, known), _fit(OneRate.name, before, known)
        if model is None or rate is None:
            judged.append(Judged(days, None, "no end was known then"))
            continue
        if min(ended, stayed) < MINIMUM_PER_CLASS:
            judged.append(Judged(days, None, f"{ended:,} of {running.number:,} ended"))
            continue
        ours, theirs = (_predict(each, running, days, is_at_renewals=is_at_renewals) for each in (model, rate))
        found, gain = _rows(days, outcome, ours, theirs)
        rows += found
        certain.append(gain > 0)
        loss = found[0]
        judged.append(
            Judged(
                days, days,
                f"{days} days: log loss {_short(loss['value'])} against {_short(loss['baseline_value'])} of {BASELINE} "
                f"({running.number:,} contracts).",
            )
        )  # fmt: skip
    return judged, rows, bool(certain) and certain[0]


def _rows(days: int, outcome: Floats, ours: Floats, theirs: Floats) -> tuple[list[dict[str, Any]], float]:
    model, rate = metrics(outcome, ours), metrics(outcome, theirs)
    intervals = improvement_intervals(outcome, ours, theirs)
    rows = [
        row("all", f"{name}_{days}d", len(outcome), model[name], rate[name], intervals.get(name)) for name in REPORTED
    ]
    return rows, intervals[PRIMARY][0]


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
