"""Portable: `perennial run` on Spark builds the tables of the demo company with the rows that DuckDB's have."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.base.settings import ROOT
from tests.support.builds.compared import differences

pytestmark = [pytest.mark.slow, pytest.mark.spark]
COMPANY = {"CRM_SOURCES": "demo_*", "DEMO_CUSTOMERS": "300", "CRM_SPARK_MASTER": "local[2]", "CRM_MEMORY_GB": "3"}
SCHEMAS = ("seeds", "intermediate", "core", "change_tracking", "ops", "features", "parts", "marts")
# What follows from the company's files alone.
LANDED = ("demo", "landing", "truth")


def run(words: list[str | Path], **env: str) -> str:
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **COMPANY, **env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def homes(spark_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The company's warehouse on each engine, from the same landing."""
    perennial = spark_python.with_name("perennial")
    homes = {engine: tmp_path_factory.mktemp(engine) for engine in ("duckdb", "spark")}
    run([perennial, "demo", "ensure"], CRM_HOME=str(homes["duckdb"]))
    run([perennial, "run"], CRM_HOME=str(homes["duckdb"]))
    for folder in LANDED:
        shutil.copytree(homes["duckdb"] / folder, homes["spark"] / folder)
    run([perennial, "run"], CRM_HOME=str(homes["spark"]), CRM_ENGINE="spark")
    return homes


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_table_has_the_same_rows(homes: dict[str, Path], schema: str) -> None:
    releases = [json.loads((homes[each] / "serving/current/release.json").read_text()) for each in ("spark", "duckdb")]
    # The engine is one of the inputs of a release.
    same = {releases[0][name]: releases[1][name] for name in ("release_id", "input_hash")}
    found = differences(homes["duckdb"] / "warehouse.duckdb", homes["spark"] / "warehouse", schema, same)
    assert "\n".join(map(str, found)) == ""
