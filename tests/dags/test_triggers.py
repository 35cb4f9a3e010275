"""A source that is asked in every way at once: nothing crashes or waits for ever, and each interval lands once."""

import datetime as dt
import subprocess
import threading
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.base.settings import Settings, load_settings
from pipeline.landing.receipts import read_receipts
from tests.support.companies.night_shop import DAYS, TODAY, night_shop
from tests.support.programs.airflow_up import Api, airflow_up, wait_for
from tests.support.programs.perennial import PERENNIAL
from tests.support.programs.postgres import Server

pytestmark = pytest.mark.slow
INTERVAL = dt.timedelta(minutes=2)
RUNS = "/api/v2/dags/extract_shop/dagRuns"


def runs(api: Api) -> list[dict[str, Any]]:
    """Runs of the source's DAG; each has its `state` and `run_type`."""
    found: list[dict[str, Any]] = api.call(f"{RUNS}?limit=100&order_by=run_after")["dag_runs"]
    return found


def perennial(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [PERENNIAL, *arguments]
    return subprocess.run(
        command, cwd=environment["PYTHONPATH"], env=environment, capture_output=True, text=True, check=False
    )


def new_orders(postgres: Server, first: int, count: int = 3) -> None:
    postgres.run(
        f"insert into orders select n, n % 97, 7, now() from generate_series({first}, {first + count - 1}) as n",
        database="shop",
    )


def published(settings: Settings) -> list[tuple[object, ...]]:
    with duckdb.connect(str(settings.serving / "current" / "perennial.duckdb"), read_only=True) as release:
        return release.execute("select count(*), sum(net_sales)::int from core.fct_order").fetchall()


def test_schedule_backfill_and_trigger_of_one_source_may_run_at_once(postgres: Server, tmp_path: Path) -> None:
    environment = night_shop(postgres, tmp_path, schedule=f"*/{INTERVAL // dt.timedelta(minutes=1)} * * * *")
    settings = load_settings({"CRM_HOME": environment["CRM_HOME"], "CRM_SOURCES": "*"})
    with airflow_up(environment, tmp_path / "project") as (api, _):
        wait_for(lambda: bool(runs(api)) and runs(api)[0]["state"] == "success")
        first = runs(api)[0]["dag_run_id"]
        new_orders(postgres, DAYS * 20)
        by_hand: list[subprocess.CompletedProcess[str]] = []
        beside = [
            threading.Thread(target=lambda: by_hand.append(perennial(environment, "run"))),
            threading.Thread(
                target=lambda: by_hand.append(perennial(environment, "airflow", "dags", "trigger", "extract_shop"))
            ),
        ]
        for thread in beside:
            thread.start()
        day = TODAY - dt.timedelta(days=5)
        api.call(RUNS, {"logical_date": None})
        api.call(RUNS, {"logical_date": f"{day}T10:00:00Z"})
        api.call(
            "/api/v2/backfills",
            {
                "dag_id": "extract_shop",
                "from_date": f"{day}T00:00:00Z",
                "to_date": f"{day}T00:00:00Z",
                "reprocess_behavior": "completed",
                "max_active_runs": 1,
            },
        )
        new_orders(postgres, DAYS * 20 + 3)
        last_orders = dt.datetime.now(dt.UTC)
        clear = {"dry_run": False, "dag_run_id": first, "only_failed": False, "reset_dag_runs": True}
        api.call("/api/v2/dags/extract_shop/clearTaskInstances", clear)
        for thread in beside:
            thread.join()
        assert [done.returncode for done in by_hand] == [0, 0], "".join(d.stdout + d.stderr for d in by_hand)
        begun = {run["dag_run_id"] for run in runs(api)}  # the schedule goes on
        wait_for(lambda: all(r["state"] in ("success", "failed") for r in runs(api) if r["dag_run_id"] in begun))
        found = [run for run in runs(api) if run["dag_run_id"] in begun]
        assert {run["state"] for run in found} == {"success"}
        kinds = Counter(run["run_type"] for run in found)
        assert kinds["backfill"] == 1
        assert kinds["manual"] == 3
        assert kinds["scheduled"] >= 1
    wait_for(lambda: dt.datetime.now(dt.UTC) > last_orders + INTERVAL)  # a run by hand reads complete intervals
    assert perennial(environment, "run").returncode == 0
    receipts = read_receipts(settings, "shop", "orders")
    intervals = sorted((receipt["interval_start"], receipt["interval_end"]) for receipt in receipts)
    asked_again = [interval for interval in intervals if interval[0] == f"{day}T00:00:00Z"]
    assert len(asked_again) == 1  # by the backfill
    once = [interval for interval in intervals if interval not in asked_again]
    assert all(before[1] == after[0] for before, after in pairwise(once))
    assert published(settings) == postgres.ask("select count(*), sum(amount)::int from orders", "shop")
