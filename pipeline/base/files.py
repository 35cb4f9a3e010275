"""Files that are either whole or absent: temporary name, fsync, rename."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.base.errors import UserError
from pipeline.base.shapes import Object, Shape

log = logging.getLogger("perennial")
TEMPORARY_PREFIX = ".tmp-"
CHECKSUM = "checksum"


class DamagedError(UserError):
    """A file differs from what was written. The message names it, what is wrong with it, and the next step."""

    def __init__(self, path: Path, reason: str, next_step: str) -> None:
        super().__init__(f"{path} is damaged: {reason}. {next_step}")
        self.what = f"{path} is damaged: {reason}"


def fsync_path(path: Path) -> None:
    """Flush a file or a directory entry to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_tree(folder: Path) -> None:
    """Flush all files and folders below a folder, and itself."""
    for path in (*sorted(folder.rglob("*")), folder):
        fsync_path(path)


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it over `target` when the block succeeds.

    After a kill only a file whose name begins with `TEMPORARY_PREFIX` is left; `json_files` skips it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{target.name}")
    try:
        yield temporary
        fsync_path(temporary)
        _make_way(target)
        os.replace(temporary, target)
        fsync_path(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _make_way(target: Path) -> None:
    """Remove a folder in the place of a file that the project writes: nothing in it was ever read."""
    if target.is_dir() and not target.is_symlink():
        log.warning("%s was a folder. It is replaced by the file that belongs there.", target)
        remove(target)


def json_files(folder: Path) -> list[Path]:
    """Return the whole JSON files of a folder, by name. A plain `*.json` would also match temporary ones."""
    return sorted(folder.glob("[!.]*.json"))


def remove_temporaries(folder: Path) -> None:
    """Remove temporary files of killed processes in a folder and below. The caller holds the lock."""
    for path in sorted(folder.rglob(f"{TEMPORARY_PREFIX}*")):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter, or close one that is open to others."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(f"{path} is a file, and should be a folder. Move it away, then run again.") from error
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


def write_private(target: Path, content: bytes) -> None:
    """Write a whole file that only its owner can read, unless it already has this content."""
    if target.is_file() and target.read_bytes() == content:
        target.chmod(0o600)
        return
    with atomic_path(target) as temporary:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(content)


def write_text(target: Path, text: str) -> None:
    """Write a whole text file; if that fails, the earlier one stays."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, content: Any) -> None:
    """Write JSON with sorted keys, so that equal content is an equal file."""
    write_text(target, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def write_sealed(target: Path, content: dict[str, Any]) -> None:
    """Write a JSON object with a checksum of its content, which `read_sealed` compares."""
    plain = json.loads(json.dumps(content, ensure_ascii=False))
    write_json(target, {**plain, CHECKSUM: sha256_of(plain)})


def read_json(path: Path, next_step: str, shape: type[Shape] = Object) -> dict[str, Any]:
    """Read a JSON file that holds an object of a shape.

    Parameters
    ----------
    path
        The file.
    next_step
        What the user can do, for the message.
    shape
        Its keys and their types.

    Raises
    ------
    DamagedError
        The file cannot be read, is cut off, or has another shape.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DamagedError(path, f"it cannot be read ({error.strerror})", next_step) from error
    except (ValueError, RecursionError) as error:
        raise DamagedError(path, "it is no whole JSON", next_step) from error
    if problem := shape.problem(content):
        raise DamagedError(path, problem, next_step)
    return dict(content)


def read_sealed(
    path: Path, next_step: str, shape: type[Shape] = Object, *, is_checksum_needed: bool = False
) -> dict[str, Any]:
    """Read what `write_sealed` has written, without its checksum.

    Parameters
    ----------
    path, next_step, shape
        As for `read_json`.
    is_checksum_needed
        False: an earlier version may have written the file without a checksum.

    Raises
    ------
    DamagedError
        The file cannot be read, is cut off, or has other content than was written.
    """
    content = read_json(path, next_step, shape)
    checksum = content.pop(CHECKSUM, None)
    if checksum is None and is_checksum_needed:
        raise DamagedError(path, "it has no checksum", next_step)
    if checksum not in (None, sha256_of(content)):
        raise DamagedError(path, "its content is not what was written, as its checksum says", next_step)
    return content


def write_parquet(target: Path, table: pa.Table) -> None:
    """Write an Arrow table as one Parquet file (zstd)."""
    with atomic_path(target) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_of(content: Any) -> str:
    """SHA-256 of a JSON-serialisable value in canonical form, hexadecimal."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def sha256_of_tree(root: Path, folders: tuple[str, ...], suffixes: tuple[str, ...]) -> str:
    """SHA-256 over the names and bytes of the source files of some folders: the code version."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            inside = path.relative_to(root)
            if path.suffix in suffixes and path.is_file() and not {"target", "__pycache__", "logs"} & set(inside.parts):
                digest.update(f"{inside.as_posix()}\0{sha256_of_file(path)}\n".encode())
    return digest.hexdigest()
