"""Which scores, models and features of earlier days are kept.

A day's history follows from the ledger and the day alone, however often files were removed in between. A removal is
marked in the ledger first, so a file that is missing without a mark is damage.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter

from pipeline.base.files import sha256_of
from pipeline.base.model_files import Model, read_models, remove_model
from pipeline.base.settings import Settings
from pipeline.serving import ledger
from pipeline.serving.ledger import Entry
from pipeline.serving.releases import current_release, kept_releases

# All as-of dates of the last month, and of three years the last one of each month: a forecast of a year has been
# graded for two.
DAYS = 31
MONTHS = 36
HISTORY = ("segments", "clv", "churn", "churn_horizons")
"""The score tables that are history (`marts.customer_score_history`; longer horizons are graded)."""


@dataclass(frozen=True)
class Kept:
    """Names that are kept: the daily ones (and those kept in any case), and the last ones of months."""

    full: frozenset[str]
    monthly: frozenset[str]


def choose(dated: Iterable[tuple[str, str]], *, daily: int, monthly: int, always: Iterable[str] = ()) -> Kept:
    """Choose what is kept.

    Parameters
    ----------
    dated
        Name and as-of date (ISO) of each; of several of one date the last one counts.
    daily
        How many as-of dates are kept: the newest ones.
    monthly
        How many months: the newest ones, and of each month its last date.
    always
        Names that are kept in any case.
    """
    of_date = {as_of: name for name, as_of in dated}
    dates = sorted(of_date, reverse=True)
    of_month: dict[str, str] = {}
    for as_of in dates:
        of_month.setdefault(as_of[:7], of_date[as_of])
    full = frozenset([*(of_date[as_of] for as_of in dates[:daily]), *always])
    return Kept(full, frozenset(list(of_month.values())[:monthly]) - full)


def scored_releases(earlier: Sequence[Entry]) -> list[Entry]:
    """Return the earlier releases (of `ledger.earlier_releases`) whose scores are history."""
    scored = [entry for entry in earlier if any(entry["score_files"].values())]
    kept = _names(scored, DAYS, MONTHS)
    return [entry for entry in scored if entry["release_id"] in kept]


def history_files(settings: Settings, earlier: Sequence[Entry]) -> dict[str, list[str]]:
    """Return the score files of earlier releases, by job: absolute paths.

    Raises
    ------
    DamagedError
        One is missing, or differs from what was written.
    """
    files: dict[str, list[str]] = {job: [] for job in HISTORY}
    for entry in scored_releases(earlier):
        for job in HISTORY:
            paths = entry["score_files"].get(job, [])
            ledger.check_files(settings, entry, paths)
            files[job] += [str(settings.home / path) for path in paths]
    return files


def models_that_matter(settings: Settings, as_of: date) -> list[str]:
    """Return versions and content of the earlier models that decide which model scores a day.

    For each kind of model (job, sources, code, question) these are the newest published one and the newest one that was
    tried. Models of that day or later are left out: this build trains its own, and must not depend on later ones.
    """
    models = [model for job in _jobs(settings) for model in read_models(settings, job, before=str(as_of))]
    wanted = [model for model in models if sorted(model["sources"]) == sorted(settings.sources)]
    return sorted(f"{model['model_version']} {sha256_of(model)[:12]}" for model in _serving(wanted))


def thin_out(settings: Settings) -> None:
    """Remove scores, models and features that no later build reads. The caller holds the lock."""
    _thin_out_scores(settings)
    _thin_out_models(settings)
    _thin_out_features(settings)


def _thin_out_scores(settings: Settings) -> None:
    """Mark the releases whose scores go in the ledger, then remove every score file that no release names."""
    entries = ledger.entries(settings)
    there = {folder.name for folder in kept_releases(settings)}
    named: set[str] = set()
    for _, group in groupby(sorted(entries, key=itemgetter("sources", "sequence")), itemgetter("sources")):
        of_sources = [entry for entry in group if any(entry.get("score_files", {}).values())]
        valid = [entry for entry in of_sources if not entry.get("rolled_back_to")]
        # One day more than a build reads, because the newest one is not part of its own history.
        kept = _names(valid, DAYS + 1, MONTHS + 1) | there
        for entry in of_sources:
            if entry["release_id"] in kept:
                named |= {path for paths in entry["score_files"].values() for path in paths}
            else:
                ledger.write_entry(settings, {**entry, "score_files": {}, "files": {}})
    for path in sorted(settings.scores.rglob("*.parquet")):
        if path.relative_to(settings.home).as_posix() not in named:
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()


def _thin_out_models(settings: Settings) -> None:
    """Keep of each kind the newest days, the last ones of months, the release's own model and the next one's."""
    published = current_release(settings).name[:10]
    for job in _jobs(settings):
        models = read_models(settings, job)
        earlier = [model for model in models if model["as_of_date"] < published]
        kept = {model["model_version"] for model in (*_serving(earlier), *_serving(models))}
        for _, group in groupby(sorted(models, key=_kind), _kind):
            kept |= _names(list(group), DAYS + 1, MONTHS + 1, "model_version")
        for model in models:
            if model["model_version"] not in kept:
                remove_model(settings, job, model["model_version"])


def _thin_out_features(settings: Settings) -> None:
    """Keep the features of the published day, from which `train_models` learns. Others are no longer read."""
    newest = current_release(settings).name[:10]
    for path in settings.features.rglob("as_of=*.parquet"):
        if path.stem.removeprefix("as_of=") < newest:
            path.unlink()


def _names(dated: Sequence[Entry], daily: int, monthly: int, name: str = "release_id") -> frozenset[str]:
    kept = choose([(each[name], each["as_of_date"]) for each in dated], daily=daily, monthly=monthly)
    return kept.full | kept.monthly


def _serving(models: Sequence[Model]) -> list[Model]:
    """Return of each kind the newest model and the newest published one."""
    newest: dict[tuple[str, bool], Model] = {}
    for model in sorted(models, key=itemgetter("as_of_date", "model_version")):
        newest[_kind(model), False] = model
        if model["is_published"]:
            newest[_kind(model), True] = model
    return list({model["model_version"]: model for model in newest.values()}.values())


def _kind(model: Model) -> str:
    return json.dumps([model[name] for name in ("job", "sources", "mining_code", "needs")], sort_keys=True)


def _jobs(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.models.glob("*") if path.is_dir())
