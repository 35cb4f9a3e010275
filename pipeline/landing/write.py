"""Writing one load: Parquet files, unreadable lines, receipt, each whole or absent, the receipt last."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.duck import quote_identifier, quote_literal
from pipeline.errors import UserError
from pipeline.files import TEMPORARY_PREFIX, fsync_path, sha256_of, sha256_of_file, write_private, write_sealed
from pipeline.landing import hold
from pipeline.landing.ends import End
from pipeline.landing.events import Events, read_events
from pipeline.landing.files import fingerprint, not_landed_yet
from pipeline.landing.pair import Pair
from pipeline.landing.readers import READERS, Request, Rows, Session, session
from pipeline.landing.readers.base import (
    REJECTS,
    Window,
    list_of_files,
    personal_columns,
    streamed,
    with_fallback,
    write_batches,
)
from pipeline.landing.readers.database import Connection
from pipeline.landing.receipts import HELD, Receipt, instant, interval_name, iso, known_end, newest
from pipeline.landing.scan import Scan, scan_keys
from pipeline.landing.state import LINEAGE, Landed, changes_of_snapshot, count_deleted, landed, settle
from pipeline.landing.state import fingerprint as fingerprint_sql
from pipeline.settings import Settings
from pipeline.sources import next_step

HASH_DIGITS = 12
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READING_OPTIONS = ("columns", "delimiter", "encoding", "format", "header", "skip_rows", "sheet", "personal")


@dataclass(frozen=True)
class Load:
    """What to land: a table for an interval, the receipts of the loads before, and where the data of its source end.

    `reading` is the number of the load among those of its database: the later one has read later.
    """

    settings: Settings
    request: Request
    start: datetime
    end: datetime
    earlier: list[Receipt]
    asked: End
    connection: Connection | None = None
    reading: int | None = None

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

    @property
    def is_first(self) -> bool:
        """Whether the load begins where the source does."""
        return self.start == self.request.source.first_start(self.settings)

    @property
    def is_difference(self) -> bool:
        """Whether only what differs from the loads before is written: of a snapshot that has a key and a schedule."""
        request = self.request
        return request.table.load == "snapshot" and request.source.has_history(request.table) and bool(self.earlier)

    @property
    def state(self) -> Landed | None:
        """What has landed of the table, where that has a key and all loads together say what it is."""
        request = self.request
        if not request.table.key_columns or not request.source.has_history(request.table):
            return None
        return landed(self.settings, self.earlier, request.table)

    @property
    def data_end(self) -> datetime | None:
        """Where the data of the source say that they end; None where a schedule says it."""
        return None if self.request.source.is_scheduled else self.asked.of(self.request.name)

    @property
    def is_brought_back(self) -> bool:
        """Whether the data of the source end before where they ended when the table was landed: a row was corrected."""
        last = self.newest
        return last is not None and self.data_end is not None and self.data_end < known_end(last)

    def is_landed(self, content_hash: str) -> bool:
        """Whether the load before had this content and this interval, and its end still holds."""
        last = self.newest
        if last is None or self.is_brought_back:
            return False
        return bool((last["content_hash"], last["interval"]) == (content_hash, self.interval))


@dataclass(frozen=True)
class _Written:
    """What stands in the temporary files."""

    rows: int
    schema: list[dict[str, Any]]
    rejects: pa.Table
    events: Events | None
    seconds: float
    content_hash: str = ""
    unchanged: int = 0
    deleted: int = 0
    is_scanned: bool = False
    window_start: datetime | None = None
    missed: int = 0
    lost: hold.Lost | None = None


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
        written = _write_nothing(load, pair) if is_quiet else _write(load, pair)
        if states != _states(files):
            raise UserError(f"{load.request.label}: its file changed while it was read. Run again when it is complete.")
        if not is_quiet:
            _check_rows(load, written)
        content_hash = content_hash or written.content_hash
        if load.is_landed(content_hash) and not written.deleted:
            return None
        return _publish(load, pair, written, content_hash, delivered)
    finally:
        pair.main.unlink(missing_ok=True)
        pair.sibling.unlink(missing_ok=True)


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


def _write(load: Load, pair: Pair) -> _Written:
    started = time.monotonic()
    with session(load.settings.home, load.connection) as working:
        scan = _scanned(load, working)
        request = _windowed(load, scan)
        rows = READERS[request.table.reader](working, request)
        pair = replace(pair, personal=personal_columns(request, rows.columns))
        if load.is_difference:
            rows, total, unchanged, deleted = _write_difference(load, pair, working, rows)
        elif rows.stream:
            deleted, unchanged = (scan.gone.num_rows if scan else 0), 0
            total = pair.write(rows.stream, scan.gone if scan else None)
        else:
            rows = with_fallback(rows, lambda whole: _write_whole(pair, working, whole))
            total, unchanged, deleted = pq.read_metadata(pair.main).num_rows, 0, 0
        main = list_of_files("read_parquet", [pair.main])
        return _Written(
            rows=total,
            schema=_schema(working.connection, pair, rows.columns),
            rejects=_rejects(rows),
            events=read_events(working.connection, request, main, load.asked.read_at, load.earlier),
            seconds=round(time.monotonic() - started, 3),
            content_hash=_hash_of_rows(load, working, pair, rows),
            unchanged=unchanged,
            deleted=deleted,
            is_scanned=scan is not None,
            window_start=request.window.start if request.window else None,
            missed=scan.count_missed(working.connection, main, request) if scan else 0,
            lost=_lost(load, working.connection, main, deleted),
        )


def _scanned(load: Load, working: Session) -> Scan | None:
    """Compare the keys of an upsert, if that is due: some days after the last time, in the newest interval only.

    Without a schedule there are no days to count, and every load compares them.
    """
    table, source, state = load.request.table, load.request.source, load.state
    if table.load != "upsert" or not table.key_scan_days or state is None:
        return None
    if source.is_scheduled:
        last = load.newest
        assert last is not None  # there is a state
        scanned = [instant(r["interval_end"]) for r in load.earlier if r["is_scanned"] or r["is_first_reading"]]
        is_due = load.end - max(scanned, default=EPOCH) >= timedelta(days=table.key_scan_days)
        if load.end <= instant(last["interval_end"]) or not is_due:
            return None
    return scan_keys(working, load.request, state, load.earlier, load.end if source.is_scheduled else None)


def _windowed(load: Load, scan: Scan | None) -> Request:
    """The request with the window of its cursor, which begins at the look-back, and what a scan has missed.

    Without a schedule the next load begins where the data of this one end: rows that arrive while it reads, or lie
    after that end, belong to it as well, where a key tells that the next load brings the same rows.
    """
    table, source = load.request.table, load.request.source
    if not source.is_database or table.load == "snapshot":
        return load.request
    start = None if load.is_first else load.start
    if start and table.load == "upsert":
        start -= timedelta(hours=table.look_back_hours)
    end = load.end if source.is_scheduled or not table.key_columns else None
    return replace(load.request, window=Window(start, end, scan.missed if scan else ()))


def _lost(load: Load, connection: duckdb.DuckDBPyConnection, main: str, deleted: int) -> hold.Lost | None:
    """How many rows were there before, and how many of them are gone; None where only few can be."""
    volume, state = load.request.table.volume, load.state
    if volume is None or not load.earlier:
        return None
    if state is None:
        return _lost_rows(load, connection, main)
    marked = 0
    if state.deleted:
        ((marked,),) = connection.execute(f"select count(*) from {main} where {state.is_deletion}").fetchall()
    if max(deleted, marked) == 0:
        return None
    settle(connection, state)
    return hold.Lost(*count_deleted(connection, state, main))


def _lost_rows(load: Load, connection: duckdb.DuckDBPyConnection, main: str) -> hold.Lost | None:
    """By how many rows a table has shrunk of which the newest load says what it is."""
    table, last = load.request.table, load.newest
    before = landed(load.settings, [last], table) if last else None
    if table.load != "snapshot" or before is None:
        return None  # rows without a key are only added
    now = replace(before, deleted=table.deleted)
    ((rows, rows_now),) = connection.execute(
        f"select (select count(*) from {before.rows} where not {before.is_deletion}), "
        f"(select count(*) from {main} where not {now.is_deletion})"
    ).fetchall()
    return hold.Lost(rows, max(0, rows - rows_now))


def _write_whole(pair: Pair, working: Session, rows: Rows) -> int:
    return pair.write(streamed(working.connection, rows.relation, rows.columns, may_be_long=rows.may_be_long))


def _write_difference(load: Load, pair: Pair, working: Session, rows: Rows) -> tuple[Rows, int, int, int]:
    """Write what a snapshot changes; return rows, and how many are written, unchanged and deleted."""
    connection = working.connection
    spooled = working.new_file(".parquet")

    def spool(whole: Rows) -> None:
        connection.execute(f"copy (from {whole.relation}) to {quote_literal(str(spooled))} (format parquet)")

    if rows.stream:
        spooled = write_batches(working, rows.stream.schema, rows.stream.batches)
    else:
        rows = with_fallback(rows, spool)
    snapshot = list_of_files("read_parquet", [spooled])
    state = load.state
    assert state is not None  # there are earlier loads
    settle(connection, state)
    before = [column["name"] for column in load.earlier[-1]["schema"]]
    changed, gone = changes_of_snapshot(
        state, snapshot, rows.columns, [name for name in rows.columns if name in before]
    )
    if set(before) != set(rows.columns):  # every row has changed
        names = ", ".join(map(quote_identifier, rows.columns))
        changed = f"select {names}, 'upsert' as _op from {snapshot}"
    ((received,),) = connection.execute(f"select count(*) from {snapshot}").fetchall()
    deletions: pa.Table = connection.sql(gone).to_arrow_table().drop_columns(["_op"])
    stream = streamed(connection, f"({changed})", rows.columns, may_be_long=rows.may_be_long)
    total = pair.write(stream, deletions)
    return rows, total, received - (total - deletions.num_rows), deletions.num_rows


def _schema(connection: duckdb.DuckDBPyConnection, pair: Pair, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Names and types as received, in the order of the source."""
    files = [pair.main, *([pair.sibling] if pair.personal else [])]
    types: dict[str, str] = {}
    for path in files:
        described = connection.execute(f"describe select * from {list_of_files('read_parquet', [path])}").fetchall()
        types |= {row[0]: row[1] for row in described if row[0] not in LINEAGE}
    return [
        {"name": name, "type": types[name], **({"personal": True} if name in pair.personal else {})} for name in columns
    ]


def _rejects(rows: Rows) -> pa.Table:
    return pa.Table.from_pylist(rows.stream.rejected, schema=REJECTS) if rows.stream else rows.rejects


def _hash_of_rows(load: Load, working: Session, pair: Pair, rows: Rows) -> str:
    """Hash of what a database has said.

    Without a schedule it is asked again and again for the same interval, so the hash must not depend on the order of
    its rows. With one, an interval that has landed is not asked for again, and the hash names the file.
    """
    if not load.request.source.is_database:
        return ""
    if load.request.source.is_scheduled:
        return sha256_of([sha256_of_file(path) for path in (pair.main, pair.sibling) if path.is_file()])
    public = [name for name in rows.columns if name not in pair.personal]
    joined = f"{list_of_files('read_parquet', [pair.main])} as main"
    if pair.personal:
        joined += f" inner join {list_of_files('read_parquet', [pair.sibling])} as sibling using (_position)"
    ((content,),) = working.connection.execute(
        f"select {fingerprint_sql([*public, *pair.personal])} from {joined} where _op <> 'delete'"
    ).fetchall()
    return sha256_of([content, rows.columns, _rejects(rows).to_pylist()])


def _write_nothing(load: Load, pair: Pair) -> _Written:
    """Write a file without rows, which says that an interval brought no new file."""
    last = load.newest
    assert last is not None  # all files have been landed before
    schema = pq.read_schema(load.settings.home / last["file"])
    pq.write_table(schema.empty_table(), pair.main, compression="zstd")
    return _Written(rows=0, schema=last["schema"], rejects=REJECTS.empty_table(), events=None, seconds=0.0)


def _check_rows(load: Load, written: _Written) -> None:
    request = load.request
    if written.rows + written.unchanged - written.deleted:
        return
    names = ", ".join(str(path) for path in request.files) or f"table '{request.table.query_table}'"
    if written.rejects.num_rows:
        first = written.rejects.to_pylist()[0]
        raise UserError(
            f"{request.label}: none of the {written.rejects.num_rows} rows of {names} can be read; the first, line "
            f"{first['line']}: {first['error']}. Correct the file, or `delimiter`, `skip_rows` and `columns` of "
            f"{request.definition}."
        )
    is_quiet_interval = request.source.is_database and request.table.load != "snapshot" and load.earlier
    if not request.table.may_be_empty and not is_quiet_interval:
        raise UserError(
            f"{request.label}: {names} has no rows. If that is right, write `may_be_empty: true` for "
            f"{request.definition}.{next_step(request.source)}"
        )


def _free_stem(load: Load, content_hash: str) -> str:
    """Name of a load's files. Content that comes back after other content is another load of a history."""
    stem = f"{load.interval}.{content_hash[:HASH_DIGITS]}"
    has_history = load.request.source.has_history(load.request.table)
    if not has_history or not (load.folder / f"{stem}.json").is_file():
        return stem
    return f"{load.interval}.{sha256_of([content_hash, load.generation])[:HASH_DIGITS]}"


def _publish(load: Load, pair: Pair, written: _Written, content_hash: str, delivered: list[dict[str, Any]]) -> Receipt:
    """Give the files their names, the receipt last; a load that must be looked at goes into a folder of its own."""
    stem = _free_stem(load, content_hash)
    home, files = load.settings.home, {"file": f"{stem}.parquet"}
    if pair.sibling.is_file():
        files["personal"] = f"{stem}.personal.parquet"
    if written.rejects.num_rows:
        files["rejects"] = f"{stem}.rejects.parquet"
    paths = {name: (load.folder / file).relative_to(home).as_posix() for name, file in files.items()}
    newest = load.asked.newest.get(load.request.name)
    receipt: Receipt = {
        "source": load.request.source.name,
        "table": load.request.name,
        "interval": load.interval,
        "interval_start": iso(load.start),
        "interval_end": iso(load.end),
        "window_start": iso(written.window_start) if written.window_start else None,
        "received": written.rows + written.unchanged + written.rejects.num_rows,
        "unreadable": written.rejects.num_rows,
        "unchanged": written.unchanged,
        "deleted": written.deleted,
        "missed": written.missed,
        "content_hash": content_hash,
        "source_files": delivered,
        "schema": written.schema,
        "new_columns": hold.new_columns(written.schema, load.earlier),
        "personal": None,
        "personal_sha256": sha256_of_file(pair.sibling) if "personal" in files else None,
        "rejects": None,
        **paths,
        "load": load.request.table.load,
        "generation": load.generation,
        **({"reading": load.reading} if load.reading else {}),
        "is_first_load": load.is_first,
        "is_scanned": written.is_scanned,
        "first_event_at": iso(written.events.first) if written.events else None,
        "last_event_at": iso(written.events.last) if written.events else None,
        "read_at": iso(load.asked.read_at),
        "data_end": iso(load.data_end) if load.data_end else None,
        "newest_event_at": iso(newest) if newest else None,
        "seconds": written.seconds,
        "file_bytes": pair.main.stat().st_size,
        "bytes": sum(path.stat().st_size for path in (pair.main, pair.sibling) if path.is_file()),
    }
    _, leap = load.asked.leaps.get(load.request.name, (None, None))
    reason = hold.why_hold(receipt, load.request.table, load.earlier, written.lost, leap)
    target = load.folder / HELD if reason else load.folder
    hold.forget_held(load.folder)
    target.mkdir(exist_ok=True)
    if "rejects" in files:
        content = pa.BufferOutputStream()
        pq.write_table(written.rejects, content, compression="zstd")
        write_private(target / files["rejects"], content.getvalue().to_pybytes())
    for name, temporary in (("personal", pair.sibling), ("file", pair.main)):
        if name in files:
            fsync_path(temporary)
            temporary.replace(target / files[name])
    fsync_path(target)
    write_sealed(target / f"{stem}.json", receipt | ({"held_because": reason} if reason else {}))
    if reason:
        raise UserError(hold.hold_message({**receipt, "held_because": reason}))
    return receipt
