"""A till that sends files: a source of its own, in a copy of the project."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.support.builds.project import make_project, run_in

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
