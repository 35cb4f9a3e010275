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
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import pandas as pd
import pyarrow as pa
from threadpoolctl import threadpool_limits

from mining import schemas, sound
from mining.churn import job as churn
from mining.clv import job as clv
from mining.runs import without_result, write_runs
from mining.segments import job as segments
from mining.store import (
    FeatureSet,
    earlier_models,
    make_id,
    mining_code,
    read_features,
    read_model,
    score_path,
    score_table,
    write_scores,
)
from pipeline.attempt import Failure, attempt
from pipeline.models import Model, write_model
from pipeline.settings import Settings

MODEL_DAYS = 7
"""A published model scores the days after its own that are fewer than this away."""
TRAINED: dict[str, tuple[Callable[..., Model], str]] = {
    clv.JOB: (clv.train, clv.BASELINE),
    churn.JOB: (churn.train, churn.BASELINE),
}
SCHEMAS = {segments.JOB: schemas.SEGMENTS, clv.JOB: schemas.CLV, churn.JOB: schemas.CHURN}

Result = dict[str, Any]
Computed = TypeVar("Computed")


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
    train, baseline = TRAINED[job]
    trained = _compute(f"training {job}", lambda: _storable(train(features, **needs)))
    if isinstance(trained, Failure):
        trained = without_result(trained, needs, baseline)
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
    """Write `scores/segments/`: RFM scores, segment, tier and lifecycle stage of every customer.

    A run is described only where they could not be computed: nothing is trained, so there is nothing to judge.
    """
    features = read_features(settings, as_of, settings.sources)
    run_id = make_id(segments.JOB, as_of, features.content_hash)
    stamp: dict[str, Any] = {"as_of_date": as_of, "run_id": run_id}
    table = _attempt_scores(segments.JOB, features, partial(segments.score, features), stamp)
    files = {}
    if isinstance(table, Failure):
        run = {**without_result(table, {}, None), "job": segments.JOB, "input_hash": features.content_hash}
        run["code_version"] = settings.code_version()
        files = write_runs(settings, as_of, [(run_id, run)])
        unscored = segments.unscored(features, run["decision"]).assign(**stamp)
        table = score_table(unscored, schemas.SEGMENTS)
    path = write_scores(score_path(settings, segments.JOB, as_of, run_id), table)
    return {"run_id": run_id, "customers": table.num_rows, "files": {segments.JOB: path, **files}}


def _attempt_scores(
    job: str, features: FeatureSet, score: Callable[[], pd.DataFrame], stamp: dict[str, Any]
) -> pa.Table | Failure:
    """Score, check and type everybody's scores; or why they cannot be published."""

    def sound_scores() -> pa.Table:
        scored = score()
        sound.check(job, scored, features.customers)
        return score_table(scored.assign(**stamp), SCHEMAS[job])

    return _compute(f"scoring {job}", sound_scores)


def _compute(what: str, action: Callable[[], Computed]) -> Computed | Failure:
    with one_thread():
        return attempt(what, action)


def _storable(trained: Model) -> Model:
    """Return a model that JSON can hold; of what scores, finite numbers alone."""
    json.dumps(trained)
    json.dumps(trained["model"], allow_nan=False)
    return trained


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
    models = used["model_version"] if used else None, newest["model_version"]
    run_id = make_id(job, as_of, features.content_hash, models, _needs(settings, job), settings.churn_horizon_days)
    stamp: dict[str, Any] = {"as_of_date": as_of, "run_id": run_id, "model_version": models[0]}
    decision, run = newest["decision"], used or newest
    runs = [(run_id, run)] if run is newest else [(run_id, run), (newest["model_version"], newest)]
    table = _attempt_scores(job, features, partial(_apply, settings, job, features, used, decision), stamp)
    if isinstance(table, Failure):
        refusal = without_result(table, {}, None)
        run = {**run, **{name: refusal[name] for name in ("is_published", "decision", "failure")}}
        stamp["model_version"], decision, runs = None, run["decision"], [(run_id, run), *runs[1:]]
        table = score_table(_apply(settings, job, features, None, decision).assign(**stamp), SCHEMAS[job])
    files = {job: write_scores(score_path(settings, job, as_of, run_id), table)}
    return {
        "run_id": run_id,
        "model_version": stamp["model_version"],
        "customers": table.num_rows,
        "scored": table["unavailable_reason"].null_count,
        "decision": decision,
        "files": files | write_runs(settings, as_of, runs),
    }


def _apply(settings: Settings, job: str, features: FeatureSet, model: Model | None, unavailable: str) -> pd.DataFrame:
    frame = features.at(features.as_of)
    if job == churn.JOB:
        return churn.score(frame, model, horizon_days=settings.churn_horizon_days, unavailable=unavailable)
    return clv.score(
        frame,
        model,
        horizon_days=settings.clv_horizon_days,
        churn_horizon_days=settings.churn_horizon_days,
        annual_discount_rate=settings.annual_discount_rate,
        unavailable=unavailable,
    )
