"""Temporary files stand under CRM_HOME, closed to others: they hold rows of sources, and a kill leaves them behind.

Each process has a folder of its own under `$CRM_HOME/tmp` and holds its lock as long as it lives. The kernel drops the
lock however the process ends, so the next one knows which folders nobody owns, and removes them.
"""

import atexit
import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from pipeline.duck import connect
from pipeline.files import private_folder
from pipeline.lock import file_lock

LOCK = ".lock"
_numbers = itertools.count(1)
_folders: dict[tuple[int, Path], Path] = {}
_held: list[int] = []


@contextmanager
def scratch_folder(home: Path) -> Iterator[Path]:
    """Make a folder for temporary files, and remove it afterwards."""
    folder = spill_folder(home)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def working_connection(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory session whose temporary files stand under CRM_HOME."""
    with scratch_folder(home) as folder, closing(connect(spill=folder)) as connection:
        yield connection


def spill_folder(home: Path) -> Path:
    """A folder for a DuckDB session's temporary files, which DuckDB makes when it needs it, and removes."""
    return _process_folder(home) / str(next(_numbers))


def scratch_room(home: Path) -> Path:
    """`$CRM_HOME/tmp`."""
    return home / "tmp"


def sweep(home: Path) -> None:
    """Remove the folders of processes that have ended."""
    room = private_folder(scratch_room(home))
    with file_lock(room / LOCK):
        for folder in room.iterdir():
            if folder.is_dir() and (descriptor := _lock_of(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(descriptor)


def _process_folder(home: Path) -> Path:
    """The folder of this process, made at its first use; what ended processes left is removed then."""
    key = os.getpid(), home
    if key not in _folders or not _folders[key].is_dir():
        sweep(home)
        room = scratch_room(home)
        with file_lock(room / LOCK):  # nobody sweeps between making the folder and locking it
            folder = Path(tempfile.mkdtemp(dir=room))
            descriptor = _lock_of(folder)
            assert descriptor is not None
            _held.append(descriptor)
        _folders[key] = folder
        atexit.register(_remove, *key)
    return _folders[key]


def _remove(process: int, home: Path) -> None:
    if process == os.getpid():  # a forked child ends with its parent's list
        shutil.rmtree(_folders[process, home], ignore_errors=True)


def _lock_of(folder: Path) -> int | None:
    """Take the lock of a folder, or None while a process holds it."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
