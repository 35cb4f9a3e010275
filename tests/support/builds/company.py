"""A company's warehouse on each engine, from the same landing, and what differs between the two."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.base.settings import ROOT
from tests.support.builds.compared import differences

ENGINES = ("duckdb", "spark")
SCHEMAS = ("seeds", "intermediate", "core", "change_tracking", "ops", "features", "parts", "marts")
SMALL = {"CRM_SOURCES": "demo_*", "DEMO_CUSTOMERS": "300"}
LIMITS = {"CRM_SPARK_MASTER": "local[2]", "CRM_MEMORY_GB": "3"}
# What follows from the company's files alone.
LANDED = ("demo", "landing", "truth")


@dataclass(frozen=True)
class Home:
    """A home in which the company was built, and what the run has printed."""

    folder: Path
    printed: str


def built_by_both(
    python: Path, folders: pytest.TempPathFactory, company: Mapping[str, str] = SMALL, **of_spark: str
) -> dict[str, Home]:
    """Build a company on each engine; return the homes.

    Parameters
    ----------
    python
        One that has Spark.
    folders
        Makes the homes.
    company
        Environment variables of both builds.
    **of_spark
        More of them, of the build on Spark.
    """
    perennial, first, second = python.with_name("perennial"), *(folders.mktemp(engine) for engine in ENGINES)
    given = {**LIMITS, **company}
    _run([perennial, "demo", "ensure"], given, CRM_HOME=str(first))
    printed = _run([perennial, "run"], given, CRM_HOME=str(first))
    for folder in LANDED:
        if (first / folder).exists():
            shutil.copytree(first / folder, second / folder)
    other = _run([perennial, "run"], {**given, **of_spark}, CRM_HOME=str(second), CRM_ENGINE="spark")
    return dict(zip(ENGINES, (Home(first, printed), Home(second, other)), strict=True))


def unlike(homes: Mapping[str, Home], schema: str) -> str:
    """Say which tables of a schema differ, and how: nothing where none does."""
    ours, theirs = (homes[engine].folder for engine in ENGINES)
    releases = [json.loads((each / "serving/current/release.json").read_text()) for each in (theirs, ours)]
    # The engine is one of the inputs of a release.
    same = {releases[0][name]: releases[1][name] for name in ("release_id", "input_hash")}
    return "\n".join(map(str, differences(ours / "warehouse.duckdb", theirs / "warehouse", schema, same)))


def _run(words: list[str | Path], given: Mapping[str, str], **env: str) -> str:
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **given, **env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout
