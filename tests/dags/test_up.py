"""`make up`, as a person uses it: log in, trigger a run, see it succeed, end it, and nothing stays behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.airflow_settings import USER, airflow_home, password_file
from pipeline.duck import connect
from pipeline.settings import ROOT, load_settings

pytestmark = pytest.mark.slow
CUSTOMERS = 2_000
SECONDS = 600


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path, data_dir: Path) -> dict[str, str]:
    """Settings of a company with the first customers of CDNOW."""
    lines = (data_dir / "cdnow" / "CDNOW_master.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    folder = tmp_path / "data" / "cdnow"
    folder.mkdir(parents=True)
    kept = [line for line in lines[1:] if int(line[:6]) <= CUSTOMERS]
    (folder / "CDNOW_master.txt").write_text("".join([lines[0], *kept]), encoding="utf-8")
    return {
        **os.environ,
        "CRM_HOME": str(tmp_path / "home"),
        "CRM_DATA": str(tmp_path / "data"),
        "CRM_SOURCES": "cdnow",
        "CRM_AIRFLOW_PORT": str(free_port()),
    }


class Api:
    """Airflow's REST API, logged in."""

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        self.token = ""
        self.token = self.call("/auth/token", {"username": USER, "password": password})["access_token"]

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.address + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
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
            continue  # ended meanwhile, or somebody else's
    return found


def addresses(home: str) -> set[str]:
    """Addresses that the processes of a CRM_HOME listen on."""
    return {
        connection.laddr.ip
        for process in processes_of(home)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }


def test_a_run_triggered_in_the_web_ui_publishes_and_nothing_stays_behind(environment: dict[str, str]) -> None:
    settings = load_settings(environment)
    up = subprocess.Popen(
        [sys.executable, "-m", "dags.local.up"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert up.stdout
        said = ""
        while "Ctrl-C ends it" not in said:
            line = up.stdout.readline()
            assert line, said
            said += line
        password = json.loads(password_file(settings).read_text())[USER]
        api = Api(f"http://localhost:{environment['CRM_AIRFLOW_PORT']}", password)
        wait_for(lambda: api.call("/api/v2/dags")["total_entries"] >= 6, 60)
        assert api.call("/api/v2/importErrors")["total_entries"] == 0
        assert not any(dag["is_paused"] for dag in api.call("/api/v2/dags")["dags"])
        assert addresses(environment["CRM_HOME"]) <= {"127.0.0.1", "::1"}
        api.call("/api/v2/dags/extract_cdnow/dagRuns", {"logical_date": None})
        for dag_id in ("extract_cdnow", "build_customers", "export_campaign_lists"):
            wait_for(lambda dag_id=dag_id: api.last_state(dag_id) in ("success", "failed"))
            assert api.last_state(dag_id) == "success", dag_id
        with connect(settings.serving / "current" / "perennial.duckdb", read_only=True) as release:
            customers = release.execute("select count(*) from marts.customer_360 where orders > 0").fetchall()
        assert customers == [(CUSTOMERS,)]
        assert password not in said
        assert password not in (airflow_home(settings) / "logs" / "up.log").read_text(encoding="utf-8")
    finally:
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=120)
    assert up.returncode == 0
    assert processes_of(environment["CRM_HOME"]) == []
