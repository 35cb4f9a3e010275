"""The ledger: one JSON file per published release, with what later builds keep of it as history."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from pipeline.base.files import DamagedError, json_files, read_sealed, sha256_of_file, write_sealed
from pipeline.base.settings import Settings
from pipeline.base.shapes import Day, FileState, Shape, Text

Entry = dict[str, Any]
ACCEPTED = "accepted"
NEXT_STEP_OF_ACCEPTED = "Delete it and accept again (`make accept`)."


class EntryShape(Shape):
    """An entry of the ledger."""

    release_id: Text
    as_of_date: Day
    sources: list[str]
    sequence: Annotated[int, Field(gt=-(2**63), lt=2**63)]
    code_version: str
    input_hash: str
    basis_hash: str = ""
    score_files: dict[str, list[str]] = Field(default_factory=dict)
    files: dict[str, FileState] = Field(default_factory=dict)
    rolled_back_to: str | None = None


class AcceptedShape(Shape):
    """What a person has accepted: a release that has less than the one before, or a load without its quarantine."""

    release_id: Text | None = None
    load: Text | None = None


def earlier_releases(settings: Settings, sources: Sequence[str], as_of: date) -> list[Entry]:
    """Return entries of the same sources with an earlier as-of date, oldest first.

    Of several releases of one as-of date the one published last counts. A release of `as_of` itself is not history,
    because the build replaces it. A release that was rolled back is not history either.
    """
    last: dict[str, Entry] = {}
    for entry in entries(settings):
        is_earlier = entry["as_of_date"] < str(as_of) and not entry.get("rolled_back_to")
        if is_earlier and entry["sources"] == sorted(sources):
            last[entry["as_of_date"]] = entry
    return [last[day] for day in sorted(last)]


def record(settings: Settings, entry: Entry) -> None:
    """Write the entry of a release that is being published: its `sequence` is the largest."""
    path = entry_path(settings, entry["release_id"])
    others = [known["sequence"] for known in entries(settings) if known["release_id"] != entry["release_id"]]
    write_sealed(path, {**entry, "sequence": 1 + max(others, default=0)})


def file_state(settings: Settings, path: str) -> dict[str, Any]:
    """Return size and hash of a file under CRM_HOME, as an entry keeps them."""
    file = settings.home / path
    return {"bytes": file.stat().st_size, "sha256": sha256_of_file(file)}


def check_files(settings: Settings, entry: Entry, paths: Sequence[str], *, hashed: bool = True) -> None:
    """Compare files that a release was made of with their sizes and hashes in its entry.

    Parameters
    ----------
    settings, entry, paths
        The files: relative to CRM_HOME.
    hashed
        False: compare only existence and size.

    Raises
    ------
    DamagedError
        One is missing, or differs from what was written.
    """
    next_step = (
        f"It is of the published release {entry['release_id']}. Restore it from a backup, or delete "
        f"{entry_path(settings, entry['release_id'])} to forget that release."
    )
    for path in paths:
        file, known = settings.home / path, entry.get("files", {}).get(path)
        if not file.is_file():
            raise DamagedError(file, "it is gone", next_step)
        if known and file.stat().st_size != known["bytes"]:
            raise DamagedError(file, f"it has not the {known['bytes']:,} bytes that were written", next_step)
        if known and hashed and sha256_of_file(file) != known["sha256"]:
            raise DamagedError(file, "its content is not what was written", next_step)


def roll_back(settings: Settings, release_id: str) -> list[str]:
    """Mark every release published after `release_id` as rolled back, and that one as not; return those marked.

    Call it before the link is replaced: a kill between the two leaves the published release as it is.
    """
    known = {entry["release_id"]: entry for entry in entries(settings)}
    target = known[release_id]
    later = [entry for entry in known.values() if entry["sequence"] > target["sequence"]]
    for entry in later:
        if not entry.get("rolled_back_to"):
            write_entry(settings, {**entry, "rolled_back_to": release_id})
    write_entry(settings, {name: value for name, value in target.items() if name != "rolled_back_to"})
    return [entry["release_id"] for entry in later]


def published_before(settings: Settings, release_id: str) -> list[str]:
    """Return the releases published before one, oldest first, without those rolled back."""
    listed = entries(settings)
    now = [entry["sequence"] for entry in listed if entry["release_id"] == release_id]
    return [
        entry["release_id"]
        for entry in listed
        if now and entry["sequence"] < now[0] and not entry.get("rolled_back_to")
    ]


def rolled_back(settings: Settings, basis_hash: str) -> str | None:
    """Return the release of these inputs, if it was rolled back."""
    found = [entry for entry in entries(settings) if entry.get("basis_hash") == basis_hash]
    return str(found[-1]["release_id"]) if found and found[-1].get("rolled_back_to") else None


def accept_release(settings: Settings, release_id: str) -> None:
    """Record that a person has accepted a release that has less than the one before it."""
    write_sealed(settings.ledger / ACCEPTED / f"{release_id}.json", {"release_id": release_id})


def is_accepted(settings: Settings, release_id: str) -> bool:
    """Return whether a person has accepted the release."""
    path = settings.ledger / ACCEPTED / f"{release_id}.json"
    return path.exists() and read_sealed(path, NEXT_STEP_OF_ACCEPTED, AcceptedShape).get("release_id") == release_id


def accept_loads(settings: Settings, loads: Sequence[str]) -> None:
    """Record that a person leaves out the quarantined rows of some loads, each `<source>.<table>.<interval>`."""
    for load in loads:
        write_sealed(settings.ledger / ACCEPTED / f"{load}.json", {"load": load})


def accepted_loads(settings: Settings) -> list[str]:
    """Return the loads whose quarantined rows a person leaves out."""
    paths = json_files(settings.ledger / ACCEPTED)
    noted = (read_sealed(path, NEXT_STEP_OF_ACCEPTED, AcceptedShape) for path in paths)
    return [entry["load"] for entry in noted if entry.get("load")]


def entries(settings: Settings) -> list[Entry]:
    """Return all releases that were ever published, in the order of publication.

    Raises
    ------
    DamagedError
        An entry is damaged.
    """
    found = [read_entry(path) for path in json_files(settings.ledger)]
    return sorted(found, key=lambda entry: int(entry["sequence"]))


def read_entry(path: Path) -> Entry:
    """Read an entry; one that has not changed since this process read it comes from the cache.

    Raises
    ------
    DamagedError
        The entry is incomplete, or differs from what was written.
    """
    state = path.stat()
    return dict(_read(path, state.st_mtime_ns, state.st_size))


@cache
def _read(path: Path, mtime_ns: int, size: int) -> Entry:  # noqa: ARG001 - the state of the file is part of the key
    next_step = "Restore it from a backup, or delete it to forget that release, its scores included."
    entry = EntryShape.completed(read_sealed(path, next_step, EntryShape))
    if entry["release_id"] != path.stem:
        raise DamagedError(path, f"it is the entry of release {entry['release_id']}", next_step)
    return entry


def entry_path(settings: Settings, release_id: str) -> Path:
    """Return the path of a release's entry."""
    return settings.ledger / f"{release_id}.json"


def write_entry(settings: Settings, entry: Entry) -> None:
    """Write an entry without changing its place in the order."""
    write_sealed(entry_path(settings, entry["release_id"]), entry)
