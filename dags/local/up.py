"""`make up`: Airflow with its web UI and scheduler, until Ctrl-C or SIGTERM ends all of its processes."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from rich.console import Console
from rich.text import Text

from pipeline.airflow_settings import (
    AIRFLOW,
    USER,
    airflow_environment,
    airflow_home,
    base_url,
    password_file,
    port,
    prepare,
    web_database,
)
from pipeline.errors import UserError
from pipeline.settings import Settings, load_settings
from pipeline.sources import active_sources, broken_inactive

READY_SECONDS = 180
GRACE_SECONDS = 20
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
# `airflow standalone` would serve its task logs on all network interfaces: its parts are started without that. The web
# server reads the logs from the disk. When one part ends, all end. No task is deferred, so the triggerer has nothing to
# do: without it the first page says that it is not healthy.
PARTS = (
    "airflow scheduler --skip-serve-logs & airflow triggerer --skip-serve-logs & airflow dag-processor & "
    "airflow api-server & wait -n"
)


def main() -> int:
    """Start Airflow and stay until it ends or a signal comes; return the exit code."""
    console = Console(highlight=False)
    try:
        settings = load_settings()
        active_sources(settings)
        for warning in broken_inactive(settings):
            console.print(Text(f"Warning: {warning}", style="yellow"), soft_wrap=True)
        check_port_is_free()
        console.print("Starting Airflow …")
        prepare(settings, web_database(settings))
        hide_inactive(settings)
        log = airflow_home(settings) / "logs" / "up.log"
        with stop_signals(), airflow(settings, log) as server:
            wait_until_ready(server, log)
            print_welcome(settings, console, log)
            code = server.wait()
        raise UserError(f"Airflow ended by itself (exit code {code}). Its log: {log}")
    except UserError as error:
        console.print(Text(str(error), style="red"))
        return 2
    except KeyboardInterrupt:
        console.print("Airflow has ended.")
        return 0


def check_port_is_free() -> None:
    """Refuse a port that someone listens on.

    Raises
    ------
    UserError
        The port is taken, perhaps by an earlier `make up`.
    """
    with closing(socket.socket()) as probe:
        if probe.connect_ex(("127.0.0.1", port())) == 0:
            raise UserError(
                f"Port {port()} is taken, perhaps by another `make up`. End that one, or choose another port: "
                f"CRM_AIRFLOW_PORT={port() + 1} make up"
            )


def hide_inactive(settings: Settings) -> None:
    """Hide the extractions of sources that were active before and are not now.

    Airflow hides a DAG itself when it has not been parsed for a while. One that it parses again is shown again.
    """
    shown = ", ".join(["?"] * len(settings.sources))
    with closing(sqlite3.connect(web_database(settings))) as metadata, metadata:
        metadata.execute(
            f"update dag set is_stale = 1 where dag_id like 'extract~_%' escape '~' and dag_id not in ({shown})",
            [f"extract_{name}" for name in settings.sources],
        )


@contextmanager
def stop_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end things as Ctrl-C does."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    yield


@contextmanager
def airflow(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run Airflow's parts in a session of their own, and end every process of that session."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        server = subprocess.Popen(
            ["bash", "-c", PARTS],
            env={**os.environ, **airflow_environment(settings), "PATH": f"{AIRFLOW.parent}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield server
    finally:
        end_session(server)


def end_session(server: subprocess.Popen[bytes]) -> None:
    """End all processes of the server's session: first with SIGTERM, after a while with SIGKILL.

    A signal to the server alone leaves its children, and one to its process group leaves the tasks: Airflow gives
    each task a process group of its own.
    """
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        deadline = time.monotonic() + seconds
        for process in session_members(server.pid):
            _signal(process, number)
        while session_members(server.pid) and time.monotonic() < deadline:
            server.poll()
            time.sleep(0.1)
    server.wait()


def _signal(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return  # it ended meanwhile


def session_members(session: int) -> list[int]:
    """Ids of the living processes of a session."""
    return [process.pid for process in psutil.process_iter() if _is_member(process, session)]


def _is_member(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.Error):
        return False  # it ended meanwhile, or is somebody else's


def wait_until_ready(server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for all components.

    Raises
    ------
    UserError
        Airflow ended, or did not come up in time.
    """
    deadline = time.monotonic() + READY_SECONDS
    while not is_healthy():
        if server.poll() is not None or time.monotonic() > deadline:
            raise UserError(f"Airflow did not start. Its log says why: {log}")
        time.sleep(0.5)


def is_healthy() -> bool:
    """Whether Airflow's components say that they are healthy."""
    try:
        with urllib.request.urlopen(f"{base_url()}/api/v2/monitor/health", timeout=5) as response:  # noqa: S310
            health = json.load(response)
    except OSError:
        return False
    return all(health[component]["status"] == "healthy" for component in COMPONENTS)


def print_welcome(settings: Settings, console: Console, log: Path) -> None:
    """Say where the web UI is, who may log in, and what to do there."""
    console.print(f"""
[bold green]Airflow is up:[/bold green] {base_url()}
  user      {USER}
  password  in {password_file(settings)}
  sources   {", ".join(settings.sources)}
  log       {log}

Trigger extract_<source>; build_customers and export_campaign_lists follow by themselves. Ctrl-C ends it.
""")


if __name__ == "__main__":
    sys.exit(main())
