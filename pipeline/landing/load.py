"""One load: the rows of a table for an interval, written once, with a receipt."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pipeline.errors import UserError
from pipeline.landing.events import event_span
from pipeline.landing.files import find_files, not_landed_yet
from pipeline.landing.readers import Request, opened
from pipeline.landing.receipts import Receipt, instant, iso, newest, read_receipts, remove_leftovers
from pipeline.landing.write import Load, write_load
from pipeline.settings import Settings
from pipeline.sources import Source, Table, load_source, next_step

Unchanged = Literal["unchanged"]


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
    for table_name, table in source.tables.items():
        find_files(source, table_name, table, settings)
    end = interval_end or _end_after_last_event(source, settings)
    return {"source": name, "interval_end": iso(end), "tables": list(source.tables)}


def land_source(settings: Settings, name: str, interval_end: datetime | None = None) -> dict[str, Receipt | Unchanged]:
    """Land all tables of a source in sequence."""
    planned = plan_source(settings, name, interval_end)
    end = instant(planned["interval_end"])
    return {table: land_table(settings, name, table, interval_end=end) for table in planned["tables"]}


def land_table(
    settings: Settings,
    source_name: str,
    table_name: str,
    *,
    interval_start: datetime | None = None,
    interval_end: datetime | None = None,
) -> Receipt | Unchanged:
    """Land one table.

    Parameters
    ----------
    interval_start, interval_end : datetime or None
        Interval of the load. The first load of a table always begins at its source's `first_interval_start`.
        Without a start a later load begins where the last one ended; a source without schedule ends at the local
        midnight after its newest event.

    Returns
    -------
    dict or 'unchanged'
        The receipt; 'unchanged' when the same content has been landed for the same interval.

    Raises
    ------
    UserError
        The table cannot be read. What has been landed before is untouched.
    """
    source = load_source(source_name)
    table = _table(source, table_name)
    folder = settings.landing / source_name / table_name
    remove_leftovers(folder)
    earlier = read_receipts(settings, source_name, table_name)
    end = interval_end or _end_after_last_event(source, settings)
    start = source.first_start(settings)
    _check_end(source, start, end)
    last = newest(earlier, is_scheduled=source.is_scheduled)
    if last is not None and (source.is_scheduled or table.load == "append"):
        start, end = (interval_start, end) if interval_start else _next_interval(last, end)
    files = find_files(source, table_name, table, settings)
    return write_load(Load(settings, Request(source, table_name, table, files), start, end, earlier)) or "unchanged"


def _table(source: Source, name: str) -> Table:
    if name not in source.tables:
        raise UserError(f"Source '{source.name}' has no table '{name}'. It has: {', '.join(source.tables)}.")
    return source.tables[name]


def _check_end(source: Source, first: datetime, end: datetime) -> None:
    if end <= first:
        raise UserError(
            f"Source '{source.name}': its data end at {iso(end)}, before its `first_interval_start` ({iso(first)}). "
            f"Correct the date in dags/sources/{source.name}.yml."
        )


def _next_interval(last: Receipt, end: datetime) -> tuple[datetime, datetime]:
    """From the last landed end on; the last interval again when there is nothing beyond it."""
    landed = instant(last["interval_start"]), instant(last["interval_end"])
    return (landed[1], end) if landed[1] < end else landed


def _end_after_last_event(source: Source, settings: Settings) -> datetime:
    """Local midnight after the newest event of a source without schedule."""
    if source.is_scheduled:
        raise UserError(
            f"Source '{source.name}' has the schedule '{source.schedule}': its loads need an interval end, "
            "which Airflow gives (`make up`)."
        )
    last: list[datetime] = []
    for name, table in source.tables.items():
        if table.event_time is None:
            continue
        files = find_files(source, name, table, settings)
        if table.load == "append":  # the receipts say it of what has been landed
            earlier = read_receipts(settings, source.name, name)
            last += [instant(receipt["last_event_at"]) for receipt in earlier if receipt["last_event_at"]]
            files = [path for path, _ in not_landed_yet(files, earlier)]
        if not files:
            continue
        request = Request(source, name, table, files, only=table.event_time)
        with opened(request) as (connection, rows):
            span = event_span(connection, request, rows.relation)
            last += [span.last] if span else []
    if not last and not all(table.may_be_empty for table in source.tables.values()):
        raise UserError(f"Source '{source.name}': no row has an event time, so the load has no end.{next_step(source)}")
    zone = source.business_zone(settings)
    last = last or [source.first_start(settings)]  # a source that may be empty, and is, has delivered its first day
    next_day = max(last).astimezone(zone).date() + timedelta(days=1)
    return datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone).astimezone(UTC)
