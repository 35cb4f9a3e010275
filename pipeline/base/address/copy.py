"""The working copy of a home at an address: a folder on the disk of this machine, in which runs work as in any other.

| Working copy | What happens to it |
|---|---|
| is what the address has | nothing is fetched |
| holds what a killed run has made of what the address still has | it stays, as in a folder, and the next run goes on |
| is of an earlier home | it is set to what the address has, and the warehouse is built again |
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipeline.base.address.home import THREADS, VERSIONS, Files, Home
from pipeline.base.address.lease import Lease
from pipeline.base.address.store import Store
from pipeline.base.errors import UserError
from pipeline.base.files import (
    DamagedError,
    private_folder,
    read_sealed,
    remove,
    sha256_of_file,
    write_sealed,
)
from pipeline.base.settings import Settings
from pipeline.base.shapes import Shape, Text

log = logging.getLogger("perennial")
STATE = ".address.json"
SECONDS_TO_SAY = 5.0
# Trees of the home that last. Of build/ the files in it do, and no folder: what a run was planned from and checked by.
TREES = ("landing", "features", "scores", "models", "serving", "lists")
DECISIONS = "identity_decisions.csv"
PLACES = (*TREES, "build", DECISIONS, VERSIONS)
CURRENT = "current"
# Files of which half of all that had landed cannot be gone: nothing that the project does removes so many.
LOST = 0.5


class StateShape(Shape):
    """What is known of a working copy: the home that it is of, and its files as they were when they were read."""

    copy_id: Text
    content: str | None
    is_unfinished: bool
    files: dict[str, list[Any]]


class WorkingCopy:
    """The folder of a home at an address. The caller holds its lock."""

    def __init__(self, settings: Settings, store: Store, say: Callable[[str], None]) -> None:
        self._settings, self._store, self._say = settings, store, say
        self._state = self._read_state()

    @property
    def id(self) -> str:
        """Id of this folder, which no other one has; a disk may be copied to another host with it."""
        return f"{self._state['copy_id']} on {socket.gethostname()}"

    @property
    def is_unfinished(self) -> bool:
        """Whether a run here was killed, or could not bring to the address what it had made."""
        return bool(self._state["is_unfinished"])

    def fetch(self, home: Home | None) -> None:
        """Set the folder to what the address has, unless it is made from that.

        Raises
        ------
        FileNotFoundError
            An object has been removed since: there is a newer home.
        UserError
            An object is damaged, or the address cannot be read.
        """
        if home is None or not home.files:
            if self._state["files"] and self._state["content"] not in (None, Home().content):
                raise UserError(
                    f"{self._store.address} has no home any more, and {self._settings.home} is a copy of one. Restore "
                    "it there, or remove that folder to begin with an empty home."
                )
            return
        if self._state["content"] == home.content:
            return
        self._write_state(content=None)
        for folder in self._settings.private_folders:
            private_folder(folder)
        there = self._states()
        missing = [path for path, file in home.files.items() if _plain(there.get(path)) != _plain(file)]
        self._in_parallel("Fetching", missing, home.files, lambda path: self._fetch(path, home.files[path]))
        self._point_at(home.current)
        for path in set(there) - set(home.files):
            remove(self._settings.home / path)
            _remove_empty(self._settings.home / path)
        for built in (*self._settings.home.glob(f"{self._settings.warehouse.name}*"), self._settings.spark_tables):
            remove(built)  # of another home: all of it may be built again
        self._states()
        self._write_state(content=home.content, is_unfinished=False)

    def begin(self) -> None:
        """Note that a run is working here."""
        self._write_state(is_unfinished=True)

    def bring(self, before: Home, lease: Lease) -> Home:
        """Send what is new, and return the home that it makes; `before` where nothing has changed."""
        found = self._states()
        self._check_landing(before, found)
        home = Home(before.generation + 1, self._current(), found)
        if home.content == before.content:
            return before
        same = {path: before.files[path] for path in found if _plain(before.files.get(path)) == _plain(found[path])}
        new = sorted(set(found) - set(same))
        keys = self._in_parallel("Sending", new, found, lambda path: self._send(path, found[path], before, lease))
        sent = {path: {**found[path], "key": key} for path, key in zip(new, keys, strict=True)}
        return replace(home, files={**same, **sent})

    def is_brought(self, home: Home) -> None:
        """Note that the address has what is here."""
        self._write_state(content=home.content, is_unfinished=False)

    def _fetch(self, path: str, file: dict[str, Any]) -> None:
        target = self._settings.home / path
        self._store.fetch(file["key"], target, mode=0o600 if file.get("is_private") else 0o644)
        if target.stat().st_size != file["bytes"] or sha256_of_file(target) != file["sha256"]:
            remove(target)
            raise UserError(
                f"{self._store.address}/{file['key']} is damaged: it is not the {file['bytes']:,} bytes of {path} that "
                "were written. Restore it from a backup."
            )
        stat = target.stat()
        self._state["files"][path] = [stat.st_size, stat.st_mtime_ns, file["sha256"]]

    def _send(self, path: str, file: dict[str, Any], before: Home, lease: Lease) -> str:
        """Send a file to its own path, or, where an object is there, to a key by its content; return the key."""
        lease.check()
        source = self._settings.home / path
        if path not in before.keys and self._store.send(source, path, is_new=True):
            return path
        key = f"{VERSIONS}/{file['sha256']}"
        self._store.send(source, key, is_new=False)
        return key

    def _check_landing(self, before: Home, found: Files) -> None:
        landed = {path for path in before.files if path.startswith("landing/")}
        if len(landed - set(found)) > LOST * len(landed):
            raise UserError(
                f"{self._settings.home} has lost {len(landed - set(found))} of {len(landed)} files that have landed: "
                f"nothing was brought to {self._store.address}. Remove that folder, and the next run fetches them."
            )

    def _states(self) -> Files:
        """Return size, hash and mode of each file that lasts. One that has not changed since is not read again."""
        known = self._state["files"]
        paths = sorted(self._lasting())
        stats = {path: (self._settings.home / path).stat() for path in paths}
        new = [path for path in paths if known.get(path, [])[:2] != [stats[path].st_size, stats[path].st_mtime_ns]]
        with ThreadPoolExecutor(THREADS) as pool:
            hashes = dict(zip(new, pool.map(sha256_of_file, [self._settings.home / path for path in new]), strict=True))
        self._state["files"] = {
            path: [stat.st_size, stat.st_mtime_ns, hashes.get(path) or known[path][2]] for path, stat in stats.items()
        }
        return {
            path: {
                "bytes": size,
                "sha256": digest,
                "key": path,
                "is_private": not stats[path].st_mode & 0o044,
            }
            for path, (size, _, digest) in self._state["files"].items()
        }

    def _lasting(self) -> Iterator[str]:
        home = self._settings.home
        for folder in (*TREES, "build"):
            for root, folders, names in os.walk(home / folder):
                folders[:] = [name for name in folders if not name.startswith(".")] if folder != "build" else []
                for name in names:
                    path = Path(root, name)
                    if not name.startswith(".") and path.is_file() and not path.is_symlink():
                        yield path.relative_to(home).as_posix()
        if (home / DECISIONS).is_file():
            yield DECISIONS

    def _current(self) -> str | None:
        link = self._settings.serving / CURRENT
        return link.readlink().name if link.is_symlink() else None

    def _point_at(self, release: str | None) -> None:
        link = self._settings.serving / CURRENT
        if release is None:
            link.unlink(missing_ok=True)
            return
        new = link.with_name(f".tmp-{os.getpid()}-{CURRENT}")
        new.unlink(missing_ok=True)
        new.symlink_to(Path("releases") / release)
        new.replace(link)

    def _in_parallel(self, verb: str, paths: list[str], files: Files, action: Callable[[str], Any]) -> list[Any]:
        """Do something with each file; say how far it is when that takes long. The first error ends it."""
        total, done, results, began = sum(files[path]["bytes"] for path in paths), 0, [], time.monotonic()
        pool = ThreadPoolExecutor(THREADS)
        try:
            for path, result in zip(paths, pool.map(action, paths), strict=True):
                results.append(result)
                done += files[path]["bytes"]
                if time.monotonic() - began > SECONDS_TO_SAY:
                    began = time.monotonic()
                    self._say(
                        f"{verb} files ({self._store.address}): {len(results):,} of {len(paths):,}, "
                        f"{done / 2**20:,.0f} of {total / 2**20:,.0f} MB"
                    )
        finally:
            pool.shutdown(cancel_futures=True)
        return results

    def _read_state(self) -> dict[str, Any]:
        path = self._settings.home / STATE
        if path.is_file():
            try:
                return read_sealed(path, "", StateShape, is_checksum_needed=True)
            except DamagedError as error:
                log.warning("%s. All files are compared with the address.", error.what)
        return {"copy_id": uuid4().hex, "content": None, "is_unfinished": False, "files": {}}

    def _write_state(self, **values: Any) -> None:
        self._state |= values
        write_sealed(self._settings.home / STATE, self._state)


def _plain(file: dict[str, Any] | None) -> tuple[int, str] | None:
    return (file["bytes"], file["sha256"]) if file else None


def _remove_empty(path: Path) -> None:
    """Remove the folders of a removed file that have nothing else."""
    for folder in path.parents:
        if any(folder.iterdir()):
            return
        folder.rmdir()
