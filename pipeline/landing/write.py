"""Writing one load: Parquet, unreadable lines, receipt, each whole or absent, the receipt last."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.duck import quote_literal
from pipeline.errors import UserError
from pipeline.files import TEMPORARY_PREFIX, fsync_path, sha256_of, sha256_of_file, write_json, write_private
from pipeline.landing.events import Span, event_span
from pipeline.landing.files import fingerprint, not_landed_yet
from pipeline.landing.readers import Request, opened
from pipeline.landing.readers.base import REJECTS, Rows
from pipeline.landing.receipts import Receipt, interval_name, iso, newest
from pipeline.settings import Settings
from pipeline.sources import next_step

HASH_DIGITS = 12
READING_OPTIONS = ("columns", "delimiter", "encoding", "format", "header", "skip_rows")


@dataclass(frozen=True)
class Load:
    """What to land: a table's files for an interval, and the receipts of the loads before."""

    settings: Settings
    request: Request
    start: datetime
    end: datetime
    earlier: list[Receipt]

    @property
    def folder(self) -> Path:
        """Where the table's landed files are."""
        return self.settings.landing / self.request.source.name / self.request.name

    @property
    def interval(self) -> str:
        """The interval as in file names."""
        return interval_name(self.start, self.end)

    @property
    def generation(self) -> int:
        """Number of the load among those of its table, from 1."""
        return 1 + max((receipt["generation"] for receipt in self.earlier), default=0)

    @property
    def newest(self) -> Receipt | None:
        """Receipt of the load before."""
        return newest(self.earlier, is_scheduled=self.request.source.is_scheduled)

    def is_landed(self, content_hash: str) -> bool:
        """Whether the load before had this content and this interval."""
        last = self.newest
        return last is not None and (last["content_hash"], last["interval"]) == (content_hash, self.interval)


@dataclass(frozen=True)
class _Written:
    """What stands in the temporary file."""

    rows: int
    schema: list[dict[str, str]]
    rejects: pa.Table
    events: Span | None
    seconds: float
    content_hash: str = ""


def write_load(load: Load) -> Receipt | None:
    """Write a load and return its receipt, or None when there is nothing new.

    Raises
    ------
    UserError
        The table cannot be read, or has no rows; nothing is written then.
    """
    files = load.request.files
    states = _states(files)
    if load.request.table.load == "append":
        new = not_landed_yet(files, load.earlier)
        load = replace(load, request=replace(load.request, files=[path for path, _ in new]))
        delivered = [file for _, file in new]
    else:
        delivered = [fingerprint(path) for path in files]
    is_quiet = not delivered
    if is_quiet and not load.request.source.is_scheduled:
        return None
    content_hash = None if load.request.source.kind == "sqlite" else _content_hash(load.request, delivered)
    if content_hash and load.is_landed(content_hash):
        return None
    load.folder.mkdir(parents=True, exist_ok=True)
    temporary = load.folder / f"{TEMPORARY_PREFIX}{os.getpid()}.parquet"
    try:
        written = _write_nothing(load, temporary) if is_quiet else _write(load, temporary)
        if states != _states(files):
            raise UserError(f"{load.request.label}: its file changed while it was read. Run again when it is complete.")
        if not is_quiet:
            _check_rows(load.request, written)
        content_hash = content_hash or written.content_hash
        if load.is_landed(content_hash):
            return None
        return _publish(load, temporary, written, content_hash, delivered)
    finally:
        temporary.unlink(missing_ok=True)


def _states(files: Sequence[Path]) -> list[tuple[int, int]]:
    return [(path.stat().st_mtime_ns, path.stat().st_size) for path in files]


def _content_hash(request: Request, delivered: list[dict[str, Any]]) -> str:
    """Hash of the files and of how they are read: another encoding of the same bytes is other content."""
    options = request.table.model_dump(mode="json", include=set(READING_OPTIONS))
    return sha256_of([options, [file["sha256"] for file in delivered]])


def _hash_of_rows(rows: Rows) -> str:
    """Hash of what was read, for a source whose file is no measure of a table: a database."""
    return sha256_of([sha256_of_file(rows.spooled), rows.rejects.to_pylist()]) if rows.spooled else ""


def _write(load: Load, temporary: Path) -> _Written:
    request = load.request
    started = time.monotonic()
    with opened(request) as (connection, rows):
        connection.execute(
            f"""
            copy (
                select
                    *,
                    row_number() over () as _position,
                    'upsert' as _op,
                    {quote_literal(load.interval)} as _interval,
                    {load.generation}::bigint as _generation
                from {rows.relation}
            ) to {quote_literal(str(temporary))} (format parquet, compression zstd)
            """
        )
        landed = f"read_parquet({quote_literal(str(temporary))})"
        described = connection.execute(f"describe select * from {landed}").fetchall()
        return _Written(
            rows=pq.read_metadata(temporary).num_rows,
            schema=[{"name": row[0], "type": row[1]} for row in described if row[0] in rows.columns],
            rejects=rows.rejects,
            events=event_span(connection, request, landed),
            seconds=round(time.monotonic() - started, 3),
            content_hash=_hash_of_rows(rows),
        )


def _write_nothing(load: Load, temporary: Path) -> _Written:
    """Write a file without rows, which says that an interval brought no new file."""
    last = load.newest
    assert last is not None  # all files have been landed before
    schema = pq.read_schema(load.settings.home / last["file"])
    pq.write_table(schema.empty_table(), temporary, compression="zstd")
    return _Written(rows=0, schema=last["schema"], rejects=REJECTS.empty_table(), events=None, seconds=0.0)


def _check_rows(request: Request, written: _Written) -> None:
    if written.rows:
        return
    names = ", ".join(str(path) for path in request.files)
    if written.rejects.num_rows:
        first = written.rejects.to_pylist()[0]
        raise UserError(
            f"{request.label}: none of the {written.rejects.num_rows} rows of {names} can be read; the first, line "
            f"{first['line']}: {first['error']}. Check `delimiter`, `skip_rows` and `columns` of {request.definition}."
        )
    if not request.table.may_be_empty:
        raise UserError(
            f"{request.label}: {names} has no rows. If that is right, write `may_be_empty: true` for "
            f"{request.definition}.{next_step(request.source)}"
        )


def _publish(
    load: Load, temporary: Path, written: _Written, content_hash: str, delivered: list[dict[str, Any]]
) -> Receipt:
    stem = f"{load.interval}.{content_hash[:HASH_DIGITS]}"
    target = load.folder / f"{stem}.parquet"
    rejects = load.folder / f"{stem}.rejects.parquet"
    if written.rejects.num_rows:
        content = pa.BufferOutputStream()
        pq.write_table(written.rejects, content, compression="zstd")
        write_private(rejects, content.getvalue().to_pybytes())
    receipt = {
        "source": load.request.source.name,
        "table": load.request.name,
        "interval": load.interval,
        "interval_start": iso(load.start),
        "interval_end": iso(load.end),
        "received": written.rows + written.rejects.num_rows,
        "unreadable": written.rejects.num_rows,
        "content_hash": content_hash,
        "source_files": delivered,
        "schema": written.schema,
        "file": target.relative_to(load.settings.home).as_posix(),
        "rejects": rejects.relative_to(load.settings.home).as_posix() if written.rejects.num_rows else None,
        "load": load.request.table.load,
        "generation": load.generation,
        "is_first_load": load.start == load.request.source.first_start(load.settings),
        "first_event_at": iso(written.events.first) if written.events else None,
        "last_event_at": iso(written.events.last) if written.events else None,
        "seconds": written.seconds,
        "bytes": temporary.stat().st_size,
    }
    fsync_path(temporary)
    temporary.replace(target)
    fsync_path(load.folder)
    write_json(load.folder / f"{stem}.json", receipt)
    return receipt
