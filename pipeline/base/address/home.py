"""What counts at an address: `home/<generation>.json` names every file of the home, and the object that holds it."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from pipeline.base.address.store import Series, Store
from pipeline.base.errors import UserError
from pipeline.base.files import CHECKSUM, sha256_of
from pipeline.base.shapes import Count, FileState, Shape, Text

FOLDER = "home"
VERSION = 1
VERSIONS = "versions"
"""Where the later contents of a file are that changes in place, by SHA-256."""
THREADS = 8


class File(FileState):
    """A file of the home; `key` is where its object is, and `is_private` whether only its owner may read it."""

    key: Text
    is_private: bool = False


class HomeShape(Shape):
    """A `home/<generation>.json`."""

    version: Count
    generation: Count
    current: str | None
    files: dict[str, File]
    written_by: str
    written_at: str
    checksum: str


Files = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Home:
    """The files of a home by path, and the id of the release that readers see."""

    generation: int = 0
    current: str | None = None
    files: Files = field(default_factory=dict)

    @property
    def content(self) -> str:
        """Hash of what the home holds: equal homes, equal hash, whoever wrote them when."""
        return sha256_of([self.current, {path: file["sha256"] for path, file in self.files.items()}])

    @property
    def keys(self) -> set[str]:
        """The objects that hold its files."""
        return {file["key"] for file in self.files.values()}


def newest_home(store: Store) -> Home | None:
    """Return the home at an address; None where nothing has been written yet.

    Raises
    ------
    UserError
        Its list is damaged, or of a later version.
    """
    series = Series(store, FOLDER)
    numbers = series.numbers()
    while numbers:
        if (content := store.read(series.key(numbers[-1]))) is not None:
            return _parsed(content, f"{store.address}/{series.key(numbers[-1])}")
        numbers = series.numbers()  # two runs have ended since, and the second one has removed it
    return None


def write_home(store: Store, home: Home, holder: str) -> None:
    """Let a home count: the last step of a run.

    Raises
    ------
    UserError
        Another run has written a home of this generation.
    """
    said = {
        "version": VERSION,
        "generation": home.generation,
        "current": home.current,
        "files": home.files,
        "written_by": holder,
        "written_at": datetime.now(UTC).isoformat(),
    }
    text = json.dumps({**said, CHECKSUM: sha256_of(said)}, indent=1, sort_keys=True, ensure_ascii=False)
    if not store.create(Series(store, FOLDER).key(home.generation), text.encode()):
        raise UserError(
            f"Another run has written to {store.address} in the meantime. What this one made does not count; run again."
        )


def remove_old(store: Store, home: Home) -> None:
    """Remove what only homes before the last but one had. Readers may still be at that one."""
    series = Series(store, FOLDER)
    earlier = [number for number in series.numbers() if number < home.generation]
    kept = set(home.keys)
    for number in earlier[-1:]:
        kept |= _read(store, series.key(number)).keys
    for number in earlier[:-1]:
        remove_all(store, _read(store, series.key(number)).keys - kept)
        store.remove(series.key(number))  # last: after a kill the next run finds it again


def remove_unnamed(store: Store, folders: Iterable[str]) -> None:
    """Remove the objects in some folders that no home names: a killed run had sent them."""
    series = Series(store, FOLDER)
    named: set[str] = set().union(*(_read(store, series.key(number)).keys for number in series.numbers()))
    for folder in folders:
        remove_all(store, set(store.keys(folder)) - named)


def remove_all(store: Store, keys: Iterable[str]) -> None:
    """Remove objects."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(store.remove, sorted(keys)))


def _read(store: Store, key: str) -> Home:
    return _parsed(store.read(key) or b"", f"{store.address}/{key}")


def _parsed(content: bytes, shown: str) -> Home:
    try:
        said = json.loads(content)
    except ValueError as error:
        raise _damaged(shown, "it is no whole JSON") from error
    if isinstance(said, dict) and said.get("version") != VERSION and isinstance(said.get("version"), int):
        raise UserError(f"{shown} was written by a later version of Perennial. Update this one, then run again.")
    if problem := HomeShape.problem(said):
        raise _damaged(shown, problem)
    checksum = said.pop(CHECKSUM)
    if checksum != sha256_of(said) or not all(map(_is_inside, said["files"])):
        raise _damaged(shown, "its content is not what was written, as its checksum says")
    return Home(said["generation"], said["current"], said["files"])


def _damaged(shown: str, reason: str) -> UserError:
    return UserError(
        f"{shown} is damaged: {reason}. Restore it from a backup, or delete it: the home is then as it was before."
    )


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and parts[0] != "/" and ".." not in parts
