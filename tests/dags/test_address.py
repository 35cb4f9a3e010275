"""Tasks of Airflow where the home is at an address: each fetches what it needs, and brings back what it has made."""

import json
import os
import subprocess
import sys
from pathlib import Path

from pipeline.base.settings import ROOT
from tests.support.programs.bucket import NAME, install

TASK = """
from pipeline.base.files import write_text
from pipeline.orchestration.tasks import landing_step

@landing_step
def land(settings, source):
    write_text(settings.landing / source / "{name}.json", "landed {name}")

land("cdnow")
"""


def test_a_load_is_brought_to_the_address_and_found_by_the_next_one(tmp_path: Path) -> None:
    paths = (ROOT, install(tmp_path / "installed"))
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "AIRFLOW_HOME": str(tmp_path),
        "CRM_HOME": f"{NAME}://shop",
        "CRM_SOURCES": "cdnow",
        "BUCKET_FOLDER": str(tmp_path / "buckets"),
    }
    for name in ("before", "after"):
        done = subprocess.run(
            [sys.executable, "-c", TASK.format(name=name)],
            env={**env, "CRM_WORK": str(tmp_path / name)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    home = json.loads(max((tmp_path / "buckets" / "shop" / "home").iterdir()).read_text())
    assert set(home["files"]) == {"landing/cdnow/before.json", "landing/cdnow/after.json"}
