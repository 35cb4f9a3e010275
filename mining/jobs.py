"""The four mining steps that a build calls: train, then segments, lifetime value and churn in any order.

Each reads `features/` and `models/`, writes whole files under `models/` or `scores/`, and returns what it wrote as
plain text and numbers, so that an orchestrator can pass it on.

Which model scores a day follows from the day's features and the models of earlier days, not from how often or in which
order steps ran: the newest published model of the six days before, else the one that the day's own features give. If
that is refused, the last published one before it, of whatever age. Equal features give an equal model, so its file is
never older or newer than they are, and is trained once.
"""

import datetime as dt
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
from threadpoolctl import threadpool_limits

from mining import schemas
from mining.churn import job as churn
from mining.clv import job as clv
from mining.segments import job as segments
from mining.store import (
    FeatureSet,
    earlier_models,
    make_id,
    mining_code,
    read_features,
    read_model,
    score_path,
    write_scores,
)
from pipeline.models import Model, write_model
from pipeline.settings import Settings

MODEL_DAYS = 7
"""A published model scores the days after its own that are fewer than this away."""
TRAINED = (clv.JOB, churn.JOB)

Result = dict[str, Any]


def one_thread() -> AbstractContextManager[Any]:
    """Keep linear algebra on one thread: sums round alike on any machine, and small matrices wait for no other core."""
    limits: AbstractContextManager[Any] = threadpool_limits(1, "blas")
    return limits


class Choice(NamedTuple):
    """The model that scores (None: every attempt was refused), the newest attempt, whether that was trained now."""

    used: Model | None
    newest: Model
    is_new: bool


def train_models(
    settings: Settings, *, as_of: dt.date, sources: Sequence[str], force: bool = False
) -> dict[str, Result]:
    """Train lifetime value and churn on the day's features where no published model of the six days before scores it.

    Parameters
    ----------
    settings
        Where files are, and the horizons.
    as_of
        Day that the features describe.
    sources
        Active sources: a model scores only the sources that it was trained on.
    force
        Train on the day's features in any case. Where an earlier model scores this day, the new one serves from the
        next day on: what a day is scored with never changes afterwards.

    Returns
    -------
    dict
        Per job, of the newest model: model_version, is_new, is_published, decision.
    """
    features = read_features(settings, as_of, sources)
    results: dict[str, Result] = {}
    for job in TRAINED:
        _, model, is_new = _choose(settings, job, features, sources)
        if force:
            model, was_trained = _own_model(settings, job, features, sources)
            is_new = is_new or was_trained
        results[job] = {"is_new": is_new, **{n: model[n] for n in ("model_version", "is_published", "decision")}}
    return results


def scoring_model(
    settings: Settings, job: str, *, as_of: dt.date, sources: Sequence[str]
) -> tuple[FeatureSet, Model | None]:
    """Return a day's features and the published model that scores them, None where there is none. Trains nothing."""
    features = read_features(settings, as_of, sources)
    published = _published(_earlier(settings, job, features, sources))
    if published and _serves(published, as_of):
        return features, published
    own = read_model(settings, job, _own_version(settings, job, features, sources))
    return features, own if own and own["is_published"] else published


def _earlier(settings: Settings, job: str, features: FeatureSet, sources: Sequence[str]) -> list[Model]:
    return earlier_models(settings, job, as_of=features.as_of, sources=sources, needs=_needs(settings, job))


def _published(models: list[Model]) -> Model | None:
    return next((model for model in reversed(models) if model["is_published"]), None)


def _serves(model: Model, as_of: dt.date) -> bool:
    return (as_of - dt.date.fromisoformat(model["as_of_date"])).days < MODEL_DAYS


def _choose(settings: Settings, job: str, features: FeatureSet, sources: Sequence[str]) -> Choice:
    earlier = _earlier(settings, job, features, sources)
    published = _published(earlier)
    if published and _serves(published, features.as_of):
        return Choice(published, earlier[-1], is_new=False)
    own, is_new = _own_model(settings, job, features, sources)
    return Choice(own if own["is_published"] else published, own, is_new)


def _own_version(settings: Settings, job: str, features: FeatureSet, sources: Sequence[str]) -> str:
    needs = _needs(settings, job)
    return make_id(job, features.as_of, features.content_hash, sorted(sources), needs, settings.code_version())


def _own_model(settings: Settings, job: str, features: FeatureSet, sources: Sequence[str]) -> tuple[Model, bool]:
    """Return the model of the day's own features, and whether it had to be trained."""
    needs = _needs(settings, job)
    version = _own_version(settings, job, features, sources)
    known = read_model(settings, job, version)
    if known:
        return known, False
    with one_thread():
        trained = churn.train(features, **needs) if job == churn.JOB else clv.train(features, **needs)
    model = {
        **trained,
        "job": job,
        "needs": needs,
        "model_version": version,
        "as_of_date": features.as_of.isoformat(),
        "sources": sorted(sources),
        "mining_code": mining_code(),
        "code_version": settings.code_version(),
        "input_hash": features.content_hash,
    }
    write_model(settings, model)
    return model, True


def _needs(settings: Settings, job: str) -> dict[str, Any]:
    """Return the parameters that a model must share with the settings to answer their question."""
    if job == churn.JOB:
        return {"horizon_days": settings.churn_horizon_days}
    return {"horizon_days": settings.clv_horizon_days, "annual_discount_rate": settings.annual_discount_rate}


def score_segments(settings: Settings, *, as_of: dt.date) -> Result:
    """Write `scores/segments/`: RFM scores, segment, tier and lifecycle stage of every customer."""
    features = read_features(settings, as_of, settings.sources)
    run_id = make_id(segments.JOB, as_of, features.content_hash)
    scored = segments.score(features).assign(as_of_date=as_of, run_id=run_id)
    path = write_scores(score_path(settings, segments.JOB, as_of, run_id), scored, schemas.SEGMENTS)
    return {"run_id": run_id, "customers": len(scored), "files": {segments.JOB: path}}


def score_clv(settings: Settings, *, as_of: dt.date, sources: Sequence[str]) -> Result:
    """Write `scores/clv/` and the rows of its model run and metrics. See `score_churn` for what it returns."""
    return _score(settings, clv.JOB, as_of, sources)


def score_churn(settings: Settings, *, as_of: dt.date, sources: Sequence[str]) -> Result:
    """Write `scores/churn/` and the rows of its model run and metrics.

    Trains first where `train_models` has not. Where every model was refused, every score is null with its reason.

    Returns
    -------
    dict
        run_id, model_version (null without a published model), customers, scored, decision, and `files`: the path
        written under each of the keys churn, model_runs, model_metrics.
    """
    return _score(settings, churn.JOB, as_of, sources)


def _score(settings: Settings, job: str, as_of: dt.date, sources: Sequence[str]) -> Result:
    features = read_features(settings, as_of, sources)
    used, newest, _ = _choose(settings, job, features, sources)
    version = used["model_version"] if used else None
    models = version, newest["model_version"]
    run_id = make_id(job, as_of, features.content_hash, models, _needs(settings, job), settings.churn_horizon_days)
    with one_thread():
        scored, schema = _apply(settings, job, features, used, newest["decision"])
    scored = scored.assign(as_of_date=as_of, run_id=run_id, model_version=version)
    files = {job: write_scores(score_path(settings, job, as_of, run_id), scored, schema)}
    return {
        "run_id": run_id,
        "model_version": version,
        "customers": len(scored),
        "scored": int(scored["unavailable_reason"].isna().sum()),
        "decision": newest["decision"],
        "files": files | _write_runs(settings, as_of, run_id, used, newest),
    }


def _apply(
    settings: Settings, job: str, features: FeatureSet, model: Model | None, unavailable: str
) -> tuple[pd.DataFrame, pa.Schema]:
    frame = features.at(features.as_of)
    if job == churn.JOB:
        horizon = settings.churn_horizon_days
        return churn.score(frame, model, horizon_days=horizon, unavailable=unavailable), schemas.CHURN
    scored = clv.score(
        frame,
        model,
        horizon_days=settings.clv_horizon_days,
        churn_horizon_days=settings.churn_horizon_days,
        annual_discount_rate=settings.annual_discount_rate,
        unavailable=unavailable,
    )
    return scored, schemas.CLV


def _write_runs(settings: Settings, as_of: dt.date, run_id: str, used: Model | None, newest: Model) -> dict[str, str]:
    """Describe the model that scored and, where it was refused, the newest attempt, under its model version."""
    runs = [(run_id, used or newest)]
    if used and newest is not used:
        runs.append((newest["model_version"], newest))
    metrics = [{**row, "run_id": name, "job": model["job"]} for name, model in runs for row in model["model_metrics"]]
    tables = {
        "model_runs": ([_run_row(as_of, name, model) for name, model in runs], schemas.MODEL_RUNS),
        "model_metrics": (metrics, schemas.MODEL_METRICS),
    }
    return {
        table: write_scores(
            score_path(settings, table, as_of, run_id), pd.DataFrame(rows, columns=schema.names), schema
        )
        for table, (rows, schema) in tables.items()
    }


def _run_row(as_of: dt.date, run_id: str, model: Model) -> dict[str, Any]:
    row = {name: model.get(name) for name in schemas.MODEL_RUNS.names}
    for name in ("parameters", "metrics", "baseline_metrics"):
        row[name] = json.dumps(model[name], sort_keys=True)
    for name in ("train_window_start", "train_window_end", "holdout_start", "holdout_end"):
        row[name] = dt.date.fromisoformat(model[name]) if model[name] else None
    return {**row, "run_id": run_id, "as_of_date": as_of}
