"""Spark behind a Thrift server: what a connection means, whose tables it reads, and the demo company's warehouse."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from pipeline.base.settings import DBT_PROJECT, Settings, load_settings
from pipeline.build.dbt_process.failures import read_results
from pipeline.build.dbt_process.process import INVOCATION
from pipeline.build.spark.server import schema_prefix
from tests.support.builds.company import SCHEMAS, built_by_both, unlike
from tests.support.programs.thrift_server import thrift_server

pytestmark = [pytest.mark.slow, pytest.mark.spark]

PROJECT = """
name: perennial
profile: perennial
config-version: 2
macro-paths: [macros]
models:
  +materialized: table
"""
MODELS = {
    # `"said"` is a name, and `''` in a text is a quote; a timestamp has no zone.
    "first.sql": """
{{ config(schema='core') }}
select cast('{{ var("said") }}' as string) as "said", 'it''s' as quote, timestamp '2026-03-29 02:30:00' as moment
""",
    "staging/seen.sql": "{{ config(schema='staging', materialized='view') }}\nselect * from {{ ref('first') }}",
    "made.py": """
def model(dbt, session):
    dbt.config(schema="core")
    return dbt.ref("first").project("said, moment, 1.50::decimal(18, 2) as amount")
""",
    "last.sql": """
{{ config(schema='marts') }}
select made.said, made.amount, seen.quote, typeof(seen.moment) as kind
from {{ ref('made') }} as made inner join {{ ref('seen') }} as seen on made.said = seen.said
""",
    "later.sql": "{{ config(schema='marts') }}\nselect said from {{ ref('made') }}",
}


@pytest.fixture(scope="module")
def address(spark_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server, which all tests of this file share, as homes do."""
    with thrift_server(spark_python, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of five models, with the macros and the profile of ours."""
    folder = tmp_path / "project"
    (folder / "models" / "staging").mkdir(parents=True)
    (folder / "macros").symlink_to(DBT_PROJECT / "macros")
    (folder / "profiles.yml").symlink_to(DBT_PROJECT / "profiles.yml")
    (folder / "dbt_project.yml").write_text(PROJECT, encoding="utf-8")
    for name, text in MODELS.items():
        (folder / "models" / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def build(spark_python: Path, project: Path, address: str) -> Callable[..., dict[str, str]]:
    """Build models in a process of dbt without Java; return the status of each."""

    def run(home: Path, said: str, *models: str) -> dict[str, str]:
        settings = settings_of(home, address)
        options = ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(home / "target")]
        options += ["--vars", json.dumps({"said": said})]
        results = home / "results.json"
        arguments = ["build", "--select", *models, *options]
        command = {"arguments": arguments, "environment": {}, "results": str(results)}
        environment = {
            **{name: value for name, value in os.environ.items() if name != "PATH"},
            "PATH": str(spark_python.parent),
            "JAVA_HOME": "/nowhere",
            "CRM_HOME": str(home),
            "CRM_ENGINE": "spark",
            "CRM_SPARK_MASTER": address,
            "CRM_SCHEMA_PREFIX": schema_prefix(settings),
        }
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [spark_python, "-P", "-m", INVOCATION, *options],
            cwd=project, env=environment, input=json.dumps(command), capture_output=True, text=True, check=False,
        )  # fmt: skip
        print(done.stdout)
        assert results.exists(), done.stderr
        return {result["unique_id"].rpartition(".")[2]: result["status"] for result in read_results(results)}

    return run


def settings_of(home: Path, address: str) -> Settings:
    return load_settings({"CRM_HOME": str(home), "CRM_ENGINE": "spark", "CRM_SPARK_MASTER": address})


def rows(home: Path, table: str) -> list[tuple[object, ...]]:
    return duckdb.sql(f"from read_parquet('{home}/warehouse/{table}/*.parquet')").fetchall()


def test_each_home_reads_its_own_tables_as_they_are(build: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    everything = ("first", "seen", "made", "last")
    for home in (ours, theirs):
        assert build(home, home.name, *everything) == dict.fromkeys(everything, "success")
    assert not (ours / "warehouse" / "staging").exists()  # views, of one process
    assert [str(value) for value in rows(ours, "marts/last")[0]] == ["ours", "1.50", "it's", "timestamp_ntz"]

    # Of another build: a folder that was rewritten is read as it is, though the server knows the one before.
    duckdb.sql(
        "copy (select 'rewritten' as said, null::timestamp as moment, 1.50::decimal(18, 2) as amount) "
        f"to '{ours}/warehouse/core/made/part-00000.parquet'"
    )
    assert build(ours, "ours", "later") == {"later": "success"}
    assert rows(ours, "marts/later") == [("rewritten",)]

    # What a killed build has left half written is no table, until it is built again.
    (ours / "warehouse" / "core" / "made" / "_SUCCESS").unlink()
    shutil.rmtree(ours / "warehouse" / "marts" / "later")
    assert build(ours, "ours", "later") == {"later": "error"}
    assert build(ours, "ours", "made", "later") == {"made": "success", "later": "success"}
    assert rows(ours, "marts/later") == [("ours",)]


@pytest.mark.long
def test_every_table_of_the_company_has_the_same_rows(
    spark_python: Path, address: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    homes = built_by_both(spark_python, tmp_path_factory, CRM_SPARK_MASTER=address)
    assert {schema: unlike(homes, schema) for schema in SCHEMAS} == dict.fromkeys(SCHEMAS, "")
