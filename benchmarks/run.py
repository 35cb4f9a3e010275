"""`make run` from an empty CRM_HOME, and again with nothing new; then a BI query on what it published."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measurement import Measurement, seconds
from pipeline.releases import DATABASE
from pipeline.settings import ROOT, Settings

FIRST_SECONDS, SECOND_SECONDS, QUERY_SECONDS = 300, 90, 1
QUERY = "from marts.customer_360 order by clv_total desc limit 10"


def measure(settings: Settings) -> Iterator[Measurement]:
    """Measure the active sources."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as home:
        environment = {**os.environ, "CRM_HOME": home, "CRM_SOURCES": ",".join(settings.sources)}

        def run() -> None:
            command = [sys.executable, "-m", "dags.local.run"]
            subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)

        yield Measurement("run.first", seconds(run), "s", FIRST_SECONDS, "make clean run")
        yield Measurement("run.unchanged", seconds(run), "s", SECOND_SECONDS, "make run")
        yield Measurement("serving.query", seconds(lambda: query(Path(home))), "s", QUERY_SECONDS, QUERY)


def query(home: Path) -> None:
    """Open the release in a process of its own, as a BI tool does, and read ten customers."""
    database = home / "serving" / "current" / DATABASE
    code = f"import duckdb; duckdb.connect({str(database)!r}, read_only=True).execute({QUERY!r}).fetchall()"
    subprocess.run([sys.executable, "-c", code], check=True)
