"""Expressions of the project's macros, evaluated on both engines over the same values."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from pipeline.base.duck import quote_literal
from pipeline.base.settings import ROOT
from pipeline.build.macros import macros
from pipeline.build.spark.session import MEANING

Said = dict[str, Callable[..., Any]]
Expressions = Callable[[Said], Mapping[str, str]]
PROGRAM = ROOT / "tests" / "support" / "programs" / "spark_evaluate.py"
SMALL = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
}


def different(
    python: Path, folder: Path, relations: Mapping[str, tuple[str, Expressions]], files: list[str], **variables: Any
) -> list[str]:
    """Say where the engines differ: relation, expression, the row, and what each of them makes of it.

    Parameters
    ----------
    python
        One that has pyspark.
    folder
        Where the Parquet files of values and results are written.
    relations
        By name: a query of DuckDB for the values, with a unique column `id`, and the expressions over its columns by
        name, which are given the macros of an engine.
    files
        The files of macros that the expressions call.
    **variables
        Variables of dbt.
    """
    queries = []
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for name, (values, expressions) in relations.items():
            path = str(folder / f"{name}.parquet")
            connection.execute(f"copy ({values}) to {quote_literal(path)}")
            connection.execute(f"create view {name} as from {quote_literal(path)}")
            by_engine = {
                engine: expressions(macros(*files, engine=engine, **variables)) for engine in ("default", "spark")
            }
            selects = {
                engine: f"select id, {', '.join(f'{sql} as {column}' for column, sql in found.items())} from {name}"
                for engine, found in by_engine.items()
            }
            connection.execute(f"create table duckdb_{name} as {selects['default']}")
            queries.append({"views": {name: path}, "sql": selects["spark"], "into": str(folder / f"spark_{name}")})
        told = folder / "told.json"
        told.write_text(json.dumps({"settings": {**MEANING, **SMALL}, "queries": queries}), encoding="utf-8")
        done = subprocess.run(
            [python, PROGRAM, told], capture_output=True, text=True, check=False, env=_environment(folder)
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return [line for name in relations for line in _compared(connection, folder, name)]


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "SPARK_LOCAL_DIRS": str(folder / "local")}


def _compared(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> list[str]:
    spark = f"read_parquet({quote_literal(str(folder / f'spark_{name}' / '*.parquet'))})"
    columns = [row[0] for row in connection.execute(f"describe duckdb_{name}").fetchall() if row[0] != "id"]
    found = []
    for column in columns:
        rows = connection.execute(
            f"select {name}, one.{column}, other.{column} from duckdb_{name} as one join {spark} as other using (id) "
            f"join {name} using (id) where one.{column} is distinct from other.{column} order by id"
        ).fetchall()
        found += [f"{name}.{column}: {row}: DuckDB {one!r}, Spark {other!r}" for row, one, other in rows]
    return found
