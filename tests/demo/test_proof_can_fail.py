"""The proof can fail: more errors in the records, and a look into the future in a feature, show in the table."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.settings import CODE_FOLDERS, LIBRARIES, ROOT
from tests.support.builds.quick import TABLES_ONLY
from tests.support.programs.perennial import PERENNIAL

pytestmark = pytest.mark.slow
CUSTOMERS = "1200"
RECALL = "identity: recall of all pairs"
FEATURES = "features: customers that differ"
NEVER_COPIED = shutil.ignore_patterns("__pycache__", "target", "logs")
# A purchase of the day after counts as one of the as-of day: what a time zone that is applied twice does.
LEAK = {
    "        measured.*,\n": "        measured.* replace (least(order_date, as_of_date) as order_date),\n",
    "measured.order_date <= feature_dates.as_of_date": (
        "measured.order_date <= feature_dates.as_of_date + interval 1 day"
    ),
}


def prove(project: Path, home: Path, world: str, *options: str, **env: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run `perennial prove` of a project; return the exit code and the rows of prove.json by measure."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("CRM_", "DEMO_", "AIRFLOW_"))}
    done = subprocess.run(
        [PERENNIAL, "prove", "--worlds", world, "--customers", CUSTOMERS, *options],
        cwd=project,
        env={**kept, "PYTHONPATH": str(project), "CRM_HOME": str(home), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    results = home / "prove.json"
    assert results.is_file(), done.stdout + done.stderr
    return done.returncode, {row["measure"]: row for row in json.loads(results.read_text(encoding="utf-8"))}


def test_more_errors_in_the_records_lower_the_recall(tmp_path: Path) -> None:
    _, usual = prove(ROOT, tmp_path / "1", "retail", "--identity", DEMO_ERRORS="1")
    _, more = prove(ROOT, tmp_path / "3", "retail", "--identity", DEMO_ERRORS="3")
    assert usual[RECALL]["recovered"] > more[RECALL]["recovered"] + 0.05
    assert usual[RECALL]["ok"] is True


def test_one_day_of_leakage_shows(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for folder in (*CODE_FOLDERS, "demo"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=NEVER_COPIED)
    shutil.copy(LIBRARIES, copy)
    models = copy / "dbt_project" / "models" / "features"
    model = models / "feature_purchases.sql"
    sql = model.read_text(encoding="utf-8")
    for honest, leaking in LEAK.items():
        assert sql.count(honest) == 1
        sql = sql.replace(honest, leaking)
    model.write_text(sql, encoding="utf-8")
    # dbt's own tests would stop the build before anything is published.
    code, rows = prove(copy, tmp_path / "home", "clean", **TABLES_ONLY)
    assert code == 1
    assert rows[FEATURES]["ok"] is False
    assert rows[FEATURES]["recovered"] > 0
    assert rows["features: purchases not in facts"]["ok"] is True
