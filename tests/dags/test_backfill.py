"""Days loaded again: by `make backfill`, and by Airflow's own backfill beside the schedule."""

import datetime as dt
import hashlib
import subprocess
from pathlib import Path

import duckdb
import pytest

from pipeline.base.settings import Settings, load_settings
from pipeline.landing.receipts import read_receipts
from tests.support.companies.night_shop import TODAY, night_shop
from tests.support.programs.airflow_up import Api, airflow_up, wait_for
from tests.support.programs.perennial import PERENNIAL
from tests.support.programs.postgres import Server

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(postgres: Server, tmp_path: Path) -> dict[str, str]:
    """Settings of a project whose shop has had twenty orders a day."""
    return night_shop(postgres, tmp_path)


def correct(postgres: Server, day: dt.date) -> None:
    """Change the orders of a day, in a way that their cursor does not show."""
    postgres.run(f"update orders set amount = amount + 100 where updated_at::date = '{day}'", database="shop")


def perennial(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [PERENNIAL, *words],
        cwd=environment["PYTHONPATH"],
        env=environment,
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
    perennial(environment, "run")
    ((orders, amount),) = sales(settings)
    release = (settings.serving / "current").resolve()
    published = hashes(release)

    correct(postgres, TODAY - dt.timedelta(days=5))
    assert "Nothing has changed" in perennial(environment, "run")  # the cursor says nothing of it
    days = (str(TODAY - dt.timedelta(days=days)) for days in (30, 2))
    said = perennial(environment, "backfill", *days)
    assert "backfill shop: 29 intervals" in said
    assert sales(settings) == [(orders, amount + 20 * 100)]
    assert (settings.serving / "current").resolve() != release
    assert hashes(release) == published
    assert len(read_receipts(settings, "shop", "orders")) == 30


def ask_for(api: Api, day: dt.date) -> None:
    """Ask Airflow for a backfill of a day."""
    asked = {
        "dag_id": "extract_shop",
        "from_date": f"{day}T00:00:00Z",
        "to_date": f"{day}T00:00:00Z",
        "reprocess_behavior": "completed",
        "max_active_runs": 1,
    }
    api.call("/api/v2/backfills", asked)


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
        ask_for(api, day)
        wait_for(lambda: sales(settings) == [(orders, amount + 20 * 100)])
    again = [receipt["interval_start"][:10] for receipt in read_receipts(settings, "shop", "orders")[1:]]
    assert str(day) in again
