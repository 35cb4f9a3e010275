"""Days loaded again: by `make backfill`, and by Airflow's own backfill beside the schedule."""

import datetime as dt
import hashlib
import os
import subprocess
import sys
import urllib.error
from http import HTTPStatus
from pathlib import Path

import duckdb
import pytest
import yaml

from pipeline.landing.receipts import read_receipts
from pipeline.settings import Settings, load_settings
from tests.support.airflow_up import Api, airflow_up, free_port, wait_for
from tests.support.postgres import SHOP, Server
from tests.support.project import make_project
from tests.support.quick import TABLES_ONLY

pytestmark = pytest.mark.slow
DAYS = 40
TODAY = dt.datetime.now(dt.UTC).date()
SOURCE = {
    **SHOP,
    "first_interval_start": str(TODAY - dt.timedelta(days=DAYS)),
    "tables": {
        "orders": {
            "query_table": "orders",
            "load": "upsert",
            "key": ["id"],
            "cursor": "updated_at",
            "key_scan_days": 0,
            "event_time": "updated_at",
        }
    },
}
ORDERS = """\
{{ stage('orders', landed('orders'), columns={
    'order_id': 'id', 'source_customer_id': 'customer', 'ordered_at': 'updated_at', 'total_amount': 'amount'
}) }}
"""


@pytest.fixture
def environment(postgres: Server, tmp_path: Path) -> dict[str, str]:
    """Settings of a project whose shop has had twenty orders a day."""
    make_project(tmp_path, "shop", yaml.safe_dump(SOURCE), {"orders": ORDERS})
    address = postgres.new_database("shop")
    postgres.run(
        "create table orders (id int primary key, customer int, amount numeric(12, 2), updated_at timestamptz)",
        f"insert into orders select n, n % 97, n % 50 + 1, '{TODAY - dt.timedelta(days=DAYS)}'::timestamptz"
        f" + n * interval '72 minutes' from generate_series(0, {DAYS * 20 - 1}) as n",
        database="shop",
    )
    return {
        **os.environ,
        "AIRFLOW_CONN_SHOP_DB": address,
        "CRM_HOME": str(tmp_path / "home"),
        "CRM_SOURCES": "shop",
        "CRM_AIRFLOW_PORT": str(free_port()),
        "PYTHONPATH": str(tmp_path / "project"),
        **TABLES_ONLY,
    }


def correct(postgres: Server, day: dt.date) -> None:
    """Change the orders of a day, in a way that their cursor does not show."""
    postgres.run(f"update orders set amount = amount + 100 where updated_at::date = '{day}'", database="shop")


def make(environment: dict[str, str], target: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"dags.local.{target}"],
        cwd=environment["PYTHONPATH"],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def sales(settings: Settings) -> list[tuple[object, ...]]:
    with duckdb.connect(str(settings.serving / "current" / "perennial.duckdb"), read_only=True) as release:
        return release.execute("select count(*), sum(net_sales)::int from core.fct_order").fetchall()


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_month_is_loaded_again_and_then_published(environment: dict[str, str], postgres: Server) -> None:
    settings = load_settings({"CRM_HOME": environment["CRM_HOME"], "CRM_SOURCES": "*"})
    make(environment, "run")
    ((orders, amount),) = sales(settings)
    release = (settings.serving / "current").resolve()
    published = hashes(release)

    correct(postgres, TODAY - dt.timedelta(days=5))
    assert "Nothing has changed" in make(environment, "run")  # the cursor says nothing of it
    days = {"FROM": str(TODAY - dt.timedelta(days=30)), "TO": str(TODAY - dt.timedelta(days=2))}
    said = make(environment, "backfill", **days)
    assert "backfill shop: 29 intervals" in said
    assert sales(settings) == [(orders, amount + 20 * 100)]
    assert (settings.serving / "current").resolve() != release
    assert hashes(release) == published
    assert len(read_receipts(settings, "shop", "orders")) == 30


def is_asked_for(api: Api, day: dt.date) -> bool:
    """Ask Airflow for a backfill of a day; false where its SQLite is locked by the scheduler."""
    asked = {
        "dag_id": "extract_shop",
        "from_date": f"{day}T00:00:00Z",
        "to_date": f"{day}T00:00:00Z",
        "reprocess_behavior": "completed",
        "max_active_runs": 1,
    }
    try:
        api.call("/api/v2/backfills", asked)
    except urllib.error.HTTPError as error:
        assert error.code == HTTPStatus.SERVICE_UNAVAILABLE, error.read()
        return False
    return True


def test_airflows_own_backfill_asks_again_beside_the_schedule(
    environment: dict[str, str], postgres: Server, tmp_path: Path
) -> None:
    settings = load_settings({"CRM_HOME": environment["CRM_HOME"], "CRM_SOURCES": "*"})
    day = TODAY - dt.timedelta(days=5)
    with airflow_up(environment, tmp_path / "project") as (api, _):
        wait_for(lambda: api.call("/api/v2/dags")["total_entries"] >= 4, 60)
        wait_for(lambda: api.last_state("extract_shop") == "success")
        wait_for(lambda: api.last_state("build_customers") == "success")
        ((orders, amount),) = sales(settings)
        correct(postgres, day)
        wait_for(lambda: is_asked_for(api, day))
        wait_for(lambda: sales(settings) == [(orders, amount + 20 * 100)])
    again = [receipt["interval_start"][:10] for receipt in read_receipts(settings, "shop", "orders")[1:]]
    assert str(day) in again
