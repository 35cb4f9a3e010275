"""A release that has far less than the one before stops, unless something explains it, or a person accepts it."""

import shutil
from contextlib import closing
from dataclasses import replace

import pytest

from cli.main import main
from pipeline.audit.checks import STOP
from pipeline.audit.collapse import compare_with_published
from pipeline.audit.frames import open_warehouse
from pipeline.audit.gate import audit_marts, run_on_warehouse
from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.files import write_json, write_sealed
from pipeline.build.plan import Plan, load_plan, save_plan
from pipeline.serving.releases import DATABASE, MANIFEST, point_current_at, releases_folder
from tests.pipeline.small_warehouse import AS_OF, RELEASE, build_warehouse, make_settings

SESSIONS = (
    "insert into core.fct_web_session by name select 's' || i as session_id, 'ana' as customer_id, 1 as customer_key,"
    " 1 as customer_version_key, 'unknown' as campaign_id, date '2026-03-04' as session_date,"
    " date '2026-03-04' as known_date, '{source}' as source_system from range({first}, {last}) as t (i);"
)
FULL = SESSIONS.format(source="shop", first=1000, last=1100)
UNEXPLAINED = "no fact, and no net sales, fell by more than a tenth without a cause"
NEXT = "2026-03-31-bbbbbbbbbbbb"
LOAD = {"source": "shop", "table": "web_sessions", "interval": "i", "content_hash": "x"}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A release with a hundred sessions is there to be read; the next one is planned."""
    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    settings = make_settings(tmp_path)
    plan = Plan(
        *(NEXT, str(RELEASE.as_of_date), "2026-01-05", [], "EUR", "America/New_York", []),
        *({}, {}, {}, {}, {}, [], "landed", RELEASE.code_version, "b" * 64),
    )
    save_plan(settings, plan)
    write_sealed(settings.build / "landing_checks.json", {"landing_hash": "landed", "checks": []})
    build_warehouse(settings, FULL)
    folder = releases_folder(settings) / RELEASE.release_id
    folder.mkdir(parents=True)
    shutil.copy(settings.warehouse, folder / DATABASE)
    manifest = {"release_id": RELEASE.release_id, "as_of_date": "2026-03-30", "input_hash": "before", "sources": []}
    write_json(
        folder / MANIFEST,
        {**manifest, "tables": {"core.fct_web_session": {"rows": 1, "columns": {}, "content_hash": "h"}}},
    )
    point_current_at(settings, RELEASE.release_id)
    return settings


def failed(settings, *changes: str, **plan) -> dict[str, str]:
    """Build the next release; what the comparison finds that stops it, and what was observed."""
    build_warehouse(settings, *changes)
    save_plan(settings, replace(load_plan(settings), **plan))
    with closing(open_warehouse(settings, NEXT, AS_OF)) as connection:
        compare_with_published(connection, settings, load_plan(settings))
        checks = run_on_warehouse(connection, "marts_collapse")
    return {check.check: check.observed for check in checks if not check.success and check.severity == STOP}


def fewer(rows: int, source: str = "shop") -> str:
    return SESSIONS.format(source=source, first=1000 + rows, last=1100)


def test_a_fall_without_a_cause_stops_and_a_person_can_let_it_pass(settings, capfd):
    changes = (f"update marts.release set release_id = '{NEXT}'", fewer(90))
    build_warehouse(settings, *changes)
    with pytest.raises(UserError, match="The gate stopped the build") as error:
        audit_marts(settings)
    for word in (UNEXPLAINED, NEXT, "measure core.fct_web_session", "source_system shop", "make accept RELEASE="):
        assert word in " ".join(str(error.value).split())
    assert main(["accept", "--release", "2026-03-31-cccccccccccc"]) == 2
    assert NEXT in capfd.readouterr().err
    assert main(["accept", "--release", NEXT]) == 0
    assert failed(settings, *changes) == {}


@pytest.mark.parametrize("rows", [0, 9, 10])
def test_a_small_fall_passes(settings, rows):
    assert failed(settings, fewer(rows)) == {}


@pytest.mark.parametrize(
    "plan",
    [
        {"code_version": "other"},
        {"time_zone": "Europe/Berlin"},
        {"receipts": [{**LOAD, "held_because": "90 rows are gone"}]},
    ],
    ids=["code", "settings", "accepted load"],
)
def test_a_fall_with_a_cause_passes(settings, plan):
    assert failed(settings, fewer(90), **plan) == {}


@pytest.mark.parametrize(
    "receipt",
    [
        LOAD,
        {**LOAD, "source": "desk", "held_because": "90 rows are gone"},
        # Accepted, and published already.
        {"source": "shop", "table": "orders", "interval": "20260101T000000Z_20260401T000000Z", "content_hash": "h1"}
        | {"held_because": "90 rows are gone"},
    ],
    ids=["not held", "of another source", "of the release before"],
)
def test_other_loads_explain_nothing(settings, receipt):
    assert set(failed(settings, fewer(90), receipts=[receipt])) == {UNEXPLAINED}


def test_a_source_that_falls_beside_one_that_grows_is_found(settings):
    grown = SESSIONS.format(source="other", first=2000, last=3000)
    assert set(failed(settings, fewer(90), grown)) == {UNEXPLAINED}


def test_sales_that_fall_with_all_their_orders_there_are_found(settings):
    orders = (
        "insert into core.fct_order by name select 'x' || i as order_id, 'shop' as source_system, 'ana' as customer_id,"
        " 'unknown' as campaign_id, 1 as customer_key, 1 as customer_version_key, 0 as lines, 0 as net_amount,"
        " {} as net_sales, date '2026-02-01' as order_date, date '2026-02-01' as known_date from range(40) as t (i)"
    )
    database = (settings.serving / "current" / "perennial.duckdb").resolve()
    with closing(connect(database)) as connection:
        connection.execute(orders.format(10))
    found = failed(settings, FULL, orders.format("case when i < 10 then 0 else 10 end"))
    assert "measure net sales" in found[UNEXPLAINED] and "core.fct_order" not in found[UNEXPLAINED]
