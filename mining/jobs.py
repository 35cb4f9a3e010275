"""The four mining steps that a build calls: train, then segments, lifetime value and churn in any order.

Each reads `features/` and `models/`, writes whole files under `models/` or `scores/`, and returns what it wrote as
plain text and numbers, so that an orchestrator can pass it on.
"""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from mining import schemas
from mining.churn import job as churn
from mining.clv import job as clv
from mining.segments import job as segments
from mining.store import (
    FeatureSet,
    Model,
    make_id,
    mining_code,
    read_features,
    score_path,
    usable_models,
    write_model,
    write_scores,
)
from pipeline.settings import Settings

RETRAIN_DAYS = 7
TRAINED = (clv.JOB, churn.JOB)

Result = dict[str, Any]


def train_models(
    settings: Settings, *, as_of: dt.date, sources: Sequence[str], force: bool = False
) -> dict[str, Result]:
    """Train lifetime value and churn where the newest usable model is a week old or there is none.

    Parameters
    ----------
    settings
        Where files are, and the horizons.
    as_of
        Day that the features describe.
    sources
        Active sources: a model scores only the sources that it was trained on.
    force
        Train also when a recent model exists.

    Returns
    -------
    dict
        Per job: model_version, is_new, is_published, decision.
    """
    features: FeatureSet | None = None
    results: dict[str, Result] = {}
    for job in TRAINED:
        model = None if force else _recent(settings, job, as_of, sources)
        is_new = model is None
        if model is None:
            features = features or read_features(settings, as_of)
            model = _train(settings, job, features, sources)
            write_model(settings, model)
        results[job] = {"is_new": is_new, **{n: model[n] for n in ("model_version", "is_published", "decision")}}
    return results


def _recent(settings: Settings, job: str, as_of: dt.date, sources: Sequence[str]) -> Model | None:
    models = usable_models(settings, job, as_of=as_of, sources=sources, needs=_needs(settings, job))
    if models and (as_of - dt.date.fromisoformat(models[-1]["as_of_date"])).days < RETRAIN_DAYS:
        return models[-1]
    return None


def _needs(settings: Settings, job: str) -> dict[str, Any]:
    """Return the parameters that a model must share with the settings to answer their question."""
    if job == churn.JOB:
        return {"horizon_days": settings.churn_horizon_days}
    return {"horizon_days": settings.clv_horizon_days, "annual_discount_rate": settings.annual_discount_rate}


def _train(settings: Settings, job: str, features: FeatureSet, sources: Sequence[str]) -> Model:
    needs = _needs(settings, job)
    trained = churn.train(features, **needs) if job == churn.JOB else clv.train(features, **needs)
    return {
        **trained,
        "job": job,
        "model_version": make_id(job, features.as_of, features.content_hash, sorted(sources), needs),
        "as_of_date": features.as_of.isoformat(),
        "sources": sorted(sources),
        "mining_code": mining_code(),
        "code_version": settings.code_version(),
        "input_hash": features.content_hash,
    }


def score_segments(settings: Settings, *, as_of: dt.date) -> Result:
    """Write `scores/segments/`: RFM scores, segment, tier and lifecycle stage of every customer."""
    features = read_features(settings, as_of)
    run_id = make_id(segments.JOB, as_of, features.content_hash)
    scored = segments.score(features).assign(as_of_date=as_of, run_id=run_id)
    path = write_scores(score_path(settings, segments.JOB, as_of, run_id), scored, schemas.SEGMENTS)
    return {"run_id": run_id, "customers": len(scored), "files": {segments.JOB: path}}


def score_clv(settings: Settings, *, as_of: dt.date, sources: Sequence[str]) -> Result:
    """Write `scores/clv/` and the rows of its model run and metrics. See `score_churn` for what it returns."""
    return _score(settings, clv.JOB, as_of, sources)


def score_churn(settings: Settings, *, as_of: dt.date, sources: Sequence[str]) -> Result:
    """Write `scores/churn/` and the rows of its model run and metrics.

    Scores with the newest published model. While there is none, every score is null with its reason.

    Returns
    -------
    dict
        run_id, model_version (null without a model), customers, scored, decision, and `files`: the path written under
        each of the keys churn, model_runs, model_metrics.
    """
    return _score(settings, churn.JOB, as_of, sources)


def _score(settings: Settings, job: str, as_of: dt.date, sources: Sequence[str]) -> Result:
    features = read_features(settings, as_of)
    models = usable_models(settings, job, as_of=as_of, sources=sources, needs=_needs(settings, job))
    newest = models[-1] if models else None
    used = next((model for model in reversed(models) if model["is_published"]), None)
    version = used["model_version"] if used else None
    run_id = make_id(job, as_of, features.content_hash, version, _needs(settings, job), settings.churn_horizon_days)
    unavailable = newest["decision"] if newest else "No model has been trained on these sources."
    scored, schema = _apply(settings, job, features, used, unavailable)
    scored = scored.assign(as_of_date=as_of, run_id=run_id, model_version=version)
    files = {job: write_scores(score_path(settings, job, as_of, run_id), scored, schema)}
    return {
        "run_id": run_id,
        "model_version": version,
        "customers": len(scored),
        "scored": int(scored["unavailable_reason"].isna().sum()),
        "decision": newest["decision"] if newest else unavailable,
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


def _write_runs(
    settings: Settings, as_of: dt.date, run_id: str, used: Model | None, newest: Model | None
) -> dict[str, str]:
    """Describe the model that scored and, where it was refused, the newest attempt, under its model version."""
    runs: list[tuple[str, Model]] = []
    if used or newest:
        runs.append((run_id, used or newest or {}))
    if used and newest and newest is not used:
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
