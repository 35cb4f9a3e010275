"""How `make run` runs a DAG: Airflow's task runner, without a scheduler and a database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.base.settings import load_settings
from pipeline.orchestration.airflow_settings import airflow_environment

DAGS = """
from airflow.sdk import DAG, Asset, Connection, get_current_context, task
from airflow.sdk.exceptions import AirflowNotFoundException

@task
def count():
    return {"rows": 2}

@task(outlets=[Asset("perennial://test")])
def add(first, second):
    print("said", "add", first["rows"] + second["rows"])

@task.short_circuit
def is_due():
    return False

@task
def never():
    print("said", "never")

@task
def describe():
    context = get_current_context()
    try:
        Connection.get("shop_db")
    except AirflowNotFoundException:
        print("said", context["dag_run"].run_type.value, context.get("data_interval_end"), context["params"]["force"])

@task
def fail():
    raise ValueError("no answer")

with DAG(dag_id="sums"):
    add(count.override(task_id="one")(), count.override(task_id="two")())
with DAG(dag_id="skips", params={"force": False}):
    is_due() >> never() >> never.override(task_id="nor_this")()
    describe()
with DAG(dag_id="fails"):
    fail() >> never()
"""
WALK = """
import sys
from pathlib import Path
from pipeline.orchestration.walk import load_dags, walk
print("said", walk(load_dags(Path(sys.argv[1]))[sys.argv[2]]))
"""


LOADED = "print('loaded', sorted({'fastapi', 'cadwyn'} & set(sys.modules)))"


def walked(tmp_path: Path, dag: str, program: str = WALK) -> list[str]:
    """Walk one of the DAGs in a process of its own; return what it prints."""
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "examples.py").write_text(DAGS, encoding="utf-8")
    settings = load_settings({"CRM_HOME": str(tmp_path / "home"), "CRM_SOURCES": "cdnow"})
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), dag],
        env={"PATH": os.environ["PATH"], **airflow_environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("dag", "said"),
    [
        ("sums", ["add 4", "True"]),
        ("skips", ["manual None False", "True"]),
        ("fails", ["False"]),
    ],
)
def test_a_walk_passes_results_on_skips_what_is_not_due_and_stops_at_a_failure(
    dag: str, said: list[str], tmp_path: Path
) -> None:
    lines = [line.partition("said ")[2] for line in walked(tmp_path, dag) if "said " in line]
    assert [line.rstrip("\"'}") for line in lines] == said


def test_a_walk_asks_no_database_and_starts_no_api_server(tmp_path: Path) -> None:
    assert walked(tmp_path, "sums", WALK + LOADED)[-1] == "loaded []"
    assert not list((tmp_path / "home").rglob("*.db"))
