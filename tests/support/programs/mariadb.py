"""A MariaDB server of the tests' own, where `mariadbd` is installed (`make tools`): on loopback, with a password."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.programs.airflow_up import free_port

USER, PASSWORD = "loader", "p@ss:word/1"
SECONDS = 60
PATH = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"


@dataclass
class Server:
    """A server in a folder; `port` is on loopback."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers. It lets zero dates in."""
        options = (f"--datadir={self.folder}/data", f"--socket={self._socket}", f"--port={self.port}")
        command = [_found("mariadbd"), "--no-defaults", *options, "--bind-address=127.0.0.1", "--sql-mode="]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen([*command, *_as_root()], stdout=log, stderr=log)
        deadline = time.monotonic() + SECONDS
        while self._client("select 1").returncode:
            assert self._process.poll() is None, (self.folder / "log").read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def run(self, *statements: str, database: str = "") -> str:
        """Run statements as root; return what they print."""
        done = self._client(";".join(statements), database)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def new_database(self, name: str) -> str:
        """Make an empty database that the user may read all of; return its address."""
        self.run(
            f"drop database if exists {name}",
            f"create database {name} character set utf8mb4",
            f"create or replace user {USER}@'127.0.0.1' identified by '{PASSWORD}'",
            f"grant select on {name}.* to {USER}@'127.0.0.1'",
        )
        return self.address(name)

    def address(self, database: str, password: str = "p%40ss%3Aword%2F1") -> str:
        """Address with the user of the loads, as an Airflow connection has it."""
        return f"mysql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def _socket(self) -> Path:
        return self.folder / "s"

    @property
    def login(self) -> list[str]:
        """Command of a client of root."""
        options = ("--no-defaults", "-u", "root", "-N", "--default-character-set=utf8mb4", f"--socket={self._socket}")
        return [_found("mariadb"), *options]

    def _client(self, statements: str, database: str = "") -> subprocess.CompletedProcess[str]:
        command = [*self.login, "-e", statements, *([database] if database else [])]
        return subprocess.run(command, capture_output=True, text=True, check=False)


class Client:
    """A client that stays: root in a database."""

    END = "-- end of answer --"

    def __init__(self, server: Server, database: str) -> None:
        self._process = subprocess.Popen(
            [*server.login, "--batch", "--unbuffered", database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ask(self, statements: str) -> list[tuple[str, ...]]:
        """Run statements; return the rows that they print, as text."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{statements};\nselect '{self.END}';\n")
        self._process.stdin.flush()
        rows: list[tuple[str, ...]] = []
        for line in self._process.stdout:
            if line.rstrip("\n") == self.END:
                return rows
            rows.append(tuple(line.rstrip("\n").split("\t")))
        raise AssertionError(rows)

    def close(self) -> None:
        """End it."""
        self._process.communicate("exit\n")


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Start a server in an empty folder, and end it."""
    install = ("--no-defaults", f"--datadir={folder}/data", "--auth-root-authentication-method=normal")
    command = [_found("mariadb-install-db"), *install, "--skip-test-db", *_as_root()]
    subprocess.run(command, check=True, capture_output=True)
    running = Server(folder)
    running.start()
    try:
        yield running
    finally:
        running.kill()


def _found(program: str) -> str:
    path = shutil.which(program, path=PATH)
    assert path, f"{program} is not installed: run `make tools`"
    return path


def _as_root() -> list[str]:
    return ["--user=root"] if os.getuid() == 0 else []
