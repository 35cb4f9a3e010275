"""A copy of the project that knows one more source, which a test defines itself; a till, for one, that sends files."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.settings import ROOT

SOURCE = """\
description: A till that sends a file a day.
kind: files
location: ${TILL}
schedule: none
currency: EUR
time_zone: Europe/Berlin
history: complete
first_interval_start: 2024-03-01
tables:
"""
ROOMS = ("dags", "dbt_project", "expectations", "mining", "pipeline")


def make_project(folder: Path, source: str, definition: str, staging: dict[str, str]) -> Path:
    """Copy the project and add a source: its yml, and its staging models by entity."""
    project = folder / "project"
    for room in ROOMS:
        shutil.copytree(ROOT / room, project / room, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
    (project / "requirements.lock").touch()
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


@dataclass(frozen=True)
class Till:
    """The project, the folder that the till delivers to, and the home of its warehouse."""

    project: Path
    folder: Path
    home: Path

    def write(self, name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Deliver a CSV file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    def run(self, program: str) -> None:
        """Run Python in the project."""
        run_in(self.project, program, TILL=self.folder, CRM_HOME=self.home, CRM_SOURCES="till")

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Query the warehouse."""
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()


def make_till(folder: Path, tables: str, staging: dict[str, str]) -> Till:
    """Copy the project and add the till: the `tables` of its yml, and its staging models by entity."""
    project = make_project(folder, "till", SOURCE + tables, staging)
    return Till(project, folder / "till", folder / "home")
