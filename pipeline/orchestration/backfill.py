"""`perennial backfill`: ask the scheduled sources again for some days, then build.

Landing runs beside the schedule, and beside a build. What is published stays as it is until the build's own gate.
"""

import datetime as dt
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.text import Text

from pipeline.base.errors import UserError
from pipeline.base.lock import lock_at_address
from pipeline.base.settings import Settings
from pipeline.landing import described, land_source
from pipeline.orchestration.local_run import run, use_airflow
from pipeline.sources.definitions import Source, active_sources

Interval = tuple[dt.datetime, dt.datetime]


def backfill(settings: Settings, console: Console, first: dt.date, last: dt.date) -> None:
    """Land every interval from the first to the last day (included) of each scheduled source again, then build.

    Raises
    ------
    UserError
        The days cannot be used, no source has a schedule, or a load failed.
    """
    if last < first:
        raise UserError(f"TO ({last}) is before FROM ({first}): the interval ends before it begins. Swap the two days.")
    sources = [source for source in active_sources(settings) if source.is_scheduled]
    if not sources:
        raise UserError(
            f"None of the sources {', '.join(settings.sources)} has a schedule, so there are no intervals to load "
            "again. `make run` loads what their files say now."
        )
    use_airflow(settings)
    with lock_at_address(settings, "make backfill"):
        for source in sources:
            _reload(settings, source, intervals(source, settings, first, last), console)
        run(settings, console, extract=False)


def intervals(source: Source, settings: Settings, first: dt.date, last: dt.date) -> list[Interval]:
    """Complete intervals of a source's timetable that begin on the days from first to last.

    Raises
    ------
    UserError
        There is none.
    """
    from airflow.timetables.base import TimeRestriction
    from airflow.timetables.interval import CronDataIntervalTimetable
    from pendulum import instance

    zone = ZoneInfo(source.time_zone)
    begin, end = (dt.datetime.combine(day, dt.time(), zone) for day in (first, last + dt.timedelta(days=1)))
    timetable = CronDataIntervalTimetable(source.schedule, timezone=source.time_zone)
    restriction = TimeRestriction(earliest=instance(begin), latest=None, catchup=True)
    found: list[Interval] = []
    info = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    while info and info.data_interval.start < end and info.data_interval.end <= dt.datetime.now(dt.UTC):
        found.append((info.data_interval.start, info.data_interval.end))
        info = timetable.next_dagrun_info(last_automated_data_interval=info.data_interval, restriction=restriction)
    if not found:
        raise UserError(
            f"Source '{source.name}' (schedule '{source.schedule}') has no complete interval that begins from {first} "
            f"to {last}."
        )
    start = source.first_start(settings)
    if found[0][0] < start:
        raise UserError(
            f"Source '{source.name}' begins at {source.first_interval_start} (`first_interval_start`), after FROM "
            f"({first}). Set FROM to that day, or correct it in dags/sources/{source.name}.yml."
        )
    return found


def _reload(settings: Settings, source: Source, found: list[Interval], console: Console) -> None:
    console.print(Text(f"backfill {source.name}: {len(found)} intervals", style="bold"))
    for number, (start, end) in enumerate(found, 1):
        results = land_source(settings, source.name, end, interval_start=start, force=True)
        said = "; ".join(f"{table}: {described(result)}" for table, result in results.items())
        console.print(Text(f"  {number:>4}  {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}  {said}"), soft_wrap=True)
