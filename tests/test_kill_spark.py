"""`kill -9` while Spark builds and while its tables are published: readers see whole releases, the next run goes on.

The steps are those of tests/test_kill.py, of the same company, whose first release DuckDB has built. What DuckDB makes
of the second one, and nothing kills, is what Spark's tables must be in the end.
"""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from pipeline.base.duck import connect
from pipeline.base.settings import ROOT, Settings, load_settings
from pipeline.serving.releases import current_release, kept_releases, read_manifest
from pipeline.serving.rollback import check_whole
from tests.support.builds.compared import differences
from tests.support.programs.forked import Forked, ForkServer, fork_server
from tests.test_kill import IMPORTS, SEED, STEP, STEPS, environment, readers

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.spark]
__all__ = ["environment"]
SPARK = {
    "CRM_ENGINE": "spark",
    "CRM_SPARK_MASTER": "local[2]",
    "CRM_MEMORY_GB": "3",
    "CRM_ANNUAL_DISCOUNT_RATE": "0.20",
}
SCHEMAS = ("seeds", "intermediate", "core", "change_tracking", "ops", "features", "parts", "marts")
LONGEST = 1_200  # seconds until a moment
DBT = "pipeline.build.dbt_process.invocation"


@dataclass(frozen=True)
class Moment:
    """When a step is killed: Spark has written so many more tables of a schema.

    Attributes
    ----------
    victim
        A word of the command of the process that is killed; the step's whole process group where it is empty.
    """

    schema: str
    more: int
    victim: str = ""


VIEWS = "views"  # when the views for readers are being written
# Seconds at random, of the step's first ones: while tables are removed, dbt reads the project, Spark starts.
EARLY = 12.0
MOMENTS: dict[str, tuple[Moment | float | str, ...]] = {
    "warehouse": (
        Moment("seeds", 3),
        Moment("features", 1),
        Moment("ops", 2),
        EARLY,
        Moment("intermediate", 20),
        Moment("core", 2, victim="java"),
        Moment("change_tracking", 2),
        Moment("core", 4, victim=DBT),
        VIEWS,
    ),
    "marts": (Moment("parts", 2), EARLY, Moment("marts", 10), VIEWS),
}
PUBLISHERS = 4


def test_readers_see_whole_releases_whenever_spark_is_killed(
    environment: dict[str, str], spark_python: Path, tmp_path: Path
) -> None:
    settings, dice = load_settings({**environment, **SPARK}), random.Random(SEED)
    never_killed = load_settings({**environment, "CRM_HOME": str(tmp_path / "never_killed")})
    with fork_server(IMPORTS, ROOT, tmp_path / "log", environment, spark_python) as server:
        release(server, CRM_ANNUAL_DISCOUNT_RATE="0.10")
        first = current_release(settings)
        shutil.copytree(settings.home, never_killed.home, symlinks=True, ignore=lambda *_: {settings.warehouse.name})
        release(server, CRM_ANNUAL_DISCOUNT_RATE="0.20", CRM_HOME=str(never_killed.home))
        with readers(settings, tmp_path / "stop") as reading:
            for step in STEPS:
                made: dict[Path, int] = {}
                for number, moment in enumerate(MOMENTS.get(step, ())):
                    kill(partial(start, server, step, **SPARK), settings, moment, dice)
                    check_whole(first)
                    assert current_release(settings) == first
                    if step == "marts" and number == 0:  # the next run begins with the steps before
                        start(server, "warehouse", **SPARK).finish()
                    made = made_since(settings, made)
                for _ in range(PUBLISHERS if step == "publish" else 0):
                    start(server, step, **SPARK).kill(dice.uniform(0, 5), with_children=True)
                    check_whole(current_release(settings))
                start(server, step, **SPARK).finish()
                made_since(settings, made)
            assert [reader.poll() for reader in reading] == [None, None], "a reader failed"
    assert current_release(settings) != first
    assert_same_tables(settings, never_killed)
    assert_readable(settings)
    for reader in reading:
        output, _ = reader.communicate()
        assert reader.returncode == 0, output
        assert {0.10} <= {rate for rate, *_ in json.loads(output)["seen"].values()} <= {0.10, 0.20}
    for folder in kept_releases(settings):
        check_whole(folder)
    assert [*settings.home.glob(".tmp-*"), *settings.serving.rglob(".tmp-*")] == []


def start(server: ForkServer, step: str, **environment: str) -> Forked:
    return server.start(STEP.format(action=STEPS[step]), **environment)


def release(server: ForkServer, **environment: str) -> None:
    """Build and publish on DuckDB."""
    for step in STEPS:
        start(server, step, **environment).finish()


def kill(begin: Callable[[], Forked], settings: Settings, moment: Moment | float | str, dice: random.Random) -> None:
    """Start a step and kill it at a moment; there is no warehouse for readers then."""
    if isinstance(moment, float):
        assert begin().kill(dice.uniform(0, moment), with_children=True)
        return
    wanted = len(written(settings, moment.schema)) + moment.more if isinstance(moment, Moment) else 0
    process, ends = begin(), time.monotonic() + LONGEST
    while not has_come(settings, moment, wanted):
        assert time.monotonic() < ends, f"{moment} has not come"
        time.sleep(0.02)
    if isinstance(moment, Moment) and moment.victim:
        kill_child(process, moment.victim)
        assert process.exit_code() == 1
    else:
        assert process.kill(0, with_children=True)
    assert not settings.warehouse.exists()


def has_come(settings: Settings, moment: Moment | str, wanted: int) -> bool:
    if isinstance(moment, Moment):
        return len(written(settings, moment.schema)) >= wanted
    return any(settings.home.glob(f".tmp-*-{settings.warehouse.name}"))


def kill_child(process: Forked, victim: str) -> None:
    """Kill the one process below a step that has a word in its command."""
    below = psutil.Process(process.pid).children(recursive=True)
    alive = [each for each in below if each.status() != psutil.STATUS_ZOMBIE]
    (found,) = [each for each in alive if victim in (each.name(), *each.cmdline())]
    os.kill(found.pid, signal.SIGKILL)


def written(settings: Settings, schema: str = "*") -> list[Path]:
    return list(settings.spark_tables.glob(f"{schema}/*/_SUCCESS"))


def made_since(settings: Settings, made: dict[Path, int]) -> dict[Path, int]:
    """Return the tables that are whole, and when each was written: those there were before, not again."""
    now = {path: path.stat().st_mtime_ns for path in written(settings)}
    assert {path: now.get(path) for path in made} == made
    return now


def assert_same_tables(settings: Settings, never_killed: Settings) -> None:
    ours, theirs = (read_manifest(current_release(each)) for each in (settings, never_killed))
    same = {ours[name]: theirs[name] for name in ("release_id", "input_hash")}  # the engine is one of the inputs
    found = [differences(never_killed.warehouse, settings.spark_tables, schema, same) for schema in SCHEMAS]
    assert "\n".join(str(each) for schema in found for each in schema) == ""


def assert_readable(settings: Settings) -> None:
    """Each view of the warehouse has its files."""
    with closing(connect(settings.warehouse, read_only=True)) as connection:
        views = connection.execute("select schema_name, view_name from duckdb_views() where not internal").fetchall()
        assert {"core", "marts", "ops", "features"} <= {schema for schema, _ in views}
        for schema, name in views:
            connection.execute(f'select count(*) from "{schema}"."{name}"').fetchall()
