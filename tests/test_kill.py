"""A run that is killed leaves what is published whole, and the next one succeeds."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.duck import connect
from pipeline.settings import ROOT

pytestmark = pytest.mark.slow
KILLS = 10
SEED = 20240531
CUSTOMERS, SALES = 23_570, "2500315.6300"

READER = '''
import sys, time
from pathlib import Path
import duckdb
database, stop = sys.argv[1], Path(sys.argv[2])
SQL = """
    select count(distinct customer_id), sum(net_sales)::varchar, (select count(*) from marts.release)
    from core.fct_order
"""
first = duckdb.connect(database, read_only=True)
while not stop.exists():
    with duckdb.connect(database, read_only=True) as now:
        for connection in (first, now):
            print(*connection.execute(SQL).fetchone())
    time.sleep(0.2)
'''


@pytest.fixture
def environment(tmp_path: Path, data_dir: Path) -> dict[str, str]:
    shutil.copytree(data_dir / "cdnow", tmp_path / "data" / "cdnow")
    return {
        **os.environ,
        "CRM_HOME": str(tmp_path / "home"),
        "CRM_DATA": str(tmp_path / "data"),
        "CRM_SOURCES": "cdnow",
    }


def start(environment: dict[str, str], rate: str) -> subprocess.Popen[str]:
    """Start `make run` under a discount rate of its own, so that there is something new to publish."""
    return subprocess.Popen(
        [sys.executable, "-m", "dags.local.run"],
        cwd=ROOT,
        env={**environment, "CRM_ANNUAL_DISCOUNT_RATE": rate},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(environment: dict[str, str], rate: str) -> float:
    began = time.monotonic()
    run = start(environment, rate)
    output, _ = run.communicate()
    assert run.returncode == 0, output
    return time.monotonic() - began


@pytest.fixture
def reader(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that reads the published file again and again, also through the connection that it opened first."""
    finish(environment, "0.10")
    database = Path(environment["CRM_HOME"]) / "serving" / "current" / "perennial.duckdb"
    stop = tmp_path / "stop"
    with (tmp_path / "reads").open("w") as output:
        process = subprocess.Popen([sys.executable, "-c", READER, database, stop], stdout=output, text=True)
    yield process
    stop.touch()
    process.wait()


def assert_whole(home: Path) -> None:
    """The published release is what its manifest says."""
    folder = (home / "serving" / "current").resolve()
    manifest = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert manifest["release_id"] == folder.name
    with connect(folder / "perennial.duckdb", read_only=True) as release:
        for table, content in manifest["tables"].items():
            rows = release.execute(f"select count(*) from {table}").fetchall()[0][0]
            assert rows == content["rows"], table


def test_ten_kills_leave_the_published_file_whole(
    environment: dict[str, str], reader: subprocess.Popen[str], tmp_path: Path
) -> None:
    home = Path(environment["CRM_HOME"])
    seconds = finish(environment, "0.11")
    moments = random.Random(SEED)
    for number in range(KILLS):
        run = start(environment, f"0.{12 + number}")
        time.sleep(moments.uniform(0.5, seconds))
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert_whole(home)
        assert reader.poll() is None
    finish(environment, "0.30")
    assert_whole(home)
    (tmp_path / "stop").touch()
    assert reader.wait() == 0
    reads = set((tmp_path / "reads").read_text(encoding="utf-8").splitlines())
    assert reads == {f"{CUSTOMERS} {SALES} 1"}
    assert [path.name for path in (home / "serving" / "releases").iterdir() if path.name.startswith(".tmp-")] == []
