"""The steps that a build calls: train the models, then run each job of the registry, in any order.

Each step reads `features/` and `models/`, writes whole files under `models/` or `scores/`, and returns what it wrote as
plain text and numbers, so that an orchestrator can pass it on.

Which model scores a day follows from the day's features and the models of earlier days, not from how often or in which
order steps ran: the newest published model of the six days before, else the one that the day's own features give. If
that is refused, the last published one before it, of whatever age. A refused model is not trained again for six days
either, unless it failed or there is a tenth more to learn from. Equal features give an equal model, so its file is
never older or newer than they are, and is trained once.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, NamedTuple, TypeVar

from threadpoolctl import threadpool_limits

from mining import sound
from mining.blocks import block_file
from mining.protocol import Frames, Job, Options, TrainedJob
from mining.registry import JOBS, find_job
from mining.reports.card import write_card
from mining.reports.inputs import input_drift, with_profile
from mining.runs import without_result, write_runs
from mining.store import (
    FeatureSet,
    earlier_models,
    read_model,
    score_path,
    score_table,
)
from mining.version import make_id, mining_code
from pipeline.base.attempt import Failure, attempt
from pipeline.base.model_files import Model, write_model
from pipeline.base.settings import Settings

MODEL_DAYS = 7
"""A model holds for the days after its own that are fewer than this away: where it was published it scores them, and
where it was refused none is trained on them."""

MORE_TO_LEARN = 1.1
"""A refused model is tried again at once where there are this many times the rows that it had."""

SHARE_DIGITS = 6
NOTHING = "no source brings what the job scores"

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


class Day(NamedTuple):
    """What is scored: the features of a day for a job."""

    settings: Settings
    job: Job
    features: FeatureSet
    sources: Sequence[str]

    def parts(self) -> Iterator[FeatureSet]:
        """See `Job.parts`."""
        return self.job.parts(self.settings, self.features.as_of, self.sources, self.features)


class Written(NamedTuple):
    """Score files by table, and of the first table its rows, and those that have a score."""

    files: dict[str, str]
    rows: int
    scored: int


def train_models(
    settings: Settings, *, as_of: dt.date, sources: Sequence[str], force: bool = False
) -> dict[str, Result]:
    """Train the models on the day's features, where none of the six days before was published or refused.

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
    results: dict[str, Result] = {}
    for job in map(find_job, JOBS):
        if not isinstance(job, TrainedJob):
            continue
        features = job.read(settings, as_of, sources)
        if _has_nothing(job, features):
            continue
        _, model, is_new = _choose(settings, job, features, sources)
        if force:
            model, was_trained = _own_model(settings, job, features, sources)
            is_new = is_new or was_trained
        results[job.name] = {"is_new": is_new, **{n: model[n] for n in ("model_version", "is_published", "decision")}}
    return results


def check_options(settings: Settings) -> None:
    """Read what the jobs ask of the company's settings, so that a wrong one is said before anything is built.

    Raises
    ------
    UserError
        A value cannot be used; the message names it and what to write.
    """
    for name in JOBS:
        find_job(name).options(settings)


def scoring_model(
    settings: Settings, job: TrainedJob, *, as_of: dt.date, sources: Sequence[str]
) -> tuple[FeatureSet, Model | None]:
    """Return a day's features and the published model that scores them, None where there is none. Trains nothing."""
    features = job.read(settings, as_of, sources)
    earlier = _earlier(settings, job, features, sources)
    published = _published(earlier)
    if _is_settled(earlier, features):
        return features, published
    own = read_model(settings, job.name, _own_version(settings, job, features, sources))
    return features, own if own and own["is_published"] else published


def _earlier(settings: Settings, job: TrainedJob, features: FeatureSet, sources: Sequence[str]) -> list[Model]:
    return earlier_models(settings, job.name, as_of=features.as_of, sources=sources, needs=job.needs(settings))


def _published(models: list[Model]) -> Model | None:
    return next((model for model in reversed(models) if model["is_published"]), None)


def _is_settled(models: list[Model], features: FeatureSet) -> bool:
    """Whether one of the days before was judged so lately that no model is trained on the day's own features."""
    lately = (m for m in models if (features.as_of - dt.date.fromisoformat(m["as_of_date"])).days < MODEL_DAYS)
    return any(m["is_published"] or _is_refused_for_good(m, features.rows) for m in lately)


def _is_refused_for_good(model: Model, rows: int) -> bool:
    return not model.get("failure") and rows < MORE_TO_LEARN * model["input_rows"]


def _choose(settings: Settings, job: TrainedJob, features: FeatureSet, sources: Sequence[str]) -> Choice:
    earlier = _earlier(settings, job, features, sources)
    published = _published(earlier)
    if _is_settled(earlier, features):
        return Choice(published, earlier[-1], is_new=False)
    own, is_new = _own_model(settings, job, features, sources)
    return Choice(own if own["is_published"] else published, own, is_new)


def _own_version(settings: Settings, job: TrainedJob, features: FeatureSet, sources: Sequence[str]) -> str:
    content = features.content_hash, sorted(sources), job.needs(settings), settings.code_version()
    return make_id(job.name, features.as_of, *content)


def _own_model(settings: Settings, job: TrainedJob, features: FeatureSet, sources: Sequence[str]) -> tuple[Model, bool]:
    """Return the model of the day's own features, and whether it had to be trained."""
    needs = dict(job.needs(settings))
    version = _own_version(settings, job, features, sources)
    known = read_model(settings, job.name, version)
    if known:
        return known, False
    trained = _compute(
        f"training {job.name}", lambda: _storable(with_profile(job, job.train(features, needs), features))
    )
    if isinstance(trained, Failure):
        trained = without_result(trained, needs, job.baseline)
    model = {
        **_with_sample(trained, features),
        "job": job.name,
        "needs": needs,
        "model_version": version,
        "as_of_date": features.as_of.isoformat(),
        "sources": sorted(sources),
        "mining_code": mining_code(),
        "code_version": settings.code_version(),
        "input_hash": features.content_hash,
        "input_rows": features.rows,
    }
    write_model(settings, model)
    return model, True


def _with_sample(trained: Model, features: FeatureSet) -> Model:
    """Say in parameters and decision that a model has learned from a part of the customers, where it has."""
    if features.sample_of is None:
        return trained
    rows = features.table.num_rows
    sample = {"rows": rows, "of_rows": features.rows, "share": round(rows / features.rows, SHARE_DIGITS)}
    said = (
        f"Learned from a sample of customers by a hash of their id, {sample['share']:.1%} of the features: {rows:,} of "
        f"{features.rows:,} rows."
    )
    parameters = {**trained["parameters"], "sample": sample}
    return {**trained, "parameters": parameters, "decision": f"{trained['decision']} {said}"}


def score(name: str, settings: Settings, *, as_of: dt.date, sources: Sequence[str]) -> Result:
    """Run a job of the registry: write its tables, and the rows of its model run and metrics.

    A model is trained first where `train_models` has not done it. Where every model was refused, or the scores cannot
    be computed, every score is null with the reason. A job without a model has a run only where it failed: otherwise
    there is nothing to judge.

    Returns
    -------
    dict
        run_id, model_version (null without a published model), rows and scored (of the job's first table), decision
        (null where nothing was judged), and `files`: the path written of each table.
    """
    job = find_job(name)
    features = job.read(settings, as_of, sources)
    if _has_nothing(job, features):
        return leave_out(name, settings, as_of=as_of, sources=sources, reason=NOTHING)
    choice = _choose(settings, job, features, sources) if isinstance(job, TrainedJob) else None
    used, newest = (choice.used, choice.newest) if choice else (None, None)
    versions = [model["model_version"] if model else None for model in (used, newest)]
    run_id = make_id(name, as_of, features.content_hash, features.currency, versions, job.options(settings))
    stamp = {"as_of_date": as_of, "run_id": run_id, "model_version": versions[0]}
    decision, runs = newest["decision"] if newest else None, _runs(run_id, used, newest)
    written, day = None, Day(settings, job, features, sources)
    if used or not newest:
        attempted = _attempt_scores(day, used, stamp)
        if isinstance(attempted, Failure):
            run = _failed_run(settings, job, features, used, attempted)
            decision, runs = run["decision"], [(run_id, run), *runs[1:]]
            stamp["model_version"] = None
        else:
            written = attempted
    if written is None:
        assert decision is not None  # a job without a model has one where it failed
        written = _write_unscored(day, decision, stamp)
    files = dict(written.files)
    if runs:
        drifts = []
        if isinstance(job, TrainedJob) and used and stamp["model_version"]:
            write_card(settings, job, used)
            with one_thread():
                drifts = input_drift(job, features, used)
        files |= write_runs(settings, as_of, runs, drifts)
    return {
        "run_id": run_id,
        "model_version": stamp["model_version"],
        "rows": written.rows,
        "scored": written.scored,
        "decision": decision,
        "files": files,
    }


def _has_nothing(job: Job, features: FeatureSet) -> bool:
    return job.is_optional and not features.rows


def leave_out(name: str, settings: Settings, *, as_of: dt.date, sources: Sequence[str], reason: str) -> Result:
    """Write the tables of a job without scores, and with the reason; nothing is trained.

    Returns
    -------
    dict
        As `score` does.
    """
    job = find_job(name)
    features = job.read(settings, as_of, sources)
    run_id = make_id(name, as_of, features.content_hash, reason)
    stamp = {"as_of_date": as_of, "run_id": run_id, "model_version": None}
    written = _write_unscored(Day(settings, job, features, sources), reason, stamp)
    nothing = {"model_version": None, "scored": 0, "decision": reason}
    return {"run_id": run_id, "rows": written.rows, "files": written.files, **nothing}


def _attempt_scores(day: Day, model: Model | None, stamp: Result) -> Written | Failure:
    """Score, check, type and write everybody's scores; or say why they cannot be published."""
    job = day.job

    def sound_scores(part: FeatureSet, options: Options) -> Frames:
        frames = job.score(part, model, options)
        for name, frame in frames.items():
            claims = job.tables[name].claims
            sound.check(frame, claims, part.customers if claims.is_of_customers else None)
        return frames

    def write() -> Written:
        of_all = job.of_all(day.settings, day.features.as_of, day.sources)
        options = {**job.options(day.settings), **of_all}
        return _write(day, (sound_scores(part, options) for part in day.parts()), stamp)

    return _compute(f"scoring {job.name}", write)


def _write_unscored(day: Day, reason: str, stamp: Result) -> Written:
    options = day.job.options(day.settings)
    return _write(day, (day.job.unscored(part, reason, options) for part in day.parts()), stamp)


def _write(day: Day, frames: Iterable[Frames], stamp: Result) -> Written:
    """Write the files of a job, part after part: all of them whole, or none."""
    tables, rows, scored = day.job.tables, 0, 0
    main = next(iter(tables))
    paths = {name: score_path(day.settings, name, stamp["as_of_date"], stamp["run_id"]) for name in tables}
    with ExitStack() as files:
        add = {name: files.enter_context(block_file(paths[name], table.schema)) for name, table in tables.items()}
        for part in frames:
            for name, table in tables.items():
                typed = score_table(part[name].assign(**stamp), table.schema, table.claims.key)
                add[name](typed)
                if name == main:
                    rows += typed.num_rows
                    scored += typed["unavailable_reason"].null_count
    return Written({name: str(path) for name, path in paths.items()}, rows, scored)


def _runs(run_id: str, used: Model | None, newest: Model | None) -> list[tuple[str, Model]]:
    """Describe the model that scores under the run's id, and the newest attempt, where it is another, under its own."""
    if newest is None:
        return []
    if used is None or used is newest:
        return [(run_id, newest)]
    return [(run_id, used), (newest["model_version"], newest)]


def _failed_run(settings: Settings, job: Job, features: FeatureSet, used: Model | None, failure: Failure) -> Model:
    """Describe a run without scores: the model that could not be applied, or of a job without models its inputs."""
    refusal = without_result(failure, {}, None)
    if used:
        return {**used, **{name: refusal[name] for name in ("is_published", "decision", "failure")}}
    identity = {"job": job.name, "input_hash": features.content_hash, "code_version": settings.code_version()}
    return {**refusal, **identity}


def _compute(what: str, action: Callable[[], Computed]) -> Computed | Failure:
    with one_thread():
        return attempt(what, action)


def _storable(trained: Model) -> Model:
    """Return a model that JSON can hold; of what scores, finite numbers alone."""
    json.dumps(trained)
    json.dumps(trained["model"], allow_nan=False)
    return trained
