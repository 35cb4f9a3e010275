"""Where the data of a source without schedule end: after the newest event, and the newest cursor."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.base.errors import UserError
from pipeline.base.settings import Settings
from pipeline.landing.databases import open_database, with_connection
from pipeline.landing.ends.reach import Last, Reach, Reached
from pipeline.landing.readers import Request
from pipeline.landing.readers.databases.database import Connection, Database
from pipeline.landing.receipts import last_moment, read_receipts
from pipeline.sources.definitions import Source, next_step


@dataclass(frozen=True)
class End:
    """Where the data of a load of a source end.

    Attributes
    ----------
    at
        The end of its tables.
    read_at
        When it was asked: nothing that is read has happened later.
    newest
        The newest event of the rows of each table; empty where a schedule gives the end.
    leaps
        Of each table whose end leaps its own end, and what a person is told.
    """

    at: datetime
    read_at: datetime
    newest: dict[str, datetime] = field(default_factory=dict)
    leaps: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def of(self, table: str) -> datetime:
        """The end of a table."""
        return self.leaps[table][0] if table in self.leaps else self.at


def data_end(source: Source, settings: Settings, given: datetime | None = None) -> End:
    """Return the given end; of a source without schedule local midnight after its newest event and newest cursor.

    A table whose end leaps, where no other one reaches as far, has that end alone, and is held.
    """
    read_at = datetime.now(UTC)
    if given:
        return End(given, read_at)
    if source.is_scheduled:
        raise UserError(
            f"Source '{source.name}' has the schedule '{source.schedule}': its loads need an interval end, "
            "which Airflow gives (`make up`)."
        )
    reaches = _reaches(source, settings, read_at)
    last = [moment for reach in reaches.values() for moment in reach.last]
    if not last and not all(table.may_be_empty for table in source.tables.values()):
        raise UserError(
            f"Source '{source.name}': no row has an event time between 1900 and now, so the load has no end."
            f"{next_step(source)}"
        )
    zone = source.business_zone(settings)
    last = last or [source.first_start(settings)]  # a source that may be empty, and is, has delivered its first day
    leaps, others = {}, max(last)
    for name, reach in reaches.items():
        volume = source.tables[name].volume
        if not reach.leaps or volume is None:
            continue
        furthest = max(leap.furthest for leap in reach.leaps)
        if furthest <= others + timedelta(days=volume.leap_days):
            last.append(furthest)
        else:
            leaps[name] = _midnight_after(furthest, zone), "\n".join(leap.why for leap in reach.leaps)
    newest = {name: reach.newest_event for name, reach in reaches.items() if reach.newest_event}
    return End(_midnight_after(max(last), zone), read_at, newest, leaps)


def _midnight_after(moment: datetime, zone: ZoneInfo) -> datetime:
    next_day = moment.astimezone(zone).date() + timedelta(days=1)
    return datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone).astimezone(UTC)


def _reaches(source: Source, settings: Settings, read_at: datetime) -> dict[str, Reach]:
    """How far each table reaches. One that cannot be read now fails in its own load, and reaches as far as it did."""
    reaches: dict[str, Reach] = {}
    failures: list[UserError] = []
    with open_database(source, settings, 1) as (database, _):
        for name, table in source.tables.items():
            earlier = read_receipts(settings, source.name, name)
            reached = Reached(settings, Request(source, name, table, []), earlier, read_at)
            try:
                reaches[name] = with_connection(database, reached.ask)
            except UserError as error:
                failures.append(error)
                landed = last_moment(earlier)
                reaches[name] = Reach(cursor=Last(landed) if landed else None)
    if failures and not any(reach.last for reach in reaches.values()):
        raise failures[0]
    return reaches


def lent(database: Database | None) -> AbstractContextManager[Connection | None]:
    """Lend a connection to a database; None where the source is files."""
    return database.connection() if database else nullcontext()
