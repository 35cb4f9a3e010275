"""The ledger: one JSON file per release, which says what later builds keep of it as history."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from pipeline.errors import UserError
from pipeline.files import json_files, write_json
from pipeline.settings import Settings

Entry = dict[str, Any]


def earlier_releases(settings: Settings, sources: Sequence[str], as_of: date) -> list[Entry]:
    """Entries of the same sources with an earlier as-of date, oldest first.

    Of several releases of one as-of date the one published last counts. One of `as_of` itself is no history: the build
    replaces it. One that was rolled back is none either.
    """
    last: dict[str, Entry] = {}
    for entry in entries(settings):
        is_earlier = entry["as_of_date"] < str(as_of) and not entry.get("rolled_back_to")
        if is_earlier and entry["sources"] == sorted(sources):
            last[entry["as_of_date"]] = entry
    return [last[day] for day in sorted(last)]


def record(settings: Settings, entry: Entry) -> None:
    """Write the entry of a release that is being published: its `sequence` is the largest."""
    path = settings.ledger / f"{entry['release_id']}.json"
    others = [known["sequence"] for known in entries(settings) if known["release_id"] != entry["release_id"]]
    write_json(path, {**entry, "sequence": 1 + max(others, default=0)})


def published_files(settings: Settings, entries: Sequence[Entry], name: str) -> list[str]:
    """Score files of releases: absolute paths.

    Raises
    ------
    UserError
        One is gone.
    """
    paths = []
    for entry in entries:
        for file in entry["score_files"].get(name, []):
            if not (settings.home / file).is_file():
                raise UserError(
                    f"{settings.home / file} is gone: scores of the published release {entry['release_id']}. Restore "
                    f"it from a backup, or delete {settings.ledger / entry['release_id']}.json to forget that release."
                )
            paths.append(str(settings.home / file))
    return paths


def roll_back(settings: Settings, release_id: str) -> list[str]:
    """Mark every release published after `release_id` as rolled back, and that one as not; return those marked.

    The marks come before the link is replaced: a kill between the two leaves the published release as it is.
    """
    known = {entry["release_id"]: entry for entry in entries(settings)}
    target = known[release_id]
    later = [entry for entry in known.values() if entry["sequence"] > target["sequence"]]
    for entry in later:
        if not entry.get("rolled_back_to"):
            _write(settings, {**entry, "rolled_back_to": release_id})
    _write(settings, {name: value for name, value in target.items() if name != "rolled_back_to"})
    return [entry["release_id"] for entry in later]


def published_before(settings: Settings, release_id: str) -> list[str]:
    """Releases published before one, oldest first, without those rolled back."""
    listed = entries(settings)
    now = [entry["sequence"] for entry in listed if entry["release_id"] == release_id]
    return [
        entry["release_id"]
        for entry in listed
        if now and entry["sequence"] < now[0] and not entry.get("rolled_back_to")
    ]


def rolled_back(settings: Settings, basis_hash: str) -> str | None:
    """The release of these inputs, if it was rolled back."""
    found = [entry for entry in entries(settings) if entry.get("basis_hash") == basis_hash]
    return str(found[-1]["release_id"]) if found and found[-1].get("rolled_back_to") else None


def entries(settings: Settings) -> list[Entry]:
    """All releases that were ever published, in the order in which they were."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in json_files(settings.ledger)]
    return sorted(found, key=lambda entry: int(entry["sequence"]))


def _write(settings: Settings, entry: Entry) -> None:
    write_json(settings.ledger / f"{entry['release_id']}.json", entry)
