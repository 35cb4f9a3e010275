"""`perennial up`: Airflow with its web UI and scheduler, until Ctrl-C or SIGTERM ends all of its processes."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from rich.console import Console
from rich.text import Text

from pipeline.base.errors import UserError
from pipeline.base.settings import Settings
from pipeline.orchestration.airflow_settings import (
    AIRFLOW,
    USER,
    airflow_environment,
    base_url,
    log_file,
    password_file,
    port,
    prepare,
    web_database,
)
from pipeline.sources.definitions import active_sources, broken_inactive

READY_SECONDS = 180
GRACE_SECONDS = 20
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
# `airflow standalone` would serve its task logs on all network interfaces: its parts are started without that. The web
# server reads the logs from the disk. When one part ends, all end. No task is deferred, so the triggerer has nothing to
# do, but without it the first page reports an unhealthy component.
PARTS = (
    "airflow scheduler --skip-serve-logs & airflow triggerer --skip-serve-logs & airflow dag-processor & "
    "airflow api-server & wait -n"
)


def serve(settings: Settings, console: Console) -> None:
    """Start Airflow and stay until Ctrl-C or a signal ends it.

    Raises
    ------
    UserError
        The port is taken, or Airflow did not start or ended by itself.
    """
    try:
        active_sources(settings)
        for warning in broken_inactive(settings):
            console.print(Text(f"Warning: {warning}", style="yellow"), soft_wrap=True)
        check_port_is_free()
        console.print("Starting Airflow …")
        prepare(settings)
        hide_inactive(settings)
        log = log_file(settings, "up")
        with stop_signals(), airflow(settings, log) as server:
            wait_until_ready(server, log)
            print_welcome(settings, console, log)
            code = server.wait()
        raise UserError(f"Airflow ended by itself (exit code {code}). Its log: {log}")
    except KeyboardInterrupt:
        console.print("Airflow has ended.")


def check_port_is_free() -> None:
    """Refuse a port that is in use.

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
    """Hide the extractions of sources that are no longer active.

    Airflow itself hides a DAG only after a while without parsing it. A DAG that is parsed again is shown again.
    """
    shown = ", ".join(["?"] * len(settings.sources))
    with closing(sqlite3.connect(web_database(settings))) as metadata, metadata:
        metadata.execute(
            f"update dag set is_stale = 1 where dag_id like 'extract~_%' escape '~' and dag_id not in ({shown})",
            [f"extract_{name}" for name in settings.sources],
        )


@contextmanager
def stop_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal have the effect of Ctrl-C."""

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
        return  # it has ended in the meantime


def session_members(session: int) -> list[int]:
    """Ids of the living processes of a session."""
    return [process.pid for process in psutil.process_iter() if _is_member(process, session)]


def _is_member(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.Error):
        return False  # it has ended in the meantime, or belongs to another user


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
