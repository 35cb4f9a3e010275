"""Loads: the rows of a table for an interval, written once, with a receipt; the tables of a source side by side."""

import errno
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import duckdb
import pyarrow as pa

from pipeline.errors import UserError
from pipeline.landing.databases import open_database
from pipeline.landing.events import event_span
from pipeline.landing.files import find_files, not_landed_yet
from pipeline.landing.readers import Request, Rows, opened
from pipeline.landing.readers.base import with_fallback
from pipeline.landing.readers.database import Connection, Database, UnavailableError
from pipeline.landing.receipts import Receipt, instant, iso, newest, read_receipts, remove_leftovers
from pipeline.landing.write import Load, write_load
from pipeline.lock import close_to_others, file_lock
from pipeline.settings import Settings
from pipeline.sources import Source, Table, load_source, next_step

log = logging.getLogger("perennial.landing")
Unchanged = Literal["unchanged"]
UNCHANGED = "nothing new"


def plan_source(settings: Settings, name: str, interval_end: datetime | None = None) -> dict[str, Any]:
    """Say what a load of a source covers.

    Returns
    -------
    dict
        source, interval_end (ISO UTC, the same for all tables of the load) and tables.

    Raises
    ------
    UserError
        The files are not there, or the source has a schedule and no end is given.
    """
    source = load_source(name)
    if not source.is_database:
        for table_name, table in source.tables.items():
            find_files(source, table_name, table, settings)
    end = interval_end or _end_after_last_event(source, settings)
    return {"source": name, "interval_end": iso(end), "tables": list(source.tables)}


def land_source(
    settings: Settings,
    name: str,
    interval_end: datetime | None = None,
    *,
    interval_start: datetime | None = None,
    force: bool = False,
) -> dict[str, Receipt | Unchanged]:
    """Land the tables of a source side by side; of a database as of one moment, where it can do that.

    Parameters
    ----------
    settings, name, interval_end, interval_start, force
        As for `land_table`.

    Returns
    -------
    dict
        For each table its receipt, or 'unchanged'.

    Raises
    ------
    UserError
        A table cannot be landed, or is held. The others have landed.
    """
    source = load_source(name)
    end = instant(plan_source(settings, name, interval_end)["interval_end"])
    results: dict[str, Receipt | Unchanged] = {}
    failures: list[UserError] = []

    def land(database: Database | None, table: str) -> None:
        try:
            with database.connection() if database else nullcontext() as connection:
                results[table] = land_table(
                    settings,
                    name,
                    table,
                    interval_start=interval_start,
                    interval_end=end,
                    force=force,
                    connection=connection,
                )
            log.info("%s.%s: %s", name, table, described(results[table]))
        except UserError as error:
            log.error("%s", error)
            failures.append(error)

    with (
        open_database(source, settings, len(source.tables)) as (database, workers),
        ThreadPoolExecutor(workers) as threads,
    ):
        for done in [threads.submit(land, database, table) for table in source.tables]:
            done.result()
    if failures:
        raise _all_of(failures, len(source.tables))
    return {table: results[table] for table in source.tables}


def described(result: Receipt | Unchanged) -> str:
    """What came of a table's load, in words."""
    if isinstance(result, str):
        return UNCHANGED
    parts = [f"{result['received']:,} rows"]
    parts += [f"{result[what]:,} {what}" for what in ("unchanged", "deleted", "unreadable") if result[what]]
    if result["new_columns"]:
        parts.append(f"new columns {', '.join(result['new_columns'])}")
    return ", ".join(parts)


def _all_of(failures: list[UserError], tables: int) -> UserError:
    kind = UnavailableError if all(isinstance(error, UnavailableError) for error in failures) else UserError
    if len(failures) == 1:
        return kind(str(failures[0]))
    return kind("\n".join([f"{len(failures)} of {tables} tables could not be landed:", *map(str, failures)]))


def land_table(
    settings: Settings,
    source_name: str,
    table_name: str,
    *,
    interval_start: datetime | None = None,
    interval_end: datetime | None = None,
    force: bool = False,
    connection: Connection | None = None,
) -> Receipt | Unchanged:
    """Land one table.

    Parameters
    ----------
    interval_start, interval_end : datetime or None
        Interval of the load. The first load of a table always begins at its source's `first_interval_start`.
        A later load begins where the last one ended, so that nothing is left out; a source without schedule ends at the
        local midnight after its newest event. `interval_start` counts for a forced load alone.
    force : bool
        Whether a database is asked again for an interval that has landed. What it says now is a new generation beside
        what it said then. A file that has landed says the same again, so force changes nothing for files.
    connection : Connection or None
        To the source's database; by default one is opened.

    Returns
    -------
    dict or 'unchanged'
        The receipt; 'unchanged' when the same content has been landed for the same interval.

    Raises
    ------
    UserError
        The table cannot be read, or the load is held. What has been landed before is untouched.
    """
    source = load_source(source_name)
    table = _table(source, table_name)
    if source.is_database and connection is None:
        with open_database(source, settings, 1) as (database, _), _lent(database) as opened_one:
            return land_table(
                settings,
                source_name,
                table_name,
                interval_start=interval_start,
                interval_end=interval_end,
                force=force,
                connection=opened_one,
            )
    folder = settings.landing / source_name / table_name
    close_to_others(settings)
    with file_lock(folder / ".lock"), _full_disk_is_named(settings):
        remove_leftovers(folder)
        earlier = read_receipts(settings, source_name, table_name)
        end = interval_end or _end_after_last_event(source, settings)
        _check_order(source, source.first_start(settings), interval_start, end)
        last = newest(earlier, is_scheduled=source.is_scheduled)
        interval = (
            _later_interval(source, table, last, end, (interval_start, force))
            if last
            else (source.first_start(settings), end)
        )
        if interval is None:
            return "unchanged"
        if not source.is_scheduled and table.load == "snapshot":
            interval = source.first_start(settings), end
        files = [] if source.is_database else find_files(source, table_name, table, settings)
        request = Request(source, table_name, table, files)
        return write_load(Load(settings, request, *interval, earlier, connection)) or "unchanged"


def _later_interval(
    source: Source, table: Table, last: Receipt, end: datetime, forced: tuple[datetime | None, bool]
) -> tuple[datetime, datetime] | None:
    """Interval of a load that is not the first; None when it has landed."""
    landed = instant(last["interval_start"]), instant(last["interval_end"])
    start, is_forced = forced
    if is_forced and source.is_database:
        if table.load == "snapshot" and end < landed[1]:
            return None  # a database says of a whole table only what is in it now
        return (start, end) if start else landed
    if landed[1] < end:
        return landed[1], end
    return None if source.is_database and source.is_scheduled else landed


def _table(source: Source, name: str) -> Table:
    if name not in source.tables:
        raise UserError(f"Source '{source.name}' has no table '{name}'. It has: {', '.join(source.tables)}.")
    return source.tables[name]


def _check_order(source: Source, first: datetime, start: datetime | None, end: datetime) -> None:
    if start is not None and end <= start:
        raise UserError(
            f"Source '{source.name}': the interval ends at {iso(end)}, before it begins at {iso(start)}. "
            "Give FROM an earlier day than TO."
        )
    if start is not None and start < first:
        raise UserError(
            f"Source '{source.name}': the interval begins at {iso(start)}, before the source does at {iso(first)} "
            f"(`first_interval_start`). Begin later, or correct the date in dags/sources/{source.name}.yml."
        )
    if end <= first:
        raise UserError(
            f"Source '{source.name}': its data end at {iso(end)}, before its `first_interval_start` ({iso(first)}). "
            f"Correct the date in dags/sources/{source.name}.yml."
        )


@contextmanager
def _full_disk_is_named(settings: Settings) -> Iterator[None]:
    try:
        yield
    except (OSError, duckdb.IOException) as error:
        if getattr(error, "errno", None) != errno.ENOSPC and "No space left on device" not in str(error):
            raise
        raise UserError(
            f"The disk is full: a load needs room in {settings.home} and in the folder for temporary files (TMPDIR). "
            "Nothing of it has landed. Make room, then run again."
        ) from error


def _end_after_last_event(source: Source, settings: Settings) -> datetime:
    """Local midnight after the newest event of a source without schedule."""
    if source.is_scheduled:
        raise UserError(
            f"Source '{source.name}' has the schedule '{source.schedule}': its loads need an interval end, "
            "which Airflow gives (`make up`)."
        )
    last = _last_events(source, settings)
    if not last and not all(table.may_be_empty for table in source.tables.values()):
        raise UserError(f"Source '{source.name}': no row has an event time, so the load has no end.{next_step(source)}")
    zone = source.business_zone(settings)
    last = last or [source.first_start(settings)]  # a source that may be empty, and is, has delivered its first day
    next_day = max(last).astimezone(zone).date() + timedelta(days=1)
    return datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone).astimezone(UTC)


def _last_events(source: Source, settings: Settings) -> list[datetime]:
    """Newest event of each table that has an event time."""
    last: list[datetime] = []
    with open_database(source, settings, 1) as (database, _), _lent(database) as connection:
        for name, table in source.tables.items():
            if table.event_time is None:
                continue
            files = [] if database else find_files(source, name, table, settings)
            if table.load == "append" and not database:  # the receipts say it of what has been landed
                earlier = read_receipts(settings, source.name, name)
                last += [instant(receipt["last_event_at"]) for receipt in earlier if receipt["last_event_at"]]
                files = [path for path, _ in not_landed_yet(files, earlier)]
            if files or database:
                request = Request(source, name, table, files, only=table.event_time)
                last += _last_event(request, connection)
    return last


def _lent(database: Database | None) -> Any:
    return database.connection() if database else nullcontext()


def _last_event(request: Request, connection: Connection | None) -> list[datetime]:
    with opened(request, connection) as (working, rows):
        if rows.stream:
            batches = pa.RecordBatchReader.from_batches(rows.stream.schema, rows.stream.batches)
            working.register("streamed", batches)
        found: list[datetime] = []

        def measure(readable: Rows) -> None:
            span = event_span(working, request, readable.relation or "streamed")
            found[:] = [span.last] if span else []

        with_fallback(rows, measure)
    return found
