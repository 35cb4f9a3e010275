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
    replaces it.
    """
    last: dict[str, Entry] = {}
    for entry in sorted(_entries(settings), key=lambda entry: int(entry["sequence"])):
        if entry["sources"] == sorted(sources) and entry["as_of_date"] < str(as_of):
            last[entry["as_of_date"]] = entry
    return [last[day] for day in sorted(last)]


def record(settings: Settings, entry: Entry) -> None:
    """Write the entry of a release that is being published: its `sequence` is the largest."""
    path = settings.ledger / f"{entry['release_id']}.json"
    others = [known["sequence"] for known in _entries(settings) if known["release_id"] != entry["release_id"]]
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


def _entries(settings: Settings) -> list[Entry]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in json_files(settings.ledger)]
