"""The rows of a load: which are asked for, and how they are written to the temporary files of the load."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow.parquet as pq

from pipeline.base.files import sha256_of, sha256_of_file
from pipeline.landing.ends.hold import Lost
from pipeline.landing.events import Events, read_events
from pipeline.landing.readers import READERS, Request, Rows, Session, session
from pipeline.landing.readers.base import Window, list_of_files, personal_columns, streamed, with_fallback
from pipeline.landing.readers.rejects import Rejects
from pipeline.landing.receipts import instant
from pipeline.landing.scan import Scan, scan_keys
from pipeline.landing.state import LINEAGE
from pipeline.landing.state import fingerprint as fingerprint_sql
from pipeline.landing.writing.difference import write_difference
from pipeline.landing.writing.load import Load
from pipeline.landing.writing.lost import lost_rows
from pipeline.landing.writing.pair import Pair

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Written:
    """What stands in the temporary files."""

    rows: int
    schema: list[dict[str, Any]]
    rejects: Rejects
    events: Events | None
    seconds: float
    content_hash: str = ""
    unchanged: int = 0
    deleted: int = 0
    is_scanned: bool = False
    window_start: datetime | None = None
    missed: int = 0
    lost: Lost | None = None


def write_rows(load: Load, pair: Pair) -> Written:
    """Read the rows of a load, and write them, and those that cannot be read, to its temporary files."""
    started = time.monotonic()
    with session(load.settings.home, load.connection) as working:
        scan = _scanned(load, working)
        request = _windowed(load, scan)
        rows = READERS[request.table.reader].open_rows(working, request)
        pair = replace(pair, personal=personal_columns(request, rows.columns))
        if load.is_difference:
            rows, total, unchanged, deleted = write_difference(load, pair, working, rows)
        elif rows.stream:
            deleted, unchanged = (scan.gone.num_rows if scan else 0), 0
            total = pair.write(rows.stream, scan.gone if scan else None)
        else:
            rows = with_fallback(rows, lambda whole: _write_whole(pair, working, whole))
            total, unchanged, deleted = pq.read_metadata(pair.main).num_rows, 0, 0
        if rows.rejects:
            rows.rejects.write(pair.rejects)
        main = list_of_files("read_parquet", [pair.main])
        return Written(
            rows=total,
            schema=_schema(working.connection, pair, rows.columns),
            rejects=rows.rejects,
            events=read_events(working.connection, request, main, load.asked.read_at, load.earlier),
            seconds=round(time.monotonic() - started, 3),
            content_hash=_hash_of_rows(load, working, pair, rows),
            unchanged=unchanged,
            deleted=deleted,
            is_scanned=scan is not None,
            window_start=request.window.start if request.window else None,
            missed=scan.count_missed(working.connection, main, request) if scan else 0,
            lost=lost_rows(load, working.connection, main, deleted),
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


def _write_whole(pair: Pair, working: Session, rows: Rows) -> int:
    return pair.write(streamed(working.connection, rows.relation, rows.columns, may_be_long=rows.may_be_long))


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
    rejected = [sha256_of(batch.to_pylist()) for batch in rows.rejects.batches()]
    return sha256_of([content, rows.columns, rejected])


def write_no_rows(load: Load, pair: Pair) -> Written:
    """Write a file without rows, which says that an interval brought no new file."""
    last = load.newest
    assert last is not None  # all files have been landed before
    schema = pq.read_schema(load.settings.home / last["file"])
    pq.write_table(schema.empty_table(), pair.main, compression="zstd")
    return Written(rows=0, schema=last["schema"], rejects=Rejects(), events=None, seconds=0.0)
