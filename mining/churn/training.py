"""Train and judge the churn model.

Cut-offs lie a horizon apart, as_of - k * horizon, so that labels do not overlap and the last ends on the as-of day.
Of the candidates (`candidates`), the one that predicted some earlier cut-offs best is chosen, each fitted on what was
known on that cut-off's day. Then k = 1, which no choice has seen, judges it beside the baseline, both fitted on k >= 2.
It is fitted once more on k >= 1; that one scores.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mining.churn.candidates import (
    MEANINGS,
    STACKED,
    WITHOUT_PURCHASES,
    Candidates,
    Labelled,
    choose,
    choosing,
    fit_candidates,
)
from mining.churn.evaluation import MINIMUM_PER_CLASS, PRIMARY, RESAMPLES, SECONDARY, SEED, evaluate, log_losses
from mining.churn.features import BASELINE_INPUTS, FAMILY_OF, split_inputs
from mining.churn.horizons.judging import judge
from mining.churn.model import ChurnModel, fit, purchases_alone, with_purchase_odds
from mining.churn.screening import LEVEL, screen
from mining.evaluation import refused, row, window
from mining.purchases import reach
from mining.purchases.rhythm import typical_gap
from mining.purchases.season import CYCLES, cycles
from mining.purchases.timing import PurchaseTiming, fit_timing
from mining.reports.groups import by_group
from mining.store import FeatureSet

KIND = "non_contractual"
BASELINE = "recency alone"
AT_RISK_DAYS = 182
HIGH_SHARE, MEDIUM_SHARE = 0.20, 0.50


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
    then = features.at(date + dt.timedelta(days=horizon), "customer_id", "purchase_days")
    later = then.set_index("customer_id")["purchase_days"]
    churned = (later.reindex(frame["customer_id"]).to_numpy() == frame["purchase_days"].to_numpy()).astype(float)
    chosen = at_risk(frame, horizon).to_numpy()
    return frame[chosen].reset_index(drop=True), churned[chosen]


def _before(labelled_parts: dict[int, Labelled], k: int) -> Labelled:
    """Cut-offs earlier than the k-th, oldest first."""
    parts = [labelled_parts[step] for step in sorted(labelled_parts, reverse=True) if step > k]
    return pd.concat([part[0] for part in parts], ignore_index=True), np.concatenate([part[1] for part in parts])


def train(features: FeatureSet, *, horizon_days: int, longer_horizons: Sequence[int] = ()) -> dict[str, Any]:
    """Fit the candidates, choose one, judge it beside the baseline out of time, and decide.

    Parameters
    ----------
    features
        Features of the as-of day and of the cut-offs.
    horizon_days
        Days after a cut-off that the published churn score is about.
    longer_horizons
        Further horizons, ascending, all longer: see `horizons`.

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
        return {**refused(days, _parameters(horizon_days), BASELINE, problem), "risk_bands": None, "horizons": []}
    name, chosen_on, means = _choose(features, dates, parts, horizon_days)
    training, (frame, outcome) = _before(parts, 1), parts[1]
    timing = _timing(features, dates[1])
    rows_at = with_purchase_odds(training[0], timing, horizon_days)
    gap = typical_gap(training[0], horizon_days)
    usable, dropped = split_inputs(rows_at, gap)
    screening = screen(rows_at, training[1], usable, gap)
    candidates = fit_candidates(training, timing, screening.inputs, gap, horizon_days)
    judged = candidates.models.get(name) or candidates.models[STACKED]
    baseline = fit(training, BASELINE_INPUTS, gap)
    rows = evaluate(frame, outcome, judged.predict(frame), baseline.predict(frame))
    rows += _compared(candidates, parts[1])
    rows += by_group(features, frame, outcome, judged.predict(frame), baseline.predict(frame))
    final = _refit(features, parts, screening.inputs, name, horizon_days)
    published, decision = _decide(rows, features.as_of, horizon_days)
    converged = judged.is_converged and final.is_converged
    if not converged:
        published, decision = False, "Not published: the fit did not converge."

    def model_at(k: int) -> ChurnModel | None:
        return _model_at(features, dates, parts, k, name, horizon_days)

    horizons, of_horizons = judge(features, dates, parts, model_at, longer_horizons if final.timing else ())
    rows += of_horizons
    overall = {row["metric"]: row for row in rows if row["stratum"] == "all"}
    said, *unknown = _said_of_the_model(features, final, name, len(chosen_on))
    unknown += reach.silence(features.calendar(features.as_of), features.as_of)
    unknown += reach.weight(features.at(features.as_of)["purchase_days"].to_numpy(float))
    unknown += reach.undecided(
        {each: log_losses(outcome, model.predict(frame)) for each, model in candidates.models.items()}, name
    )
    return {
        **_window(features, horizon_days, dates),
        "parameters": {
            **_parameters(horizon_days),
            "cut_offs": {
                "train": [dates[k].isoformat() for k in sorted(dates, reverse=True) if k > 1],
                "choose": [date.isoformat() for date in chosen_on],
                "test": dates[1].isoformat(),
            },
            "candidates": {"chosen": name, "log_loss_on_choosing_cut_offs": means},
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
        "decision": " ".join([decision, said, *(other.decision for other in horizons if published), *unknown]),
        "reach": unknown,
        "is_converged": converged,
        "model": final.to_json(),
        "risk_bands": _bands(final, parts[1][0]),
        "horizons": [other._asdict() for other in horizons],
    }


def _timing(features: FeatureSet, date: dt.date) -> PurchaseTiming | None:
    return fit_timing(features.at(date), features.calendar(date), features.events(date))


def _choose(
    features: FeatureSet, dates: dict[int, dt.date], parts: dict[int, Labelled], horizon: int
) -> tuple[str, list[dt.date], dict[str, float]]:
    """Return the candidate that predicted some earlier cut-offs best, those cut-offs, and the candidates' log losses.

    With the inputs of purchase behaviour, which need no screening.
    """
    losses, sizes = {}, {}
    for k in choosing(len(parts)):
        if _can_be_learned_from(parts, k):
            losses[dates[k]] = _candidates_at(features, dates, parts, k, horizon).log_losses(parts[k])
            sizes[dates[k]] = len(parts[k][1])
    name, means = choose(losses, sizes)
    return name, sorted(losses), means


def _can_be_learned_from(parts: dict[int, Labelled], k: int) -> bool:
    return k in parts and k + 1 in parts and 0 < _before(parts, k)[1].mean() < 1


def _candidates_at(
    features: FeatureSet, dates: dict[int, dt.date], parts: dict[int, Labelled], k: int, horizon: int
) -> Candidates:
    """Fit the candidates on what was known at the k-th cut-off."""
    training, timing = _before(parts, k), _timing(features, dates[k])
    gap = typical_gap(training[0], horizon)
    usable, _ = split_inputs(training[0], gap)
    behaviour = tuple(name for name in usable if not FAMILY_OF[name].is_screened)
    return fit_candidates(training, timing, behaviour, gap, horizon)


def _model_at(  # noqa: PLR0917
    features: FeatureSet, dates: dict[int, dt.date], parts: dict[int, Labelled], k: int, name: str, horizon: int
) -> ChurnModel | None:
    """Fit the chosen candidate at the k-th cut-off: the purchase model alone, where no cut-off lies before."""
    if _can_be_learned_from(parts, k):
        return _candidates_at(features, dates, parts, k, horizon).models.get(name)
    timing = _timing(features, dates[k])
    if timing is None:
        return None
    odds = timing.log_odds_of_no_purchase(parts[k][0], horizon)
    return purchases_alone(odds, typical_gap(parts[k][0], horizon), timing, horizon)


def _compared(candidates: Candidates, test: Labelled) -> list[dict[str, Any]]:
    """Log loss of every candidate on the test cut-off, the ones not chosen too."""
    losses = candidates.log_losses(test)
    return [row("all", f"{name}_log_loss", len(test[1]), loss) for name, loss in losses.items()]


def _refit(
    features: FeatureSet, parts: dict[int, Labelled], inputs: tuple[str, ...], name: str, horizon: int
) -> ChurnModel:
    training, timing = _before(parts, 0), _timing(features, features.as_of)
    gap = typical_gap(training[0], horizon)
    usable, _ = split_inputs(with_purchase_odds(training[0], timing, horizon), gap)
    kept = tuple(name for name in inputs if name in usable)
    models = fit_candidates(training, timing, kept, gap, horizon).models
    return models.get(name) or models[STACKED]


def _said_of_the_model(features: FeatureSet, final: ChurnModel, name: str, cut_offs: int) -> list[str]:
    """Return which candidate scores, and what it does not know."""
    of = f"chosen on {cut_offs} earlier cut-offs" if cut_offs > 1 else "chosen on the cut-off before"
    said = [f"Model: {MEANINGS[name] if final.timing else WITHOUT_PURCHASES} ({of})."]
    first = features.at(features.as_of)["first_purchase_date"].min().date()
    if final.timing and cycles(first, features.as_of) < CYCLES:
        said.append(reach.season(final.timing.clock, first, features.as_of))
    return said


def _problem(parts: dict[int, Labelled]) -> str | None:
    if len(parts) < 3:
        return f"cut-offs with known outcome: {len(parts)}, and 3 are needed: too little history for this horizon"
    for name, outcome in (("training", _before(parts, 2)[1]), ("choosing", parts[2][1]), ("test", parts[1][1])):
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
