"""One session of a PostgreSQL server, in a transaction that only reads; `postgresql_driver.py` holds its connection."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from pipeline.base.errors import UserError
from pipeline.landing.connections import Address
from pipeline.landing.readers.databases import faults
from pipeline.landing.readers.databases.faults import names_in_messages

DRIVER = [sys.executable, "-P", str(Path(__file__).with_name("postgresql_driver.py"))]
BEGIN = "set transaction isolation level repeatable read, read only"
DRIVERS_WORDS = re.compile(
    r"^.*?(?=ERROR:|FATAL:)|^\w+: (\[libpq\] )?|\s*(LINE \d+:.*)?(Query was:.*)?(\. SQLSTATE: \w+)?$", re.DOTALL
)


_idle: list[subprocess.Popen[bytes]] = []  # processes without a login: to start one takes a third of a second
os.register_at_fork(after_in_child=_idle.clear)


def _driver() -> subprocess.Popen[bytes]:
    while _idle:
        if (idle := _idle.pop()).poll() is None:
            return idle
        _end(idle)
    return subprocess.Popen(
        DRIVER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the load, which ends its sessions
    )


def _end(driver: subprocess.Popen[bytes]) -> None:
    """End a process that is not asked again."""
    assert driver.stdin and driver.stdout
    driver.kill()
    with suppress(OSError):  # a request that it did not live to read
        driver.stdin.close()
    driver.stdout.close()
    driver.wait()


class ServerError(Exception):
    """What the server said of a query, and its SQLSTATE; none where the connection broke."""

    def __init__(self, said: str, state: str | None) -> None:
        super().__init__(said)
        self.said = said
        self.fault = faults.fault_of(faults.POSTGRESQL, state, unknown=faults.UNANSWERED if state else faults.LOST)


class Session:
    """A login to the server.

    Attributes
    ----------
    generation : int
        Which of the load's snapshots it reads.
    is_broken : bool
        Whether nothing may be asked of it any more.
    names : dict
        What messages name: place, user, definition, and the limit of a query's time.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.generation = 0
        self.is_broken = False
        self.names = names_in_messages(address)
        self._is_aborted = False
        self._is_busy = self._is_closed = False
        self._driver = _driver()
        try:
            said = self._said(url=address.url)
        except BaseException:
            _end(self._driver)
            raise
        if said:
            _end(self._driver)
            raise _refused(address, said["said"])

    def close(self) -> None:
        """End the session, and with it whatever it is doing."""
        if self._is_closed:
            return
        self._is_closed = True
        if self.is_broken or self._is_busy or self._said(leave=True):
            _end(self._driver)
        else:
            _idle.append(self._driver)
        self.is_broken = True

    def begin(self) -> None:
        """Begin a transaction that sees one moment, in place of the one before."""
        self._request(begin=True)
        self._is_aborted = False
        self.run(BEGIN)

    def joins(self, snapshot: str) -> bool:
        """Whether the transaction can see a snapshot: it is over when the session that it comes from has ended."""
        try:
            self.run(f"set transaction snapshot '{snapshot}'")
        except ServerError:
            if self.is_broken:
                raise
            return False
        return True

    def exported(self) -> str:
        """Return the name of the snapshot, for other sessions."""
        ((name,),) = self.ask("select pg_catalog.pg_export_snapshot()")
        return str(name)

    def keep(self) -> None:
        """Mark the place to which an error takes the transaction back: its snapshot stays."""
        ((limit,),) = self.ask("select current_setting('statement_timeout')")
        self.names["limit"] = "" if limit == "0" else f" of {limit}"
        self.run("savepoint kept")

    def is_usable(self) -> bool:
        """Whether a query may be sent; a transaction that an error has aborted goes on from where it was kept."""
        if self.is_broken:
            return False
        try:
            self.run("rollback to savepoint kept" if self._is_aborted else "select 1")
        except ServerError:
            return False
        self._is_aborted = False
        return True

    def run(self, sql: str) -> None:
        """Run a statement."""
        self.ask(sql)

    def ask(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """Return the rows of a short answer."""
        answer = self._answer(sql, values)
        return [row for batch in answer.batches() for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)]

    def answer(self, sql: str, batch_bytes: int) -> "Answer":
        """Begin to read a long answer."""
        return self._answer(sql, batch_bytes=batch_bytes)

    def _answer(self, sql: str, values: tuple[str, ...] = (), batch_bytes: int | None = None) -> "Answer":
        self._request(sql=sql, values=values, batch_bytes=batch_bytes)
        self._is_busy = True
        try:
            return Answer(self, pa.ipc.open_stream(self._driver.stdout))
        except (pa.ArrowException, OSError):
            raise self._failed(None) from None

    def _request(self, **request: Any) -> None:
        if said := self._said(**request):
            raise self._failed(said)

    def _said(self, **request: Any) -> dict[str, Any]:
        """Send a request, and return what comes before its answer."""
        assert self._driver.stdin
        try:
            self._driver.stdin.write(json.dumps(request).encode() + b"\n")
            self._driver.stdin.flush()
        except (OSError, ValueError):  # it has ended, or the session was closed
            return LOST
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._driver.stdout
        try:
            line = self._driver.stdout.readline()
        except (OSError, ValueError):
            return LOST
        return dict(json.loads(line)) if line.endswith(b"\n") else LOST

    def _end_of_answer(self) -> None:
        said = self._line()
        self._is_busy = False
        if said:
            raise self._failed(said)

    def _failed(self, said: dict[str, Any] | None) -> ServerError:
        """What is wrong, of what the driver said; None where its answer broke off."""
        said = said or LOST
        words = said["said"] if said is LOST else DRIVERS_WORDS.sub("", self.address.without_secrets(said["said"]))
        failure = ServerError(" ".join(words.split()), said["state"])
        self._is_aborted = True
        self.is_broken = failure.fault.is_end or said["is_over"]
        return failure


LOST: dict[str, Any] = {"said": "no answer came", "state": None, "is_over": True}


class Answer:
    """The rows of a query, as they come."""

    def __init__(self, session: Session, reader: pa.RecordBatchReader) -> None:
        self.session = session
        self.schema: pa.Schema = reader.schema
        self._reader = reader

    def batches(self) -> Generator[pa.RecordBatch]:
        """Yield the batches, once."""
        try:
            yield from self._reader
        except (pa.ArrowException, OSError):
            raise self.session._failed(None) from None
        self.session._end_of_answer()

    def close(self) -> None:
        """Stop reading. A session whose answer was not read to its end is busy with it, and ended."""
        if self.session._is_busy:
            self.session.close()


def _refused(address: Address, said: str) -> UserError:
    words = " ".join(address.without_secrets(said).split("Failed to connect:")[-1].split())
    fault = faults.fault_in(said) or faults.UNREACHABLE
    return fault.error("", words, **names_in_messages(address))
