"""Writing a load: files that are whole or absent, and a receipt that comes last."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.base.errors import UserError
from pipeline.base.files import TEMPORARY_PREFIX, sha256_of
from pipeline.landing.ends import hold
from pipeline.landing.files import fingerprint, not_landed_yet
from pipeline.landing.readers import Request
from pipeline.landing.receipts import Receipt
from pipeline.landing.writing.load import Load
from pipeline.landing.writing.pair import Pair
from pipeline.landing.writing.publish import publish
from pipeline.landing.writing.rows import Written, write_no_rows, write_rows
from pipeline.sources.definitions import next_step

READING_OPTIONS = ("columns", "delimiter", "encoding", "format", "header", "skip_rows", "sheet", "personal")


def write_load(load: Load) -> Receipt | None:
    """Write a load and return its receipt, or None when there is nothing new.

    Raises
    ------
    UserError
        The table cannot be read, or has no rows: nothing is written then. Or the load is held for a person.
    """
    files = load.request.files
    states = _states(files)
    is_database = load.request.source.is_database
    if load.request.table.load == "append" and not is_database:
        new = not_landed_yet(files, load.earlier)
        load = replace(load, request=replace(load.request, files=[path for path, _ in new]))
        delivered = [file for _, file in new]
    else:
        delivered = [fingerprint(path) for path in files]
    is_quiet = not delivered and not is_database
    if is_quiet and not load.request.source.is_scheduled and not load.is_brought_back:
        return None
    content_hash = None if is_database else _content_hash(load.request, delivered)
    if content_hash and load.is_landed(content_hash):
        return None
    _check_not_held(load, content_hash)
    load.folder.mkdir(parents=True, exist_ok=True)
    pair = _pair(load)
    try:
        written = write_no_rows(load, pair) if is_quiet else write_rows(load, pair)
        if states != _states(files):
            raise UserError(f"{load.request.label}: its file changed while it was read. Run again when it is complete.")
        if not is_quiet:
            _check_rows(load, written)
        content_hash = content_hash or written.content_hash
        if load.is_landed(content_hash) and not written.deleted:
            return None
        return publish(load, pair, written, content_hash, delivered)
    finally:
        pair.remove()


def _pair(load: Load) -> Pair:
    stem = f"{TEMPORARY_PREFIX}{os.getpid()}"
    return Pair(
        main=load.folder / f"{stem}.parquet",
        sibling=load.folder / f"{stem}.personal.parquet",
        personal=load.request.table.personal,
        interval=load.interval,
        generation=load.generation,
        label=load.request.label,
    )


def _states(files: Sequence[Path]) -> list[tuple[int, int]]:
    return [(path.stat().st_mtime_ns, path.stat().st_size) for path in files]


def _content_hash(request: Request, delivered: list[dict[str, Any]]) -> str:
    """Hash of the files and of how they are read: another encoding of the same bytes is other content."""
    options = request.table.model_dump(mode="json", include=set(READING_OPTIONS), exclude_defaults=True)
    return sha256_of([options, [file["sha256"] for file in delivered]])


def _check_not_held(load: Load, content_hash: str | None) -> None:
    """Repeat what a held load of files waits for, as long as they are the same. A database is asked again."""
    for held in hold.held_receipts(load.folder):
        if (held["interval"], held["content_hash"]) == (load.interval, content_hash):
            raise UserError(hold.hold_message(held))


def _check_rows(load: Load, written: Written) -> None:
    request = load.request
    if written.rows + written.unchanged - written.deleted:
        return
    names = ", ".join(str(path) for path in request.files) or f"table '{request.table.query_table}'"
    if first := written.rejects.first:
        raise UserError(
            f"{request.label}: none of the {len(written.rejects):,} rows of {names} can be read; the first, line "
            f"{first['line']}: {first['error']}. Correct the file, or `delimiter`, `skip_rows` and `columns` of "
            f"{request.definition}."
        )
    is_quiet_interval = request.source.is_database and request.table.load != "snapshot" and load.earlier
    if not request.table.may_be_empty and not is_quiet_interval:
        raise UserError(
            f"{request.label}: {names} has no rows. If that is right, write `may_be_empty: true` for "
            f"{request.definition}.{next_step(request.source)}"
        )
