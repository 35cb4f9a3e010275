"""The sessions of a load: they see the same moment, and one that broke is replaced."""

import logging
import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from pipeline.base.errors import UserError
from pipeline.landing.connections import Address
from pipeline.landing.readers.databases.faults import UnavailableError
from pipeline.landing.readers.databases.postgresql_session import ServerError, Session

log = logging.getLogger("perennial.landing")
RECONNECT_SECONDS, PAUSE_SECONDS = 15.0, 0.2  # how long a server that was there is waited for


class Pool:
    """Sessions that share the snapshot of the first one: all tables are read as of one moment.

    That moment lasts as long as one session of it does. When none is left, or what is asked for is younger, the tables
    that follow are read as of a later moment, and the log says so.
    """

    def __init__(self, address: Address, sessions: int) -> None:
        self.address = address
        self._idle: queue.SimpleQueue[Session | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_shared = sessions > 1
        self._sessions = 0
        self._generation = 0
        self._snapshots: list[str] = []
        self._down: UserError | None = None
        self._waits_until: float | None = None
        try:
            self._fill(sessions)
        except BaseException:
            self.close()
            raise

    def _fill(self, sessions: int) -> None:
        """Log in; go on with fewer sessions where the server allows no more."""
        while self._sessions < sessions:
            try:
                self._idle.put(self._open())
            except UserError as error:
                if not self._sessions:
                    raise
                log.warning(
                    "%d connections instead of the %d of `max_connections`: %s", self._sessions, sessions, error
                )
                return
            self._sessions += 1

    def _open(self) -> Session:
        """Log in, and see what the load's other sessions see."""
        session = Session(self.address)
        try:
            session.begin()
            self._join(session)
            session.keep()
        except ServerError as error:
            session.close()
            raise error.fault.error("", error.said, **session.names) from None
        except BaseException:
            session.close()
            raise
        return session

    def _join(self, session: Session) -> None:
        had = bool(self._snapshots)
        while self._snapshots and not session.joins(self._snapshots[0]):
            del self._snapshots[0]  # its session has ended
            session.begin()
        if had and not self._snapshots:
            self._begin_later()
        session.generation = self._generation
        if self._is_shared:
            self._snapshots.append(session.exported())

    def _begin_later(self) -> None:
        log.warning(
            "%s: the moment as of which the tables of this load were read is over; those that follow are read as of a "
            "later one",
            self.address.label,
        )
        self._generation += 1
        self._snapshots.clear()

    def leave(self, generation: int) -> None:
        """Read the tables that follow as of a later moment, if they are not already."""
        with self._lock:
            if generation == self._generation:
                self._begin_later()

    def take(self) -> Session:
        """Return a session in which a query may run; wait for one while all are lent.

        Raises
        ------
        UserError
            No session is left, and the server accepts no login.
        """
        while True:
            session = self._idle.get()
            if session is None:
                self._idle.put(None)  # for the next one who waits
                assert self._down is not None
                raise self._down
            if self._is_ready(session):
                return session
            session.close()
            with self._lock:
                if replacement := self._replacement(session):
                    return replacement

    def take_idle(self) -> list[Session]:
        """Return the sessions that are idle and sound."""
        taken: list[Session] = []
        others: list[Session | None] = []
        with suppress(queue.Empty):
            while True:
                session = self._idle.get_nowait()
                if session and self._is_ready(session):
                    taken.append(session)
                else:
                    others.append(session)
        self.give_back(others)
        return taken

    def give_back(self, sessions: Sequence[Session | None]) -> None:
        """Take back sessions that were taken, in whatever state."""
        for session in sessions:
            self._idle.put(session)

    def close(self) -> None:
        """End all sessions."""
        with suppress(queue.Empty):
            while True:
                if session := self._idle.get_nowait():
                    session.close()

    def _is_ready(self, session: Session) -> bool:
        return session.generation == self._generation and session.is_usable()

    def _replacement(self, lost: Session) -> Session | None:
        """Log in again; wait for a server that starts again. None: the other sessions go on without this one."""
        if not self._is_shared and lost.generation == self._generation:
            self._begin_later()
        self._waits_until = self._waits_until or time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                session = self._open()
            except UserError as error:
                if isinstance(error, UnavailableError) and time.monotonic() < self._waits_until:
                    time.sleep(PAUSE_SECONDS)
                    continue
                self._sessions -= 1
                if not self._sessions:
                    self._down = error
                    self._idle.put(None)
                return None
            self._waits_until = None
            return session
