"""One writer at a time under CRM_HOME, one load of a table at a time, however started and however ended."""

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from pipeline.base.errors import UserError
from pipeline.base.files import private_folder
from pipeline.base.settings import Settings, make_folder

SLOT_SECONDS = 0.2
# The descriptor of a lock that this process holds, by path. The kernel drops the lock when the last copy of the
# descriptor is closed, by the holder or by a subprocess that inherited it: a killed run's dbt keeps it until dbt ends.
_held: dict[Path, int] = {}


def lock_path(settings: Settings) -> Path:
    """The file whose lock means "I write here"; its text names the holder."""
    return settings.home / "run.lock"


def inherited_descriptors(settings: Settings) -> tuple[int, ...]:
    """What a subprocess that writes is given (`pass_fds`), so that it holds the lock as long as it lives."""
    descriptor = _held.get(lock_path(settings))
    return () if descriptor is None else (descriptor,)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


@contextmanager
def run_lock(settings: Settings, holder: str, *, say: Callable[[str], None] = _say) -> Iterator[None]:
    """Hold the lock of CRM_HOME; wait for it while another process holds it.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    holder
        Who holds it, for the message that the next one reads while it waits.
    say
        Receives that message.

    Notes
    -----
    A block inside another one of the same process takes nothing and releases nothing.
    """
    path = lock_path(settings)
    if path in _held:
        yield
        return
    make_folder(settings.home, "CRM_WORK" if settings.home_address else "CRM_HOME")
    descriptor = _open(path, 0o644)
    try:
        _acquire(descriptor, path, say)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{holder}, process {os.getpid()}".encode(), 0)
        close_to_others(settings)
        _held[path] = descriptor
        try:
            with _home_of(settings, holder, say):
                yield
        finally:
            del _held[path]
    finally:
        os.close(descriptor)


def _home_of(settings: Settings, holder: str, say: Callable[[str], None]) -> AbstractContextManager[None]:
    if settings.home_address is None:
        return nullcontext()
    from pipeline.base.address.session import brought_back  # noqa: PLC0415 - a home that is a folder needs none of it

    return brought_back(settings, holder, say)


def lock_at_address(settings: Settings, holder: str) -> AbstractContextManager[None]:
    """Hold the lock where the home is at an address: what may be written beside a build in a folder waits there."""
    return run_lock(settings, holder) if settings.home_address else nullcontext()


def fetched(settings: Settings, say: Callable[[str], None] = _say) -> Settings:
    """Bring the working copy of a home at an address up to date, for a command that only reads; return the settings.

    A copy that a run of this machine is working in stays as it is: that run has fetched what it needs.
    """
    if settings.home_address is None:
        return settings
    from pipeline.base.address.session import fetch_home  # noqa: PLC0415 - as above

    make_folder(settings.home, "CRM_WORK")
    descriptor = _open(lock_path(settings), 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with fetch_lock(settings):  # held until what is being fetched is there
            return settings
    else:
        fetch_home(settings, say)
    finally:
        os.close(descriptor)
    return settings


def fetch_lock(settings: Settings) -> AbstractContextManager[None]:
    """The lock of what is being fetched from an address into the working copy."""
    return file_lock(settings.home / ".fetch.lock")


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file; wait for it while a thread or process holds it, however that one ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def slots(folder: Path, limit: int, wanted: int) -> Iterator[int]:
    """Take up to `wanted` of `limit` places that all processes share; wait while there is none. Yield how many."""
    folder.mkdir(parents=True, exist_ok=True)
    taken: list[int] = []
    try:
        while not taken:
            taken = _free_slots(folder, limit, wanted)
            if not taken:
                time.sleep(SLOT_SECONDS)
        yield len(taken)
    finally:
        for descriptor in taken:
            os.close(descriptor)


def _open(path: Path, mode: int = 0o600) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    except IsADirectoryError as error:
        raise UserError(f"{path} is a folder, and should be a file. Remove it, then run again.") from error


def _free_slots(folder: Path, limit: int, wanted: int) -> list[int]:
    taken: list[int] = []
    for number in range(limit):
        if len(taken) == wanted:
            break
        descriptor = _open(folder / f".slot-{number}")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            taken.append(descriptor)
    return taken


def close_to_others(settings: Settings) -> None:
    """Everything but the releases is for the owner: it has the ids that source systems know people by."""
    for folder in settings.private_folders:
        private_folder(folder)
    if settings.warehouse.is_file():
        settings.warehouse.chmod(0o600)


def _acquire(descriptor: int, path: Path, say: Callable[[str], None]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.pread(descriptor, 200, 0).decode(errors="replace") or "another run"
        say(f"Waiting for {other}, which is writing to {path.parent} (or for what a killed run left behind)")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
