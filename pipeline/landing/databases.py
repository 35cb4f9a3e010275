"""The database of a source, opened for one load."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

from pipeline.base.errors import UserError
from pipeline.base.lock import slots
from pipeline.base.settings import Settings
from pipeline.landing.connections import address_of
from pipeline.landing.readers.databases.database import Connection, Database
from pipeline.landing.readers.databases.faults import InterruptedReadError
from pipeline.landing.readers.databases.other_sql import OtherSQL
from pipeline.landing.readers.databases.postgresql import PostgreSQL
from pipeline.landing.readers.databases.sqlite import SQLite
from pipeline.sources.definitions import Source, location_of, next_step

log = logging.getLogger("perennial.landing")
Result = TypeVar("Result")
ATTEMPTS = 3


@contextmanager
def open_database(source: Source, settings: Settings, tables: int) -> Iterator[tuple[Database | None, int]]:
    """Open the database of a source; yield it, and how many of its tables may be read side by side.

    Connections are counted over all loads of the source that run, so that a backfill beside the schedule stays within
    `max_connections` too.
    """
    if not source.is_database:
        yield None, min(source.max_connections, tables)
        return
    wanted = source.max_connections if source.kind == "postgresql" else tables  # it reads a table over several
    with (
        slots(settings.landing / source.name, source.max_connections, wanted) as connections,
        closing(_open(source, settings, connections)) as database,
    ):
        yield database, connections


def with_connection(database: Database | None, action: Callable[[Connection | None], Result]) -> Result:
    """Do something with a connection of a database, if there is one; again on a new one when reading was interrupted.

    Nothing of an interrupted read has been kept: a load is written when all of it has been read.
    """
    if database is None:
        return action(None)
    for _ in range(ATTEMPTS - 1):
        try:
            with database.connection() as connection:
                return action(connection)
        except InterruptedReadError as error:
            log.warning("%s It is read again.", error)
    with database.connection() as connection:
        return action(connection)


def _open(source: Source, settings: Settings, connections: int) -> Database:
    if source.kind == "sqlite":
        path = location_of(source, settings)
        if not path.is_file():
            raise UserError(f"Source '{source.name}': there is no file {path}.{next_step(source)}")
        if path.stat().st_size == 0:
            raise UserError(
                f"Source '{source.name}': {path} is empty (0 bytes).{next_step(source) or ' Copy it again.'}"
            )
        return SQLite(path, source.name)
    address = address_of(source)
    if source.kind == "sql":
        return OtherSQL(address)
    if address.scheme != "postgresql":
        raise UserError(
            f"Source '{source.name}' is of kind postgresql, and its connection '{source.connection}' is of type "
            f"'{address.scheme}'. Correct the connection, or write `kind: sql` in dags/sources/{source.name}.yml."
        )
    return PostgreSQL(address, connections)
