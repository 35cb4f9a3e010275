"""A copy of the project that knows one more source, which a test or a benchmark defines itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.base.settings import ROOT

ROOMS = ("campaigns", "cli", "dags", "dbt_project", "expectations", "mining", "pipeline")


def make_project(folder: Path, source: str, definition: str, staging: dict[str, str]) -> Path:
    """Copy the project and add a source: its yml, and its staging models by entity."""
    project = folder / "project"
    for room in ROOMS:
        shutil.copytree(ROOT / room, project / room, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
    for lock in ("requirements.lock", "requirements-spark.lock"):
        (project / lock).touch()
    (project / "dags" / "sources" / f"{source}.yml").write_text(definition, encoding="utf-8")
    models = project / "dbt_project" / "models" / "staging" / source
    models.mkdir()
    for entity, sql in staging.items():
        (models / f"stg_{source}__{entity}.sql").write_text(sql, encoding="utf-8")
    return project


def run_in(project: Path, program: str, *arguments: str, **env: str | Path) -> str:
    """Run Python in a copy of the project; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), **{name: str(value) for name, value in env.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
