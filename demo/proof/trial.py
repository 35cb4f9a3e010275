"""One run of the pipeline on one world: what it published, and the truth beside it, as tables of one connection."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from demo.world.company import UTC_OFFSET
from pipeline.base.errors import UserError

PUBLISHED, CONTACTS, WAREHOUSE = "perennial.duckdb", "contacts.duckdb", "warehouse.duckdb"


@dataclass(frozen=True)
class Trial:
    """A world, a seed and a size, with the home that the pipeline ran in.

    `query` sees `published` (perennial.duckdb), `contacts` (contacts.duckdb), `truth.<name>`, `features` and, where the
    home has it, `warehouse`.
    """

    world: str
    seed: int
    customers: int
    home: Path
    connection: duckdb.DuckDBPyConnection

    def query(self, sql: str, parameters: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return the rows of a query as a frame."""
        return self.connection.execute(sql, parameters or {}).df()

    def value(self, sql: str) -> Any:
        """Return the one value of a query."""
        row = self.connection.execute(sql).fetchone()
        return row[0] if row else None

    def has(self, table: str, *columns: str) -> bool:
        """Whether the release has a table `schema.name` (with these columns, of any rows)."""
        schema, name = table.split(".")
        found = self.connection.execute(
            "select column_name from duckdb_columns() where database_name = 'published'"
            " and schema_name = $1 and table_name = $2",
            [schema, name],
        ).fetchall()
        return bool(found) and set(columns) <= {column for (column,) in found}

    def has_truth(self, name: str) -> bool:
        """Whether the world has this file of truth."""
        return (self.home / "truth" / f"{name}.parquet").is_file()

    @cached_property
    def errors(self) -> float:
        """DEMO_ERRORS of the company."""
        manifest = self.home / "demo" / "manifest.json"
        if not manifest.is_file():
            return 1.0
        return float(json.loads(manifest.read_text(encoding="utf-8"))["options"]["errors"])

    @cached_property
    def as_of(self) -> date:
        """Day that the release describes."""
        day: date = self.value("select max(as_of_date) from published.marts.release")
        return day

    @property
    def end(self) -> datetime:
        """Local midnight (UTC, as times are kept) after the release's day."""
        return datetime.combine(self.as_of, time()) + timedelta(days=1, seconds=-UTC_OFFSET)

    @property
    def features_path(self) -> Path:
        """The feature file of the release's day."""
        return self.home / "features" / f"as_of={self.as_of}.parquet"

    def scores(self, job: str) -> str | None:
        """Return SQL that reads the score file behind the release; None where the job wrote none."""
        folder = self.home / "scores" / job / f"as_of={self.as_of}"
        run = self.value(f"select max(run_id) from published.marts.customer_{job}")
        path = folder / f"run={run}.parquet"
        return f"read_parquet({literal(path)})" if path.is_file() else None

    def decision(self, job: str) -> tuple[bool, str]:
        """Whether a model of the job is published, and the sentence that says why or why not."""
        rows = self.query(
            "select is_published, decision from published.marts.model_runs where job = $job"
            " order by is_published, as_of_date desc, run_id",
            {"job": job},
        )
        if rows.empty:
            return False, f"no model of {job} was trained"
        return bool(rows["is_published"].any()), str(rows["decision"].iloc[0])


def literal(path: Path) -> str:
    """Return a path as a SQL text."""
    return "'" + str(path).replace("'", "''") + "'"


@contextmanager
def open_trial(world: str, seed: int, customers: int, home: Path) -> Iterator[Trial]:
    """Open what a run published and the truth of its world, for reading.

    Raises
    ------
    UserError
        The run has published nothing, or its world has no truth.
    """
    current, truth = home / "serving" / "current", home / "truth"
    needed = (current / PUBLISHED, current / CONTACTS, truth / "records.parquet")
    if missing := [path for path in needed if not path.is_file()]:
        raise UserError(f"{missing[0]} is not there: remove {home} and run `make prove` again.")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set threads = 2")
        connection.execute(f"attach {literal(current / PUBLISHED)} as published (read_only)")
        connection.execute(f"attach {literal(current / CONTACTS)} as contacts (read_only)")
        if (home / WAREHOUSE).is_file():
            connection.execute(f"attach {literal(home / WAREHOUSE)} as warehouse (read_only)")
        connection.execute("create schema truth")
        for path in sorted(truth.glob("[!.]*.parquet")):
            connection.execute(f'create view truth."{path.stem}" as select * from read_parquet({literal(path)})')
        trial = Trial(world, seed, customers, home, connection)
        if trial.features_path.is_file() and pq.ParquetFile(trial.features_path).metadata.num_rows:
            connection.execute(f"create view features as select * from read_parquet({literal(trial.features_path)})")
        else:
            raise UserError(f"{trial.features_path} is not there: remove {home} and run `make prove` again.")
        yield trial
