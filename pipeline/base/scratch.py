"""Room on the disk: temporary files, and what is said where the disk is full.

Temporary files are under CRM_HOME, closed to others: they hold rows of sources, and a kill leaves them behind.

Each process has a folder of its own under `$CRM_HOME/tmp` and holds its lock as long as it lives. The kernel drops the
lock however the process ends, so the next process can tell which folders are abandoned, and removes them.
"""

import atexit
import errno
import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.files import private_folder
from pipeline.base.lock import file_lock
from pipeline.base.settings import Settings

LOCK = ".lock"
NO_SPACE = "No space left on device"
# Room that every build needs: logs, dbt's parsed project, models, lists.
LEAST_ROOM = 200 * 2**20
# A first warehouse, in sizes of the landed Parquet files: the demo company has 15.
WAREHOUSE_OF_LANDING = 16
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
    """Open an in-memory session whose temporary files are under CRM_HOME."""
    with scratch_folder(home) as folder, closing(connect(spill=folder)) as connection:
        yield connection


def spill_folder(home: Path) -> Path:
    """Return a folder for a DuckDB session's temporary files. DuckDB creates and removes it."""
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
    """Return the folder of this process. Its first use creates it and removes those of ended processes."""
    key = os.getpid(), home
    if key not in _folders or not _folders[key].is_dir():
        sweep(home)
        room = scratch_room(home)
        with file_lock(room / LOCK):  # no other process sweeps between creating the folder and locking it
            folder = Path(tempfile.mkdtemp(dir=room))
            descriptor = _lock_of(folder)
            assert descriptor is not None
            _held.append(descriptor)
        _folders[key] = folder
        atexit.register(_remove, *key)
    return _folders[key]


def _remove(process: int, home: Path) -> None:
    if process == os.getpid():  # a forked child has a copy of its parent's list
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


def room_for_build(settings: Settings) -> int:
    """Estimate, in bytes, what a build writes: half the warehouse once more, and a release beside the one before."""
    if settings.warehouse.is_file():
        warehouse = settings.warehouse.stat().st_size + _size(settings.spark_tables)
        written = warehouse // 2
    else:
        warehouse = written = WAREHOUSE_OF_LANDING * _size(settings.landing)
    release = _size(settings.serving / "current") or warehouse
    return LEAST_ROOM + written + release


def check_room(settings: Settings) -> None:
    """Stop a build before it begins when the disk has no room for it.

    Raises
    ------
    UserError
        The disk has too little room.
    """
    needed, free = room_for_build(settings), shutil.disk_usage(settings.home).free
    if free < needed:
        raise UserError(
            f"The disk of {settings.home} has {_megabytes(free)} MB free, and a build needs about {_megabytes(needed)} "
            "MB. Nothing was built, and what is published stays as it is. Make room, then run again."
        )


@contextmanager
def full_disk_is_named(settings: Settings, outcome: str) -> Iterator[None]:
    """Turn a write error of a full disk into a message; `outcome` says what became of the work."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        if not is_full(error):
            raise
        raise full_disk(settings, outcome) from error


def full_disk(settings: Settings, outcome: str) -> UserError:
    """Return the error that the disk is full."""
    return UserError(f"The disk of {settings.home} is full. {outcome} Make room, then run again.")


def is_full(error: BaseException) -> bool:
    """Return whether an error says that the disk, or the account's quota, is full."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or NO_SPACE in str(error)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _megabytes(size: int) -> str:
    return f"{-(-size // 2**20):,}"
