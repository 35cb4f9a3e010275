"""What `make run` takes: from an empty CRM_HOME, with a day more, and with nothing new; and a query on the release.

The demo company is made, as by `make run`. Where it was deleted, the active sources are run, and no day is added.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rows import at_most
from pipeline.base.settings import ROOT
from pipeline.serving.releases import DATABASE

QUERY = "from marts.customer_360 order by clv_total desc limit 10"
HAS_DEMO = (ROOT / "demo" / "command.py").is_file()
PERENNIAL = str(Path(sys.executable).with_name("perennial"))
MAKE_RUN = [*([[PERENNIAL, "demo", "ensure"]] if HAS_DEMO else []), [PERENNIAL, "data", "--active"], [PERENNIAL, "run"]]
NEXT_DAY = "2026-01-01"


def run() -> list[dict[str, Any]]:
    """Measure in a temporary CRM_HOME. The bounds are of a machine with two cores that does nothing else."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as home:
        database = Path(home) / "serving" / "current" / DATABASE
        code = f"import duckdb; duckdb.connect({str(database)!r}, read_only=True).execute({QUERY!r}).fetchall()"
        rows = [_seconds("flow.first_run", MAKE_RUN, home, bound=97)]
        if HAS_DEMO:
            rows.append(_seconds("flow.next_day", MAKE_RUN, home, bound=45, DEMO_UNTIL=NEXT_DAY))
        rows.append(_seconds("flow.unchanged_run", MAKE_RUN, home, bound=15, DEMO_UNTIL=NEXT_DAY))
        rows.append(_seconds("serving.open_and_query", [[sys.executable, "-c", code]], home, bound=2))
        return rows


def _seconds(name: str, commands: list[list[str]], home: str, *, bound: float, **env: str) -> dict[str, Any]:
    started = time.perf_counter()
    demo = {"CRM_SOURCES": "demo_*"} if HAS_DEMO else {}
    for command in commands:
        environment = {**os.environ, **demo, **env, "CRM_HOME": home}
        subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return at_most(bound, name, time.perf_counter() - started, "s")
