"""Whose build it is: one plan and one warehouse, which `make run` and a build in the web UI share."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline import disk, erasure, history, ledger, models
from pipeline.damage import find_damage
from pipeline.errors import UserError
from pipeline.files import DamagedError, json_files, remove, remove_temporaries, write_text
from pipeline.plan import Plan, load_plan, make_plan
from pipeline.releases import published_folder, read_manifest
from pipeline.scratch import sweep
from pipeline.settings import Settings

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
    """Plan a build and make it this run's; return whether there is anything to build. The caller holds the lock.

    Nothing is to be built when the published release has the plan's input hash (the same landed files, code, as-of
    date, settings and models) and is whole; nor when the release of these inputs was rolled back. What was erased since
    the last build is removed from what that one has made.

    Raises
    ------
    UserError
        Something is damaged that a build cannot make again, or the disk has no room for a build.
    """
    # Not in the landing: a load may be running there, which cleans up behind the one before by itself.
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
        disk.check_room(settings)
    return is_due


def repaired(settings: Settings) -> str | None:
    """What the build repairs, or has repaired, if its inputs had been published before."""
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
    """What is damaged of what the published release was made of, in words.

    Raises
    ------
    DamagedError
        A file of an earlier release, which is history and cannot be made again.
    """
    path = ledger.entry_path(settings, release_id)
    if not path.is_file():
        return f"{path} is gone"
    entry = ledger.read_entry(path)
    try:
        ledger.check_files(settings, entry, list(entry.get("files", {})))
        for model in _own_models(settings, entry["as_of_date"]):
            models.read_model(model)
    except DamagedError as error:
        return error.what
    earlier = ledger.earlier_releases(settings, plan.sources, plan.as_of)
    for known in history.scored_releases(earlier):
        paths = [path for job in history.HISTORY for path in known["score_files"].get(job, [])]
        ledger.check_files(settings, known, paths, hashed=False)
    return None


def _forget_damaged_entry(settings: Settings) -> None:
    """The entry of the release that readers see is written again: without it, or with half of it, a build is due."""
    folder = published_folder(settings)
    path = ledger.entry_path(settings, folder.name) if folder else None
    if path and path.exists():
        try:
            ledger.read_entry(path)
        except DamagedError as error:
            log.warning("%s", error.what)
            remove(path)


def _forget_damaged_models(settings: Settings, plan: Plan) -> None:
    """A model of the planned day that is damaged is trained again. One of an earlier day has stopped the plan."""
    for path in _own_models(settings, plan.as_of_date):
        try:
            models.read_model(path)
        except DamagedError as error:
            log.warning("%s", error.what)
            remove(path)


def _own_models(settings: Settings, as_of: str) -> list[Path]:
    return [path for job in settings.models.glob("*") for path in json_files(job) if models.day_of(path) == as_of]


def undone_release(settings: Settings) -> str | None:
    """The release of the planned inputs, if somebody rolled it back."""
    return ledger.rolled_back(settings, load_plan(settings).basis_hash)


def check_owner(settings: Settings, run_id: str) -> None:
    """Stop a run whose build has been taken over, before it mixes two builds.

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
