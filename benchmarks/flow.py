"""The whole flow of the active sources: from an empty CRM_HOME, again with nothing new, and a query on the release."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rows import at_most
from pipeline.releases import DATABASE
from pipeline.settings import ROOT

QUERY = "from marts.customer_360 order by clv_total desc limit 10"
MAKE_RUN = [sys.executable, "-m", "dags.local.run"]


def run() -> list[dict[str, Any]]:
    """Measure in a temporary CRM_HOME."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as home:
        database = Path(home) / "serving" / "current" / DATABASE
        code = f"import duckdb; duckdb.connect({str(database)!r}, read_only=True).execute({QUERY!r}).fetchall()"
        return [
            _seconds("flow.first_run", MAKE_RUN, home, bound=300),
            _seconds("flow.unchanged_run", MAKE_RUN, home, bound=90),
            _seconds("serving.open_and_query", [sys.executable, "-c", code], home, bound=2),
        ]


def _seconds(name: str, command: list[str], home: str, *, bound: float) -> dict[str, Any]:
    started = time.perf_counter()
    environment = {**os.environ, "CRM_HOME": home}
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return at_most(bound, name, time.perf_counter() - started, "s")
