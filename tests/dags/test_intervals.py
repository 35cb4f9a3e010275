"""The interval of a scheduled source, in a run with a date and in one without."""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from pipeline.base.settings import ROOT, Settings, load_settings
from pipeline.orchestration.airflow_settings import airflow_environment, prepare

RUN = """
import datetime as dt, sys
from airflow.dag_processing.dagbag import DagBag
date = dt.datetime.fromisoformat(sys.argv[2]) if len(sys.argv) > 2 else None
sys.exit(DagBag(sys.argv[1]).dags["extract_shop"].test(logical_date=date).state != "success")
"""
# What a worker gives a task of a run without a date: the standard library's datetime.
END_WITHOUT_A_DATE = """
import datetime as dt
from types import SimpleNamespace
from dags import extract_sources
from pipeline.sources.definitions import load_source
run = SimpleNamespace(run_after=dt.datetime(2024, 3, 31, 10, tzinfo=dt.timezone.utc))
extract_sources.get_current_context = lambda: {"dag_run": run}
print(extract_sources.interval_end(load_source("shop")).isoformat())
"""
ZONE = ZoneInfo("Europe/Berlin")
SHOP = {
    "description": "A shop that writes a file every night.",
    "kind": "files",
    "schedule": "0 0 * * *",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "history": "complete",
    "first_interval_start": "2024-01-01",
    "tables": {
        "sales": {"file": "*.csv", "format": "csv", "load": "append", "key": "position", "event_time": "sold_at"}
    },
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the code with one more source."""
    folder = tmp_path / "project"
    for room in ("pipeline", "dags", "dbt_project"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "shop").mkdir()
    source = {**SHOP, "location": str(tmp_path / "shop")}
    (folder / "dags" / "sources" / "shop.yml").write_text(yaml.safe_dump(source), encoding="utf-8")
    return folder


def in_airflow(project: Path, settings: Settings, program: str, *arguments: str) -> str:
    env = {
        "PATH": os.environ["PATH"],
        **airflow_environment(settings),
        "CRM_SOURCES": "shop",
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "PYTHONPATH": str(project),
    }
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=env, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def extract(project: Path, settings: Settings, *date: str) -> None:
    in_airflow(project, settings, RUN, str(project / "dags"), *date)


def landed_intervals(settings: Settings) -> list[tuple[dt.datetime, dt.datetime]]:
    receipts = [json.loads(path.read_text()) for path in (settings.landing / "shop" / "sales").glob("*.json")]
    keys = ("interval_start", "interval_end")
    return sorted(tuple(dt.datetime.fromisoformat(receipt[key]) for key in keys) for receipt in receipts)  # type: ignore[misc]


def test_a_run_loads_from_the_last_landed_end_to_the_last_complete_interval(project: Path, tmp_path: Path) -> None:
    settings = load_settings({"CRM_HOME": str(tmp_path / "home"), "CRM_SOURCES": "cdnow"})
    prepare(settings)
    sales = tmp_path / "shop"
    (sales / "1.csv").write_text("customer,sold_at,amount\nana,2024-01-02 10:00:00,10.00\n", encoding="utf-8")
    extract(project, settings, "2024-02-01T06:00:00+00:00")
    (sales / "2.csv").write_text("customer,sold_at,amount\nben,2024-03-02 10:00:00,12.00\n", encoding="utf-8")
    before = dt.datetime.now(ZONE).date()
    extract(project, settings)  # as from the command line or an asset: no date at all
    after = dt.datetime.now(ZONE).date()
    (first, second) = landed_intervals(settings)
    assert first == (dt.datetime(2024, 1, 1, tzinfo=ZONE), dt.datetime(2024, 2, 1, tzinfo=ZONE))
    assert second[0] == first[1]
    assert second[1] in [dt.datetime.combine(day, dt.time(), ZONE) for day in (before, after)]


def test_a_run_without_a_date_ends_with_the_last_complete_interval_before_it(project: Path, tmp_path: Path) -> None:
    settings = load_settings({"CRM_HOME": str(tmp_path / "home"), "CRM_SOURCES": "cdnow"})
    prepare(settings)
    said = in_airflow(project, settings, END_WITHOUT_A_DATE)
    assert dt.datetime.fromisoformat(said.splitlines()[-1]) == dt.datetime(2024, 3, 31, tzinfo=ZONE)
