"""Loads: the rows of a table for an interval, written once, with a receipt; the tables of a source side by side."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

from pipeline.base.errors import UserError
from pipeline.base.lock import close_to_others, file_lock
from pipeline.base.scratch import full_disk_is_named
from pipeline.base.settings import Settings
from pipeline.landing.databases import open_database, with_connection
from pipeline.landing.ends.ends import End, data_end, lent
from pipeline.landing.files import find_files
from pipeline.landing.intervals import check_order, later_interval
from pipeline.landing.readers import Request
from pipeline.landing.readers.databases.database import Connection, Database
from pipeline.landing.readers.databases.faults import UnavailableError
from pipeline.landing.receipts import Receipt, iso, next_reading, read_receipts, remove_leftovers
from pipeline.landing.writing.load import Load
from pipeline.landing.writing.write import write_load
from pipeline.sources.definitions import Source, load_source

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
    return {
        "source": name,
        "interval_end": iso(_asked_end(source, settings, interval_end).at),
        "tables": list(source.tables),
    }


def _asked_end(source: Source, settings: Settings, given: datetime | None) -> End:
    if not source.is_database:
        for name, table in source.tables.items():
            find_files(source, name, table, settings)
    return data_end(source, settings, given)


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
    end = _asked_end(source, settings, interval_end)
    with _one_reading_at_a_time(settings, source):
        return _land_tables(settings, source, end, interval_start, force=force)


@contextmanager
def _one_reading_at_a_time(settings: Settings, source: Source) -> Iterator[None]:
    """Let loads of a database follow each other, so that the one that is numbered later has read later.

    What was read last says what holds. A load that waits here has not opened its snapshot of the database yet.
    """
    if not source.is_database:
        yield
        return
    close_to_others(settings)
    with file_lock(settings.landing / source.name / ".lock"):
        yield


def _land_tables(
    settings: Settings, source: Source, end: End, start: datetime | None, *, force: bool
) -> dict[str, Receipt | Unchanged]:
    reading = next_reading(settings, source.name, source.tables) if source.is_database else None
    results: dict[str, Receipt | Unchanged] = {}
    failures: list[UserError] = []

    def land(database: Database | None, table: str) -> None:
        def over(connection: Connection | None) -> Receipt | Unchanged:
            return _land_table(
                settings, source, table, (start, end), force=force, connection=connection, reading=reading
            )

        try:
            results[table] = with_connection(database, over)
            log.info("%s.%s: %s", source.name, table, described(results[table]))
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
    """One error of all: to be tried again where that helps one of the tables."""
    kind = UnavailableError if any(isinstance(error, UnavailableError) for error in failures) else UserError
    if len(failures) == 1:
        return kind(str(failures[0]))
    said = dict.fromkeys(map(str, failures))
    return kind("\n".join([f"{len(failures)} of {tables} tables could not be landed:", *said]))


def land_table(
    settings: Settings,
    source_name: str,
    table_name: str,
    *,
    interval_start: datetime | None = None,
    interval_end: datetime | None = None,
    force: bool = False,
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
    if table_name not in source.tables:
        raise UserError(f"Source '{source_name}' has no table '{table_name}'. It has: {', '.join(source.tables)}.")
    end = data_end(source, settings, interval_end)
    with (
        _one_reading_at_a_time(settings, source),
        open_database(source, settings, 1) as (database, _),
        lent(database) as connection,
    ):
        reading = next_reading(settings, source_name, source.tables) if source.is_database else None
        return _land_table(
            settings, source, table_name, (interval_start, end), force=force, connection=connection, reading=reading
        )


def _land_table(
    settings: Settings,
    source: Source,
    name: str,
    asked: tuple[datetime | None, End],
    *,
    force: bool,
    connection: Connection | None,
    reading: int | None,
) -> Receipt | Unchanged:
    """Land a table over a connection to its database, as the load of the source that has the number `reading`."""
    table = source.tables[name]
    first, (start, asked_end) = source.first_start(settings), asked
    end = asked_end.of(name)
    folder = settings.landing / source.name / name
    close_to_others(settings)
    with file_lock(folder / ".lock"), full_disk_is_named(settings, "Nothing of the load has landed."):
        remove_leftovers(folder)
        earlier = read_receipts(settings, source.name, name)
        check_order(source, first, start, end)
        interval = later_interval(source, table, earlier, end, (start, force)) if earlier else (first, end)
        if interval is None:
            return "unchanged"
        if not source.is_scheduled and table.load == "snapshot":
            interval = first, end
        files = [] if source.is_database else find_files(source, name, table, settings)
        request = Request(source, name, table, files)
        return write_load(Load(settings, request, *interval, earlier, asked_end, connection, reading)) or "unchanged"
