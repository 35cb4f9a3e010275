"""A whole build without Airflow: the same functions as the DAGs, in the same order."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import duckdb

from mining import jobs
from mining.registry import JOBS
from pipeline.audit.frames import marts_frame, open_warehouse
from pipeline.audit.references import references
from pipeline.base.settings import DBT_PROJECT, Settings
from pipeline.build import dbt, features
from pipeline.build.plan import Plan, load_plan, make_plan
from pipeline.campaigns import read_campaigns
from pipeline.campaigns.variables import as_sql
from pipeline.landing import land_source

Step = Callable[[Settings], object]


def build_layers(
    settings: Settings, *layers: str, after_landing: Step | None = None, after_planning: Step | None = None
) -> Plan:
    """Land and build layers of the warehouse; return the plan. `after_landing` may change the landed files."""
    for source in settings.sources:
        land_source(settings, source)
    if after_landing:
        after_landing(settings)
    plan = make_plan(settings)
    if after_planning:
        after_planning(settings)
    dbt.run_layers(settings, *layers)
    if "core" in layers:
        check_keys(settings, plan, ("core.",))
    return plan


def build_core(settings: Settings, *, after_landing: Step | None = None) -> Plan:
    """Land and build up to the star."""
    return build_layers(settings, "staging", "intermediate", "core", after_landing=after_landing)


def build(settings: Settings, *, after_landing: Step | None = None, after_planning: Step | None = None) -> None:
    """Land, build and score; publish nothing."""
    plan = build_layers(settings, *dbt.BEFORE_MINING, after_landing=after_landing, after_planning=after_planning)
    features.export_features(settings)
    jobs.train_models(settings, as_of=plan.as_of, sources=plan.sources)
    scores = [jobs.score(job, settings, as_of=plan.as_of, sources=plan.sources) for job in JOBS]
    dbt.run_layers(settings, "marts", scored=scores)
    check_keys(settings, plan, ("core.", "marts.", "ops."))
    (settings.build / "scores.json").write_text(json.dumps(scores), encoding="utf-8")


def check_keys(settings: Settings, plan: Plan, schemas: tuple[str, ...]) -> None:
    """See that keys and relations of published tables hold, as the gate will."""
    followed = [reference.query() for reference in references() if reference.table.startswith(schemas)]
    with closing(open_warehouse(settings, plan.release_id, plan.as_of)) as connection:
        keys = marts_frame(connection, "marts_grain")
        relations = connection.execute(" union all ".join(followed)).df()
    keys = keys[keys["table_name"].str.startswith(schemas)]
    assert keys["is_there"].all()
    bad_keys = keys[(keys["without_key"] > 0) | (keys["repeated"] > 0)]
    assert bad_keys.empty, bad_keys
    pointing_nowhere = relations[relations["rows_without_parent"] > 0]
    assert pointing_nowhere.empty, pointing_nowhere


def run_unit_tests(settings: Settings) -> subprocess.CompletedProcess[str]:
    """Run the unit tests of all models against a built warehouse; lists are those of winback alone, without arms."""
    scores = json.loads((settings.build / "scores.json").read_text(encoding="utf-8"))
    variables = dbt.build_variables(settings, load_plan(settings), scores)
    winback = read_campaigns()["winback"].model_copy(update={"control_share": Decimal(0)})
    variables["campaigns"] = [as_sql(winback, settings.arm_key)]
    options, environment = dbt.given(settings.build, variables)
    # A unit test reads the variables of the project, and not the file of a build.
    options[1] = json.dumps({**json.loads(options[1]), "campaigns": variables["campaigns"]})
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
            **os.environ,
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
