"""Which run owns the build: `make run` and a build in the web UI share one plan and one warehouse."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.base import model_files, scratch
from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError, json_files, remove, remove_temporaries, write_text
from pipeline.base.scratch import sweep
from pipeline.base.settings import Settings
from pipeline.build import history
from pipeline.build.plan import Plan, load_plan, make_plan
from pipeline.build.spark.ready import check_ready
from pipeline.serving import erasure, ledger
from pipeline.serving.damage import find_damage
from pipeline.serving.releases import published_folder, read_manifest

log = logging.getLogger("perennial")
REPAIRED = "repaired"


def published(settings: Settings) -> dict[str, Any] | None:
    """The release.json of the published release, or None when there is none yet, or none that can be read."""
    folder = published_folder(settings)
    if folder is None:
        return None
    with suppress(DamagedError):
        return read_manifest(folder)
    return None


def begin_build(settings: Settings, run_id: str) -> bool:
    """Plan a build for this run; return whether there is anything to build. The caller holds the lock.

    There is nothing to build when the published release has the plan's input hash (the same landed files, code, as-of
    date, settings and models) and is whole, or when the release of these inputs was rolled back. Values that were
    erased since the last build are removed from the files of that build.

    Raises
    ------
    UserError
        A file that a build cannot write again is damaged, the disk has no room for a build, or Spark is to build and
        cannot.
    """
    check_ready(settings)
    # Not in the landing: a load may be running there, and each load cleans up after the one before.
    written = (settings.ledger, settings.build, settings.features, settings.scores, settings.models, settings.lists)
    for folder in written:
        remove_temporaries(folder)
    sweep(settings.home)
    remove(settings.build / REPAIRED)
    erased = erasure.erased(settings)
    erasure.forget(settings, erased, run_id)
    write_text(settings.build / "run_id", run_id)
    _forget_damaged_entry(settings)
    plan = make_plan(settings)
    is_due = _is_due(settings, plan)
    if is_due:
        _forget_damaged_models(settings, plan)
        scratch.check_room(settings)
    return is_due


def repaired(settings: Settings) -> str | None:
    """Return what the build repairs, or has repaired, if its inputs had been published before."""
    path = settings.build / REPAIRED
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _is_due(settings: Settings, plan: Plan) -> bool:
    """Whether a build of the plan would change what is published."""
    folder = published_folder(settings)
    if folder is None:
        return True
    release = published(settings)
    if release is not None:
        erasure.scrub(settings, erasure.erased(settings))  # a run may have been killed after it had published
    undone = ledger.rolled_back(settings, plan.basis_hash)
    is_same = release is not None and release["input_hash"] == plan.input_hash
    if release is not None and not is_same and not undone:
        return True
    found = find_damage(folder) or _damage_of_inputs(settings, plan, folder.name)
    if undone and not is_same:
        if found:
            raise UserError(
                f"{found}. It is of release {folder.name}, which readers see since {undone} was rolled back, so that "
                f"it cannot be built again. Restore it from a backup, or run `make rollback RELEASE={undone}`."
            )
        return False
    if found:
        log.warning("%s. Release %s is built again.", found, folder.name)
        write_text(settings.build / REPAIRED, found)
    return bool(found)


def _damage_of_inputs(settings: Settings, plan: Plan, release_id: str) -> str | None:
    """Describe what is damaged of the files that the published release was made of.

    Raises
    ------
    DamagedError
        A file of an earlier release is damaged: it is history, and no build can write it again.
    """
    path = ledger.entry_path(settings, release_id)
    if not path.is_file():
        return f"{path} is gone"
    entry = ledger.read_entry(path)
    try:
        ledger.check_files(settings, entry, list(entry.get("files", {})))
        for model in _own_models(settings, entry["as_of_date"]):
            model_files.read_model(model)
    except DamagedError as error:
        return error.what
    earlier = ledger.earlier_releases(settings, plan.sources, plan.as_of)
    for known in history.scored_releases(earlier):
        paths = [path for job in history.HISTORY for path in known["score_files"].get(job, [])]
        ledger.check_files(settings, known, paths, hashed=False)
    return None


def _forget_damaged_entry(settings: Settings) -> None:
    """Remove a damaged entry of the release that readers see: a build then writes it again."""
    folder = published_folder(settings)
    path = ledger.entry_path(settings, folder.name) if folder else None
    if path and path.exists():
        try:
            ledger.read_entry(path)
        except DamagedError as error:
            log.warning("%s", error.what)
            remove(path)


def _forget_damaged_models(settings: Settings, plan: Plan) -> None:
    """Remove a damaged model of the planned day, so that it is trained again. An older one has stopped the plan."""
    for path in _own_models(settings, plan.as_of_date):
        try:
            model_files.read_model(path)
        except DamagedError as error:
            log.warning("%s", error.what)
            remove(path)


def _own_models(settings: Settings, as_of: str) -> list[Path]:
    return [path for job in settings.models.glob("*") for path in json_files(job) if model_files.day_of(path) == as_of]


def undone_release(settings: Settings) -> str | None:
    """Return the release of the planned inputs, if it was rolled back."""
    return ledger.rolled_back(settings, load_plan(settings).basis_hash)


def check_owner(settings: Settings, run_id: str) -> None:
    """Stop a run whose build another run has replaced, so that two builds never mix.

    Raises
    ------
    UserError
        Another run has planned a build since.
    """
    path = settings.build / "run_id"
    if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != run_id:
        raise UserError(
            "Another run has begun to build since (make run, or the web UI). This one stops; nothing is mixed or lost: "
            "the other one builds everything that has landed."
        )
