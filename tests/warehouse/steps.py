"""A whole build without Airflow: the same functions as the DAGs, in the same order."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb

from mining import jobs
from pipeline import dbt, features
from pipeline.landing import land_source
from pipeline.plan import Plan, load_plan, make_plan
from pipeline.settings import DBT_PROJECT, Settings
from tests.support.quick import WITHOUT_UNIT_TESTS

Step = Callable[[Settings], object]


def build_core(settings: Settings, *, after_landing: Step | None = None, after_planning: Step | None = None) -> Plan:
    """Land and build up to the star; return the plan of the build. `after_landing` may change the landed files."""
    for source in settings.sources:
        land_source(settings, source)
    if after_landing:
        after_landing(settings)
    plan = make_plan(settings)
    if after_planning:
        after_planning(settings)
    for layer in ("staging", "intermediate", "core"):
        dbt.run_layer(settings, layer)
    return plan


def build(settings: Settings, *, after_landing: Step | None = None, after_planning: Step | None = None) -> None:
    """Land, build and score; publish nothing."""
    plan = build_core(settings, after_landing=after_landing, after_planning=after_planning)
    dbt.run_layer(settings, "features")
    features.export_features(settings)
    jobs.train_models(settings, as_of=plan.as_of, sources=plan.sources)
    scores = [
        jobs.score_segments(settings, as_of=plan.as_of),
        jobs.score_clv(settings, as_of=plan.as_of, sources=plan.sources),
        jobs.score_churn(settings, as_of=plan.as_of, sources=plan.sources),
    ]
    dbt.run_layer(settings, "marts", scores)
    (settings.build / "scores.json").write_text(json.dumps(scores), encoding="utf-8")


def run_unit_tests(settings: Settings) -> subprocess.CompletedProcess[str]:
    """Run the unit tests of all models against a built warehouse."""
    scores = json.loads((settings.build / "scores.json").read_text(encoding="utf-8"))
    options, environment = dbt.given(settings.build, dbt.build_variables(settings, load_plan(settings), scores))
    return subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "test", "--select", "test_type:unit"),
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *(
                "--target-path",
                str(settings.home / "dbt" / "target"),
                "--log-path",
                str(settings.home / "dbt" / "logs"),
            ),
            *options,
        ],
        env={
            **{name: value for name, value in os.environ.items() if name not in WITHOUT_UNIT_TESTS},
            **environment,
            "CRM_HOME": str(settings.home),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def marts(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the marts that were built, without the one-row table that names the release."""
    rows = connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'marts' order by 1"
    ).fetchall()
    return [name for (name,) in rows if name != "release"]
