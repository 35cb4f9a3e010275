"""Files that are either whole or absent: temporary name, fsync, rename."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TEMPORARY_PREFIX = ".tmp-"


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

    After a kill only a file whose name begins with `TEMPORARY_PREFIX` is left; `json_files` passes over it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{target.name}")
    try:
        yield temporary
        fsync_path(temporary)
        os.replace(temporary, target)
        fsync_path(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def json_files(folder: Path) -> list[Path]:
    """The whole JSON files of a folder, by name. A plain `*.json` would also match temporary ones."""
    return sorted(folder.glob("[!.]*.json"))


def remove_temporaries(folder: Path) -> None:
    """Remove what killed processes left in a folder and below; the caller holds the lock, so nobody owns them."""
    for path in sorted(folder.rglob(f"{TEMPORARY_PREFIX}*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter, or close one that is open to others."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


def write_private(target: Path, content: bytes) -> None:
    """Write a whole file that only its owner can read, unless it is there with this content."""
    if target.is_file() and target.read_bytes() == content:
        target.chmod(0o600)
        return
    with atomic_path(target) as temporary:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(content)


def write_text(target: Path, text: str) -> None:
    """Write a whole text file, or leave the earlier one."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, content: Any) -> None:
    """Write JSON with sorted keys, so that equal content is an equal file."""
    write_text(target, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


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
            if path.suffix in suffixes and not {"target", "__pycache__", "logs"} & set(inside.parts):
                digest.update(f"{inside.as_posix()}\0{sha256_of_file(path)}\n".encode())
    return digest.hexdigest()
