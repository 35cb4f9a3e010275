"""A full disk is one sentence: before a build that has no room, and where a write finds none."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.errors import UserError
from pipeline.settings import Settings

NO_SPACE = "No space left on device"
# Room that a build needs whatever its size: logs, dbt's parsed project, models, lists.
LEAST_ROOM = 200 * 2**20
# A first warehouse, in sizes of the landed Parquet files: the demo company has 15.
WAREHOUSE_OF_LANDING = 16


def room_for_build(settings: Settings) -> int:
    """Estimate, in bytes, what a build writes: half the warehouse once more, and a release beside the one before."""
    if settings.warehouse.is_file():
        warehouse = settings.warehouse.stat().st_size
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
        It has not.
    """
    needed, free = room_for_build(settings), shutil.disk_usage(settings.home).free
    if free < needed:
        raise UserError(
            f"The disk of {settings.home} has {_megabytes(free)} MB free, and a build needs about {_megabytes(needed)} "
            "MB. Nothing was built, and what is published stays as it is. Make room, then run again."
        )


@contextmanager
def full_disk_is_named(settings: Settings, outcome: str) -> Iterator[None]:
    """Turn a write that found no room into a message; `outcome` says what became of the work."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        if not is_full(error):
            raise
        raise full_disk(settings, outcome) from error


def full_disk(settings: Settings, outcome: str) -> UserError:
    """Say that the disk is full."""
    return UserError(f"The disk of {settings.home} is full. {outcome} Make room, then run again.")


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk, or the account's share of it, is full."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or NO_SPACE in str(error)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _megabytes(size: int) -> str:
    return f"{-(-size // 2**20):,}"
