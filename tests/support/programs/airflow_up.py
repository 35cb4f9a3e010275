"""`make up` as a test starts it, with Airflow's REST API."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil

from pipeline.base.settings import ROOT, load_settings
from pipeline.orchestration.airflow_settings import USER, password_file
from tests.support.programs.perennial import PERENNIAL

SECONDS = 600


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Api:
    """Airflow's REST API, logged in."""

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        self.token = ""
        self.token = self.call("/auth/token", {"username": USER, "password": password})["access_token"]

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask, and ask again while Airflow's SQLite is locked by its scheduler: what failed was rolled back."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return self._ask(path, body)
            except urllib.error.HTTPError as error:
                said = error.read().decode()
                is_locked = error.code == HTTPStatus.SERVICE_UNAVAILABLE or "database is locked" in said
                assert is_locked and time.monotonic() < deadline, said
                time.sleep(1)

    def _ask(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.address + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=120) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def last_state(self, dag_id: str) -> str | None:
        runs = self.call(f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after&limit=1")["dag_runs"]
        return runs[0]["state"] if runs else None


def wait_for(what: Callable[[], bool], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(1)


def processes_of(home: str) -> list[psutil.Process]:
    """Living processes that work in a CRM_HOME."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("CRM_HOME") == home and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue  # ended in the meantime, or of another user
    return found


def addresses(home: str) -> set[str]:
    """Addresses that the processes of a CRM_HOME listen on."""
    return {
        connection.laddr.ip
        for process in processes_of(home)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }


@contextmanager
def airflow_up(environment: dict[str, str], project: Path = ROOT) -> Iterator[tuple[Api, str]]:
    """Start `make up` of a project; give its API and what it said; end it with all of its processes."""
    says_what_is_locked = {"AIRFLOW__API__EXPOSE_STACKTRACE": "True"}
    up = subprocess.Popen(
        [PERENNIAL, "up"], cwd=project, env=environment | says_what_is_locked, stdout=subprocess.PIPE, text=True
    )
    try:
        assert up.stdout
        said = ""
        while "Ctrl-C ends it" not in said:
            line = up.stdout.readline()
            assert line, said
            said += line
        password = json.loads(password_file(load_settings({**environment, "CRM_SOURCES": "*"})).read_text())[USER]
        yield Api(f"http://localhost:{environment['CRM_AIRFLOW_PORT']}", password), said
    finally:
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=120)
    assert up.returncode == 0
    assert processes_of(environment["CRM_HOME"]) == []
