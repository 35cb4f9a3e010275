"""Files that are either whole or absent: temporary name, fsync, rename."""

import hashlib
import json
import os
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


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it over `target` when the block succeeds.

    After a kill only a file whose name begins with `TEMPORARY_PREFIX` is left, which no reader's glob matches.
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
