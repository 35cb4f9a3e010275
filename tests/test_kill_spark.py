"""`kill -9` while Spark builds and while its tables are published: readers see whole releases, the next run repairs.

The steps are those of tests/test_kill.py, of the same company, whose first release DuckDB has built.
"""

import json
import random
import time
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.base.duck import connect
from pipeline.base.settings import ROOT, Settings, load_settings
from pipeline.serving.releases import current_release, kept_releases
from pipeline.serving.rollback import check_whole
from tests.support.programs.forked import Forked, fork_server
from tests.test_kill import IMPORTS, RUN, SEED, STEP, STEPS, environment, readers

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.spark]
__all__ = ["environment"]
# A step is killed when Spark has written so many tables of a schema.
MOMENTS = {"warehouse": (("seeds", 3), ("intermediate", 20), ("core", 10)), "marts": (("marts", 10),)}
PUBLISHERS = 4
LONGEST = 1_200  # seconds until such a moment
SPARK = {
    "CRM_ENGINE": "spark",
    "CRM_SPARK_MASTER": "local[2]",
    "CRM_MEMORY_GB": "3",
    "CRM_ANNUAL_DISCOUNT_RATE": "0.20",
}


def test_readers_see_whole_releases_whenever_spark_is_killed(
    environment: dict[str, str], spark_python: Path, tmp_path: Path
) -> None:
    settings, dice = load_settings({**environment, **SPARK}), random.Random(SEED)
    with fork_server(IMPORTS, ROOT, tmp_path / "log", environment, spark_python) as server:

        def start(step: str) -> Forked:
            return server.start(STEP.format(action=STEPS[step]), **SPARK)

        server.start(RUN, CRM_ANNUAL_DISCOUNT_RATE="0.10").finish()
        first = current_release(settings)
        with readers(settings, tmp_path / "stop") as reading:
            for step in STEPS:
                for schema, tables in MOMENTS.get(step, ()):
                    kill_when(start(step), settings, schema, tables)
                    assert current_release(settings) == first
                    assert not settings.warehouse.exists()
                if step == "publish":
                    for _ in range(PUBLISHERS):
                        start(step).kill(dice.uniform(0, 5), with_children=True)
                        check_whole(current_release(settings))
                start(step).finish()
            assert [reader.poll() for reader in reading] == [None, None], "a reader failed"
    assert current_release(settings) != first
    assert_readable(settings)
    for reader in reading:
        output, _ = reader.communicate()
        assert reader.returncode == 0, output
        assert {rate for rate, *_ in json.loads(output)["seen"].values()} <= {0.10, 0.20}
    for folder in kept_releases(settings):
        check_whole(folder)
    assert list(settings.serving.rglob(".tmp-*")) == []


def kill_when(process: Forked, settings: Settings, schema: str, tables: int) -> None:
    """Kill a step, dbt and Spark with it, when a schema has so many whole tables that this step has written."""
    ends = time.monotonic() + LONGEST
    while len(list(settings.spark_tables.glob(f"{schema}/*/_SUCCESS"))) < tables:
        assert time.monotonic() < ends, f"{schema} has no {tables} tables"
        time.sleep(0.1)
    assert process.kill(0, with_children=True)


def assert_readable(settings: Settings) -> None:
    """Each view of the warehouse has its files."""
    with closing(connect(settings.warehouse, read_only=True)) as connection:
        views = connection.execute("select schema_name, view_name from duckdb_views() where not internal").fetchall()
        assert {"core", "marts", "ops", "features"} <= {schema for schema, _ in views}
        for schema, name in views:
            connection.execute(f'select count(*) from "{schema}"."{name}"').fetchall()
