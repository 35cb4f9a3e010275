"""Whether an exported list may still be used: whole, not expired, of the published release and all that has landed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.base.errors import UserError
from pipeline.base.files import read_json, sha256_of_file
from pipeline.base.settings import Settings
from pipeline.outputs.lists.export import MANIFEST_ENDS, ListShape
from pipeline.outputs.lists.export_log import read_log
from pipeline.outputs.lists.permissions import plan_of_landing
from pipeline.serving.releases import current_release

NEXT = "Do not use it: export again (`perennial lists`), and take the new one."


def list_manifest(settings: Settings, name: str) -> tuple[Path, dict[str, Any]]:
    """Return folder and manifest of a list, given a campaign of the published release or the path of a list's file.

    Raises
    ------
    UserError
        There is no such list, or it may not be used any more; the message says why.
    """
    release = current_release(settings)
    path = Path(name)
    if not path.suffix:
        path = settings.lists / release.name / f"{name}.csv"
    folder, stem = path.parent, path.name.partition(".")[0]
    beside = folder / f"{stem}{MANIFEST_ENDS}"
    if not beside.is_file():
        raise UserError(f"{path} has no manifest beside it ({beside.name}): it is no list that was exported. {NEXT}")
    manifest = read_json(beside, NEXT, ListShape)
    for part in (manifest, manifest["workbook"]):
        file = folder / part["file"]
        if not file.is_file() or sha256_of_file(file) != part["sha256"]:
            raise UserError(f"{file} is not what was exported: it was changed, or is gone. {NEXT}")
    if manifest["release_id"] != release.name:
        raise UserError(f"{path} is of release {manifest['release_id']}, and {release.name} is published. {NEXT}")
    expires_at = _logged_expiry(settings, manifest)
    if expires_at is None:
        raise UserError(f"{path} is not in the log of exports of this home: who exported it is not known. {NEXT}")
    if datetime.now(UTC) >= datetime.fromisoformat(expires_at):
        raise UserError(f"{path} expired at {expires_at}: customers go on withdrawing. {NEXT}")
    if manifest["landing"] != plan_of_landing(settings, release).release_id:
        raise UserError(f"{path} was exported before the newest data landed: customers may have said no since. {NEXT}")
    return folder, manifest


def check_list(settings: Settings, name: str) -> str:
    """Return in a sentence until when a list may be used.

    Raises
    ------
    UserError
        It may not be used; the message says why.
    """
    _, manifest = list_manifest(settings, name)
    return (
        f"{manifest['file']} is as it was exported, from the published release {manifest['release_id']} and all that "
        f"has landed. Use it until {manifest['expires_at']}."
    )


def _logged_expiry(settings: Settings, manifest: dict[str, Any]) -> str | None:
    """Return until when a list may be used by the log, which nobody can change unseen; None where it is not there."""
    known = ("list_name", "release_id", "landing", "sha256")
    lines = [line for line in read_log(settings) if all(line.get(key) == manifest[key] for key in known)]
    return max((line["expires_at"] for line in lines if "expires_at" in line), default=None)
