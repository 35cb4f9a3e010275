"""Rules for all DAGs: what there is, who owns it, what to do when it fails."""

import ast
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mining.registry import JOBS
from pipeline.base.settings import ROOT

BUILD_STEPS = [
    "check_inputs",
    "audit_landing",
    "dbt_warehouse",
    "export_features",
    "ensure_models",
]
ACTIVE = "cdnow,complete_journey"
SCORES = sorted(f"score_{job}" for job in JOBS)
Describe = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def bag(describe_dags: Describe) -> dict[str, Any]:
    return describe_dags(CRM_SOURCES=ACTIVE)


@pytest.fixture(scope="module")
def dags(bag: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bag["dags"]
    return found


def test_there_are_no_import_errors(bag: dict[str, Any]) -> None:
    assert bag["import_errors"] == {}


def test_exactly_these_dags_exist(dags: dict[str, Any]) -> None:
    extracts = {"extract_cdnow", "extract_complete_journey"}
    assert set(dags) == extracts | {"build_customers", "train_models", "export_campaign_lists"}


def test_a_source_that_is_not_active_has_no_dag(describe_dags: Describe) -> None:
    for sources in ("cdnow", "complete_journey", "cdnow,online_retail_ii"):
        found = {name for name in describe_dags(CRM_SOURCES=sources)["dags"] if name.startswith("extract_")}
        assert found == {f"extract_{name}" for name in sources.split(",")}


def test_each_dag_has_a_runbook_a_tier_and_one_run_at_a_time(dags: dict[str, Any]) -> None:
    for dag_id, dag in dags.items():
        for heading in ("**Purpose.**", "**Produces.**", "**If it fails.**"):
            assert heading in dag["doc"], dag_id
        assert len([tag for tag in dag["tags"] if tag.startswith("tier-")]) == 1, dag_id
        assert dag["max_active_runs"] == 1, dag_id
        assert not dag["catchup"], dag_id


def test_each_task_has_an_owner_retries_and_an_alert(dags: dict[str, Any]) -> None:
    for dag_id, dag in dags.items():
        assert dag["tasks"], dag_id
        for task_id, task in dag["tasks"].items():
            assert task["owner"] == "data-engineering", task_id
            assert task["retries"] > 0, task_id
            assert task["has_alert"], task_id


def test_parsing_takes_little_time(bag: dict[str, Any]) -> None:
    assert {file: seconds for file, seconds in bag["seconds"].items() if seconds > 5} == {}


def test_the_build_walks_its_steps_in_order(dags: dict[str, Any]) -> None:
    tasks = dags["build_customers"]["tasks"]
    assert set(tasks) == {*BUILD_STEPS, *SCORES, "dbt_marts", "audit_marts", "publish"}
    for before, after in pairwise(BUILD_STEPS):
        assert tasks[before]["downstream"] == [after]
    assert tasks["ensure_models"]["downstream"] == SCORES
    assert all(tasks[score]["downstream"] == ["dbt_marts"] for score in SCORES)
    assert tasks["dbt_marts"]["downstream"] == ["audit_marts"]
    assert tasks["audit_marts"]["downstream"] == ["publish"]


def test_assets_connect_the_dags(dags: dict[str, Any]) -> None:
    assert dags["build_customers"]["watches"] == [
        "perennial://landing/cdnow",
        "perennial://landing/complete_journey",
        "perennial://mining/models",
    ]
    assert dags["build_customers"]["tasks"]["publish"]["outlets"] == ["perennial://serving/release"]
    assert dags["export_campaign_lists"]["watches"] == [
        "perennial://landing/cdnow",
        "perennial://landing/complete_journey",
        "perennial://serving/release",
    ]
    assert dags["train_models"]["tasks"]["train"]["outlets"] == ["perennial://mining/models"]
    assert dags["train_models"]["timetable"] == "CronTriggerTimetable"
    extract = dags["extract_cdnow"]["tasks"]
    assert set(extract) == {"land"}  # one task, one event: all tables of a load are read as of one moment
    assert extract["land"]["outlets"] == ["perennial://landing/cdnow"]


def test_an_unknown_source_is_an_import_error_of_what_depends_on_the_sources(describe_dags: Describe) -> None:
    bag = describe_dags(CRM_SOURCES="cdnwo")
    assert "CRM_SOURCES names an unknown source 'cdnwo'" in "".join(bag["import_errors"].values())
    assert {Path(file).name for file in bag["import_errors"]} == {
        "build_customers.py",
        "check_sources.py",
        "export_campaign_lists.py",
        "extract_sources.py",
    }
    assert set(bag["dags"]) == {"train_models"}


def test_broken_source_files_are_shown_where_they_are_active_and_stop_no_other(
    describe_dags: Describe, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    for room in ("pipeline", "dags"):
        shutil.copytree(ROOT / room, project / room, ignore=shutil.ignore_patterns("__pycache__"))
    sources = project / "dags" / "sources"
    (sources / "shop.yml").write_text("descripton: A shop.\n", encoding="utf-8")
    on_no_day = (sources / "cdnow.yml").read_text(encoding="utf-8").replace("1997-01-01", "1997-02-30")
    (sources / "till.yml").write_text(on_no_day, encoding="utf-8")
    env = {"PYTHONPATH": str(project)}
    assert describe_dags(project / "dags", **env)["import_errors"] == {}
    bag = describe_dags(project / "dags", CRM_SOURCES="complete_journey,shop,till", **env)
    ((file, message),) = bag["import_errors"].items()
    assert Path(file).name == "check_sources.py"
    for words in ("shop.yml", "descripton", "till.yml, line", "'first_interval_start': '1997-02-30' is no date"):
        assert words in message
    assert not {"extract_shop", "extract_till"} & set(bag["dags"])
    assert {"extract_complete_journey", "build_customers"} <= set(bag["dags"])


@pytest.mark.parametrize("path", sorted((ROOT / "dags").glob("*.py")), ids=lambda path: path.stem)
def test_dag_files_are_thin(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    at_import = {name.name for node in ast.parse(text).body if isinstance(node, ast.Import) for name in node.names}
    assert not at_import & {"pandas", "duckdb", "sklearn", "numpy"}
    assert "select " not in text.lower().split('"""', 2)[-1]
    assert len(text.splitlines()) < 180
