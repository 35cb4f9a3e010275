"""Every check of the landing can fail; the two audits write their reports and stop in one message."""

import json

import duckdb
import pytest

from pipeline.audit.checks import STOP, WARN
from pipeline.audit.frames import landing_frame
from pipeline.audit.gate import audit_landing, audit_marts
from pipeline.audit.suites import checks_of, read_suite, validate
from pipeline.base.errors import UserError
from pipeline.build.plan import Plan, save_plan
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings

SOURCE = """
description: a shop
kind: files
location: .
schedule: none
currency: EUR
time_zone: Europe/Berlin
history: complete
first_interval_start: 2026-01-01
tables:
  orders:
    file: orders.csv
    format: csv
    load: snapshot
    key: [order_id]
    event_time: ordered_on
    event_time_format: "%d.%m.%Y"
    columns: [order_id, ordered_on]
"""
# 40 orders, one a day from the first of January.
ORDERS = """
select i::varchar as order_id, strftime(date '2025-12-31' + i::int, '%d.%m.%Y') as ordered_on, i as _position,
    'upsert' as _op, 'x' as _interval, 1 as _generation
from range(1, 41) as t (i)
"""
PLANTED = {
    "every table has rows": ("from orders limit 0", {"received": 0}),
    "every received line is landed or set aside as unreadable": ("from orders limit 39", {}),
    "every column that the source file names has landed": ("select * exclude (order_id) from orders", {}),
    "at most 5% of the lines, or 10 of them, are unreadable": ("from orders", {"received": 51, "unreadable": 11}),
    "no line is unreadable": ("from orders", {"received": 41, "unreadable": 1}),
    "at most half of the rows lack a part of their key": (
        "select * replace (case when _position > 21 then order_id else ' ' end as order_id) from orders",
        {},
    ),
    "no row lacks a part of its key": ("select * replace (nullif(order_id, '7') as order_id) from orders", {}),
    "at most 5% of the rows repeat another": (
        (
            "select * replace (case when _position <= 4 then '1' else order_id end as order_id,"
            " case when _position <= 4 then '01.01.2026' else ordered_on end as ordered_on) from orders"
        ),
        {},
    ),
    "at most half of the rows, or one, have no readable and possible event time": (
        "select * replace ('soon' as ordered_on) from orders",
        {},
    ),
    "every row has a readable and possible event time": (
        "select * replace (replace(ordered_on, '01.01.2026', '31.02.2026') as ordered_on) from orders",
        {},
    ),
    "at most half of the events, or one, lie before the interval": (
        "from orders",
        {"interval_start": "2026-01-30T00:00:00Z"},
    ),
    "no event lies before the interval": ("from orders", {"interval_start": "2026-01-01T00:00:00Z"}),
    "no event lies after the interval": ("from orders", {"interval_end": "2026-02-08T23:00:00Z"}),
    "no load that a person accepted would have stopped the build": (
        "select * replace ('soon' as ordered_on) from orders",
        {"held_because": "its columns have changed"},
    ),
}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "shop.yml").write_text(SOURCE)
    monkeypatch.setattr("pipeline.base.settings.SOURCE_FILES", sources)
    return make_settings(tmp_path / "home")


def land(settings, query: str = "from orders", name: str = "0123456789ab", **changes) -> dict:
    """Write a landed file; return its receipt. Local midnights in Berlin are 23:00 UTC."""
    path = settings.landing / "shop" / "orders" / f"20251231T230000Z_20260209T230000Z.{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"create table orders as {ORDERS}")
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
    return {
        "source": "shop",
        "table": "orders",
        "interval": "20251231T230000Z_20260209T230000Z",
        "interval_start": "2025-12-31T23:00:00Z",
        "interval_end": "2026-02-09T23:00:00Z",
        "received": 40,
        "unreadable": 0,
        "unchanged": 0,
        "load": "snapshot",
        "is_first_load": True,
        "generation": 1,
        "personal": None,
        "source_files": [],
        "schema": [],
        "file": path.relative_to(settings.home).as_posix(),
        **changes,
    }


def save_plan_of(settings, receipts: list[dict]) -> None:
    plan = Plan(
        release_id=RELEASE.release_id,
        as_of_date="2026-03-31",
        first_event_date="2026-01-01",
        feature_dates=["2026-03-31"],
        currency="EUR",
        time_zone="Europe/Berlin",
        sources=["shop"],
        providers={"orders": ["shop"]},
        timestamps_in={},
        history={},
        landed={},
        personal={},
        receipts=receipts,
        landing_hash="b" * 64,
        code_version=RELEASE.code_version,
        input_hash=RELEASE.input_hash,
    )
    save_plan(settings, plan)


def test_a_sound_landing_passes_every_check(settings):
    checks = checks_of(validate("landing", landing_frame(settings, [land(settings)])))
    assert [check for check in checks if not check.success] == []
    assert {check.check for check in checks} == set(PLANTED)


@pytest.mark.parametrize("check", PLANTED)
def test_a_planted_error_is_found(settings, check):
    query, changes = PLANTED[check]
    failed = {
        each.check: each
        for each in checks_of(validate("landing", landing_frame(settings, [land(settings, query, **changes)])))
        if not each.success
    }
    severity = {each["meta"]["check"]: each["meta"]["severity"] for each in read_suite("landing")["expectations"]}
    assert failed[check].severity == severity[check]
    assert "table_name orders" in failed[check].observed


@pytest.mark.parametrize(("received", "unreadable"), [(1, 1), (12, 10), (1_000, 50)])
def test_a_few_unreadable_lines_only_warn(settings, received, unreadable):
    receipt = land(settings, received=received, unreadable=unreadable)
    checks = checks_of(validate("landing", landing_frame(settings, [receipt])))
    failed = {check.check for check in checks if not check.success}
    assert "no line is unreadable" in failed
    assert "at most 5% of the lines, or 10 of them, are unreadable" not in failed


def test_both_audits_pass_and_write_their_reports(settings):
    build_warehouse(settings)
    save_plan_of(settings, [land(settings)])
    assert audit_landing(settings)["stopped"] == 0
    totals = audit_marts(settings)
    assert (totals["warned"], totals["stopped"]) == (0, 0)
    checks = json.loads((settings.build / "checks.json").read_text())
    assert (checks["release_id"], checks["passed"]) == (RELEASE.release_id, totals["passed"])
    assert {"landing", "marts_facts"} <= {check["suite"] for check in checks["checks"]}
    assert "Passed (" in (settings.build / "checks.txt").read_text()


def test_a_stop_is_one_message_that_teaches(settings):
    build_warehouse(settings, "update core.fct_order_line set net_amount = net_amount + 0.01 where order_id = 'o1'")
    save_plan_of(settings, [land(settings)])
    audit_landing(settings)
    with pytest.raises(UserError) as stopped:
        audit_marts(settings)
    message = str(stopped.value)
    assert "STOP  marts_accounts: every account balances to the cent" in message
    assert (
        "difference 0.01, account sales and fees, here core.fct_order_line, figure_here 35.86, there core.fct_order,"
        " figure_there 35.85" in message
    )
    assert "first action (data-engineering): Compare the two places that the account names, by key" in message
    report = (settings.build / "report.md").read_text(encoding="utf-8")
    assert "| sales and fees | core.fct_order_line | 35.86 | core.fct_order | 35.85 | 0.01 |" in report
    assert json.loads((settings.build / "checks.json").read_text())["stopped"] >= 1


def test_a_warning_does_not_stop(settings):
    build_warehouse(settings, "update ops.source_freshness set is_late = true")
    save_plan_of(settings, [land(settings)])
    audit_landing(settings)
    assert audit_marts(settings)["warned"] == 1


def test_the_landing_is_audited_first(settings):
    build_warehouse(settings)
    save_plan_of(settings, [land(settings)])
    with pytest.raises(UserError, match="have not been audited"):
        audit_marts(settings)


def test_a_stopped_landing_names_file_and_action(settings):
    save_plan_of(settings, [land(settings, "from orders limit 39")])
    with pytest.raises(UserError, match=r"every received line is landed(.|\n)*rows_unaccounted 1"):
        audit_landing(settings)


def test_a_landed_file_that_is_gone_is_one_message(settings):
    receipt = land(settings)
    (settings.home / receipt["file"]).unlink()
    with pytest.raises(UserError, match="cannot be read"):
        landing_frame(settings, [receipt])


def test_both_severities_are_in_use():
    severities = {expectation["meta"]["severity"] for expectation in read_suite("landing")["expectations"]}
    assert severities == {STOP, WARN}


BAD = "select * replace (case when _position <= {} then 'soon' else ordered_on end as ordered_on) from orders"
UNTIMED = "at most half of the rows, or one, have no readable and possible event time"


def failed_checks(settings, *receipts: dict) -> set[str]:
    found = checks_of(validate("landing", landing_frame(settings, list(receipts))))
    return {check.check for check in found if not check.success and check.severity == STOP}


@pytest.mark.parametrize(
    ("read_again", "is_stopped"),
    [("from orders", False), ("from orders where _position > 20", True), ("from orders limit 39", False)],
)
def test_a_load_whose_rows_were_read_again_stops_nothing(settings, read_again, is_stopped):
    (settings.home.parent / "sources" / "shop.yml").write_text(SOURCE.replace("load: snapshot", "load: append"))
    first = land(settings, BAD.format(30), load="append")
    again = f"select * replace (2 as _generation) from ({read_again})"
    rows = {"from orders": 40, "from orders limit 39": 39}.get(read_again, 20)
    second = land(settings, again, "123456789abc", load="append", generation=2, received=rows)
    assert UNTIMED in failed_checks(settings, first)
    assert (UNTIMED in failed_checks(settings, first, second)) is is_stopped
    assert UNTIMED in failed_checks(settings, second, {**first, "generation": 3})


def test_a_load_that_a_person_accepted_warns(settings):
    receipt = land(settings, BAD.format(40), unreadable=30, received=70)
    assert len(failed_checks(settings, receipt)) == 2
    assert failed_checks(settings, {**receipt, "held_because": "30 rows are gone"}) == set()


def test_rows_that_are_unaccounted_for_stop_whoever_accepted_them(settings):
    receipt = land(settings, "from orders limit 39", held_because="1 row is gone")
    assert failed_checks(settings, receipt) == {"every received line is landed or set aside as unreadable"}


@pytest.mark.parametrize(("changes", "is_stopped"), [({}, False), ({"interval_start": "2026-01-02T00:00:00Z"}, True)])
def test_unreadable_rows_of_an_interval_that_was_read_again_stop_nothing(settings, changes, is_stopped):
    (settings.home.parent / "sources" / "shop.yml").write_text(SOURCE.replace("load: snapshot", "load: append"))
    first = land(settings, load="append", received=80, unreadable=40)
    second = land(settings, name="123456789abc", load="append", generation=2, **changes)
    unreadable = "at most 5% of the lines, or 10 of them, are unreadable"
    assert (unreadable in failed_checks(settings, first, second)) is is_stopped
