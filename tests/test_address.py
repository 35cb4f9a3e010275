"""A company whose home is at an address, on machines whose disks do not last: its run is killed, and others go on."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.base.settings import ROOT
from tests.support.builds.project import make_project
from tests.support.builds.quick import TABLES_ONLY
from tests.support.programs.bucket import NAME, install
from tests.support.programs.perennial import PERENNIAL
from tests.test_thin_company import DEFINITION, LINES, ORDERS, RETURNS, STAGING, Kiosk, staging

pytestmark = pytest.mark.slow
# Before this write the first run is killed: it has landed, built and published on its disk, and is sending files.
KILLED_AT = 25
Done = subprocess.CompletedProcess[str]


@pytest.fixture
def on(tmp_path: Path) -> Callable[..., Done]:
    """Return what does a command of the kiosk on a machine."""
    models = {entity: staging(*described) for entity, described in STAGING.items()}
    project = make_project(tmp_path, "kiosk", DEFINITION, models)
    kiosk = Kiosk(project, tmp_path / "files", tmp_path / "home")
    kiosk.folder.mkdir()
    kiosk.deliver("orders.csv", ["order_id", "who", "currency", "at"], ORDERS)
    kiosk.deliver("lines.csv", ["order_id", "line", "kind", "amount"], LINES)
    kiosk.deliver("returns.csv", ["return_id", "order_id", "currency", "amount", "at"], RETURNS)
    kiosk.deliver("rates.csv", ["day", "rate"], [("2024-01-01", "0.13")])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "AIRFLOW_"))}
    paths = (project, install(tmp_path / "installed"), ROOT)

    def command(machine: str, *words: str, **env: str) -> Done:
        given = {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "KIOSK": str(kiosk.folder),
            "CRM_HOME": f"{NAME}://kiosk",
            "CRM_WORK": str(tmp_path / machine),
            "CRM_SOURCES": "kiosk",
            "BUCKET_FOLDER": str(tmp_path / "buckets"),
        }
        return subprocess.run(
            [PERENNIAL, *words],
            cwd=project,
            env={**kept, **TABLES_ONLY, **given, **env},
            capture_output=True,
            text=True,
            check=False,
        )

    return command


def released(folder: Path) -> str:
    """The release that a machine's readers see."""
    (current,) = folder.glob("*/serving/current")
    return str(json.loads((current / "release.json").read_text())["release_id"])


def test_a_killed_run_is_gone_on_with_and_another_machine_finds_it_done(on: Callable[..., Done], tmp_path: Path):
    killed = on("one", "run", BUCKET_KILL=str(KILLED_AT))
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    assert list((tmp_path / "buckets" / "kiosk" / "home").glob("*")) == []
    nothing = on("reader", "lists", "check", "winback")
    assert nothing.returncode == 2
    assert "Nothing is published yet" in nothing.stderr
    again = on("one", "run")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "dbt_warehouse" not in again.stdout  # what had been built was brought
    other = on("two", "run")
    assert other.returncode == 0, other.stdout + other.stderr
    assert "dbt_warehouse" not in other.stdout
    assert released(tmp_path / "two") == released(tmp_path / "one")
    bucket = tmp_path / "buckets" / "kiosk"
    assert list(bucket.glob(f"serving/releases/{released(tmp_path / 'two')}/parquet/marts/*.parquet"))
    assert not list(bucket.rglob("*warehouse.duckdb*"))
    accepted = on("three", "accept", "--load", "kiosk.lines")
    assert accepted.returncode == 0, accepted.stderr
    assert list((bucket / "landing" / "_ledger" / "accepted").glob("kiosk.lines.*.json"))
