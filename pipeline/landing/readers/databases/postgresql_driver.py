"""The program that holds one login to a PostgreSQL server, through ADBC: `postgresql_session.Session` starts it.

ADBC 1.8 ends its whole process when a connection breaks before a query has begun to answer; later versions do not, and
take four times the CPU to read. In a process of its own that is the end of one session, like any other broken
connection.

It reads a request a line as JSON from its standard input: `{"url": …}` to log in, `{"sql": …, "values": …,
"batch_bytes": …}`, `{"begin": true}` for a new transaction, `{"leave": true}` to log out. To each it answers a line of
JSON, `{}` or an error as `{"said": …, "state": …, "is_over": …}`. To a query, an Arrow stream follows, and another such
line after its end. It ends with its standard input, whatever it is doing.
"""

import json
import os
import queue
import select
import socket
import stat
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import pyarrow as pa
import pyarrow.ipc
from adbc_driver_manager._reader import AdbcRecordBatchReader

BROKEN_OFF = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR | select.POLLNVAL
BATCH_BYTES = "adbc.postgresql.batch_size_hint_bytes"
GRACE_SECONDS = 1.0  # for taking leave of the server
Said = dict[str, Any]


class Login:
    """A connection to the server, in a transaction.

    Attributes
    ----------
    connection : adbc.AdbcConnection
    """

    def __init__(self, url: str) -> None:
        self.connection = adbc.AdbcConnection(
            adbc_driver_postgresql.connect(url), **{"adbc.connection.autocommit": "false"}
        )
        self._socket = next(iter(_sockets()), None)

    @contextmanager
    def query(self, sql: str, values: list[str], batch_bytes: int | None) -> Generator[pa.RecordBatchReader]:
        """Begin a query, with the values of `$1`, `$2`, …; its reader's errors have a SQLSTATE."""
        with adbc.AdbcStatement(self.connection) as statement:
            if batch_bytes:
                statement.set_options(**{BATCH_BYTES: str(batch_bytes)})
            statement.set_sql_query(sql)
            if values:
                statement.prepare()
                columns = {f"${number}": [value] for number, value in enumerate(values, 1)}
                statement.bind(pa.RecordBatch.from_pydict(columns))
            handle, _ = statement.execute_query()
            with AdbcRecordBatchReader._import_from_c(handle.address) as reader:
                yield reader

    def has_ended(self) -> bool:
        """Whether the server has closed the connection."""
        if self._socket is None:
            return False
        if self._socket not in _sockets():  # libpq has closed it
            return True
        poll = select.poll()
        poll.register(self._socket[0], BROKEN_OFF)
        return bool(poll.poll(0))

    def last_words(self) -> Said:
        """What the server said when it ended the session, where that came in clear."""
        gone: Said = {"said": "the server has closed the connection", "state": None, "is_over": True}
        if self._socket is None or self._socket not in _sockets():
            return gone
        try:
            with socket.socket(fileno=os.dup(self._socket[0])) as peeked:
                received = peeked.recv(4096, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return gone
        if received[:1] != b"E":  # an error message of the protocol: fields that end with NUL, after type and length
            return gone
        fields = {field[:1]: field[1:].decode(errors="replace") for field in received[5:].split(b"\0") if field}
        return {**gone, "said": fields.get(b"M", gone["said"]), "state": fields.get(b"C")}


def serve(requests: Iterator[Said], answers: BinaryIO) -> None:
    """Answer requests, of one login after the other, until one ends without having been left."""
    for request in requests:
        try:
            login = Login(request["url"])
        except adbc.Error as error:
            _say(answers, _said(error, is_over=True))
            continue
        _say(answers, {})
        if not _serve_login(login, requests, answers):
            return


def _serve_login(login: Login, requests: Iterator[Said], answers: BinaryIO) -> bool:
    """Answer the requests of a login; return whether it was left."""
    for request in requests:
        if "leave" in request:
            with suppress(adbc.Error):  # the server may have gone
                login.connection.close()
            _say(answers, {})
            return True
        if login.has_ended():
            _say(answers, login.last_words())
            return False
        try:
            if "begin" in request:
                login.connection.rollback()
            else:
                _answer(login, request, answers)
            _say(answers, {})
        except (adbc.Error, pa.ArrowException) as error:
            _say(answers, _said(error, is_over=login.has_ended()))
    return False


def _answer(login: Login, request: Said, answers: BinaryIO) -> None:
    with login.query(request["sql"], request["values"], request["batch_bytes"]) as reader:
        _say(answers, {})
        with pa.ipc.new_stream(answers, reader.schema) as stream:
            for batch in reader:
                stream.write_batch(batch)


def _say(answers: BinaryIO, said: Said) -> None:
    answers.write(json.dumps(said).encode() + b"\n")
    answers.flush()


def _said(error: Exception, *, is_over: bool) -> Said:
    return {"said": str(error), "state": getattr(error, "sqlstate", None), "is_over": is_over}


def _sockets() -> set[tuple[int, int]]:
    """Descriptors and inodes of this process' sockets: of the one connection."""
    found = set()
    for path in Path("/dev/fd").iterdir():
        with suppress(OSError):  # the listing's own, closed meanwhile
            status = os.fstat(int(path.name))
            if stat.S_ISSOCK(status.st_mode):
                found.add((int(path.name), status.st_ino))
    return found


def _lines(source: BinaryIO) -> Iterator[Said]:
    """Yield requests until the input ends; what goes on then is cut short."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in source:
            waiting.put(line)
        waiting.put(b"")
        time.sleep(GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    while line := waiting.get():
        yield json.loads(line)


if __name__ == "__main__":
    try:
        serve(_lines(sys.stdin.buffer), sys.stdout.buffer)
    finally:
        os._exit(0)  # at once, whatever state the driver is in; who asked sees that no answer comes
