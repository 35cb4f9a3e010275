"""Whose build it is: one plan and one warehouse, which `make run` and a build in the web UI share."""

import json
from typing import Any

from pipeline import ledger
from pipeline.errors import UserError
from pipeline.files import remove_temporaries, write_text
from pipeline.plan import load_plan, make_plan
from pipeline.settings import Settings


def published(settings: Settings) -> dict[str, Any] | None:
    """The release.json of the published release, or None when there is none yet."""
    path = settings.serving / "current" / "release.json"
    if not path.is_file():
        return None
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def begin_build(settings: Settings, run_id: str) -> bool:
    """Plan a build and make it this run's; return whether there is anything to build. The caller holds the lock.

    Nothing is to be built when the published release has the plan's input hash: the same landed files, code, as-of
    date, settings and models; nor when the release of these inputs was rolled back.
    """
    # Not in the landing: a load may be running there, which cleans up behind the one before by itself.
    written = (settings.ledger, settings.build, settings.features, settings.scores, settings.models, settings.lists)
    for folder in written:
        remove_temporaries(folder)
    write_text(settings.build / "run_id", run_id)
    plan = make_plan(settings)
    release = published(settings)
    if release is None:
        return True
    return release["input_hash"] != plan.input_hash and not ledger.rolled_back(settings, plan.basis_hash)


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
    if (settings.build / "run_id").read_text(encoding="utf-8") != run_id:
        raise UserError(
            "Another run has begun to build since (make run, or the web UI). This one stops; nothing is mixed or lost: "
            "the other one builds everything that has landed."
        )
