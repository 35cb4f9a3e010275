"""`make up`, as a person uses it: log in, trigger a run, see it succeed, end it, and nothing stays behind."""

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.base.duck import connect
from pipeline.base.settings import Settings, load_settings
from pipeline.orchestration.airflow_settings import (
    AIRFLOW,
    USER,
    airflow_environment,
    airflow_home,
    password_file,
    prepare,
    web_database,
)
from tests.support.programs.airflow_up import Api, addresses, airflow_up, free_port, wait_for

pytestmark = pytest.mark.slow
CUSTOMERS = 2_000
SHOWN = {"extract_cdnow", "build_customers", "train_models", "export_campaign_lists"}


@pytest.fixture
def environment(tmp_path: Path, data_dir: Path) -> dict[str, str]:
    """Settings of a company with the first customers of CDNOW."""
    lines = (data_dir / "cdnow" / "CDNOW_master.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    folder = tmp_path / "data" / "cdnow"
    folder.mkdir(parents=True)
    kept = [line for line in lines[1:] if int(line[:6]) <= CUSTOMERS]
    (folder / "CDNOW_master.txt").write_text("".join([lines[0], *kept]), encoding="utf-8")
    return {
        **os.environ,
        "CRM_HOME": str(tmp_path / "home"),
        "CRM_DATA": str(tmp_path / "data"),
        "CRM_SOURCES": "cdnow",
        "CRM_AIRFLOW_PORT": str(free_port()),
    }


def listed(api: Api) -> set[str]:
    return {dag["dag_id"] for dag in api.call("/api/v2/dags?limit=100")["dags"]}


def was_active_before(settings: Settings, source: str) -> None:
    """Leave the DAG of a source in the metadata, as an earlier `make up` with more sources does."""
    prepare(settings)
    env = {**os.environ, **airflow_environment(settings), "CRM_SOURCES": f"cdnow,{source}"}
    subprocess.run([AIRFLOW, "dags", "reserialize"], env=env, check=True, capture_output=True)
    with closing(sqlite3.connect(web_database(settings))) as metadata:
        shown = metadata.execute("select dag_id from dag where not is_stale").fetchall()
    assert (f"extract_{source}",) in shown


def test_a_run_triggered_in_the_web_ui_publishes_and_nothing_stays_behind(environment: dict[str, str]) -> None:
    settings = load_settings(environment)
    was_active_before(settings, "complete_journey")
    with airflow_up(environment) as (api, said):
        wait_for(lambda: listed(api) == SHOWN, 60)
        components = api.call("/api/v2/monitor/health")
        assert set(components) == {"metadatabase", "scheduler", "triggerer", "dag_processor"}
        assert {part["status"] for part in components.values()} == {"healthy"}
        assert api.call("/api/v2/importErrors")["total_entries"] == 0
        assert not any(dag["is_paused"] for dag in api.call("/api/v2/dags")["dags"])
        assert addresses(environment["CRM_HOME"]) <= {"127.0.0.1", "::1"}
        api.call("/api/v2/dags/extract_cdnow/dagRuns", {"logical_date": None})
        for dag_id in ("extract_cdnow", "build_customers", "export_campaign_lists"):
            wait_for(lambda dag_id=dag_id: api.last_state(dag_id) in ("success", "failed"))
            assert api.last_state(dag_id) == "success", dag_id
        with connect(settings.serving / "current" / "perennial.duckdb", read_only=True) as release:
            customers = release.execute("select count(*) from marts.customer_360 where purchases > 0").fetchall()
        assert customers == [(CUSTOMERS,)]
        password = json.loads(password_file(settings).read_text())[USER]
        assert password not in said
        assert password not in (airflow_home(settings) / "logs" / "up.log").read_text(encoding="utf-8")
