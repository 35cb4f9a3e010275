"""Which files a build adds to the warehouse, and when everything is rebuilt."""

import json
import shutil
from dataclasses import fields, replace

import duckdb
import pytest

from pipeline.base.files import write_text
from pipeline.base.settings import DBT_PROJECT
from pipeline.build import increment
from pipeline.build.identity import party_records
from pipeline.build.plan import Plan

VARIABLES = {"currency": "EUR", "as_of_date": "2024-01-05", "new_files": None}
RECEIPT = {
    "content_hash": "c",
    "interval": "i",
    "generation": 1,
    "is_first_reading": False,
    "has_history": True,
    "reading": None,
    "known_end": "20240102T000000Z",
}


@pytest.fixture
def settings(make_settings):
    settings = make_settings()
    write_text(settings.warehouse, "")
    settings.build.mkdir(parents=True, exist_ok=True)
    return settings


def plan_of(*files: str, personal: tuple[str, ...] = (), **changes: object) -> Plan:
    plan = replace(
        Plan(**{field.name: "" for field in fields(Plan)}),
        code_version="v1",
        receipts=[{**RECEIPT, "file": file} for file in files],
        personal={"shop": {"customers": {"files": list(personal), "columns": [], "in_main": []}}},
    )
    return replace(plan, **changes)


def built(settings, plan: Plan, **variables: object) -> list[str] | None:
    """Build all layers; return the new files."""
    begun = increment.begin(settings, plan, {**VARIABLES, **variables})
    increment.complete(settings, plan, {**VARIABLES, **variables})
    return begun["new_files"]


def test_a_build_adds_the_files_that_the_last_build_did_not_have(settings):
    assert built(settings, plan_of("a")) is None
    assert built(settings, plan_of("a", "b", "c")) == ["b", "c"]
    assert built(settings, plan_of("a", "b", "c")) == []


def test_more_than_a_thousand_new_files_cause_a_full_build(settings):
    built(settings, plan_of("a"))
    files = [f"landing/shop/order_lines/{number:016d}_{number:016d}.{'c' * 12}.parquet" for number in range(1000)]
    assert built(settings, plan_of("a", *files)) == files
    built(settings, plan_of("a"))
    for layer in increment.LAYERS:
        assert increment.begin(settings, plan_of("a", "b", *files), VARIABLES, [layer])["new_files"] is None


def test_both_layers_of_a_build_add_the_same(settings):
    built(settings, plan_of("a"))
    for layer in increment.LAYERS:
        begun = increment.begin(settings, plan_of("a", "b"), VARIABLES, [layer])
        assert (begun["new_files"], begun["resumed"]) == (["b"], [])


def test_an_unfinished_layer_is_resumed_until_a_build_is_complete(settings):
    built(settings, plan_of("a"))
    increment.begin(settings, plan_of("a", "b"), VARIABLES, ["intermediate"])
    assert increment.begin(settings, plan_of("a", "b"), VARIABLES, ["intermediate"])["resumed"] == ["intermediate"]
    assert increment.begin(settings, plan_of("a", "b"), VARIABLES, ["core"])["resumed"] == []
    assert increment.begin(settings, plan_of("a", "b", "c"), VARIABLES)["resumed"] == ["intermediate", "core"]
    built(settings, plan_of("a", "b", "c"))
    assert increment.begin(settings, plan_of("a", "b", "c", "d"), VARIABLES)["resumed"] == []


def test_the_earliest_day_of_the_builds_that_made_the_warehouse_counts(settings):
    built(settings, plan_of("a"), as_of_date="2024-01-05")
    increment.begin(settings, plan_of("a", "b"), {**VARIABLES, "as_of_date": "2024-01-03"})
    begun = increment.begin(settings, plan_of("a", "b"), {**VARIABLES, "as_of_date": "2024-01-06"})
    assert begun["earlier_as_of_date"] == "2024-01-03"
    increment.complete(settings, plan_of("a", "b"), {**VARIABLES, "as_of_date": "2024-01-06"})
    begun = increment.begin(settings, plan_of("a", "b"), {**VARIABLES, "as_of_date": "2024-01-07"})
    assert begun["earlier_as_of_date"] == "2024-01-06"


def test_another_day_is_incremental_and_another_setting_causes_a_full_build(settings):
    built(settings, plan_of("a"))
    assert built(settings, plan_of("a"), as_of_date="2024-01-06") == []
    assert built(settings, plan_of("a"), currency="CHF") is None
    assert built(settings, plan_of("a", code_version="v2"), currency="CHF") is None
    assert built(settings, plan_of("a", code_version="v2"), currency="CHF") == []


def test_a_missing_or_changed_file_causes_a_full_build(settings):
    built(settings, plan_of("a", "b"))
    assert built(settings, plan_of("a")) is None
    other = plan_of("a")
    other.receipts[0]["content_hash"] = "other"
    assert built(settings, other) is None


def test_an_erased_personal_file_causes_a_full_build(settings):
    built(settings, plan_of("a"))
    assert built(settings, plan_of("a", "b")) == ["b"]
    assert built(settings, plan_of("a", "b", erased={"shop": "a.personal"})) is None


def test_files_read_by_an_unfinished_build_are_new_again(settings):
    built(settings, plan_of("a"))
    increment.begin(settings, plan_of("a", "b"), VARIABLES)
    assert increment.begin(settings, plan_of("a", "b", "c"), VARIABLES)["new_files"] == ["b", "c"]


def test_an_unfinished_build_that_is_not_continued_causes_a_full_build(settings):
    built(settings, plan_of("a"))
    increment.begin(settings, plan_of("a", "b"), VARIABLES)
    assert increment.begin(settings, plan_of("a", "c"), VARIABLES)["new_files"] is None
    increment.begin(settings, plan_of("a", "c"), VARIABLES)
    assert increment.begin(settings, plan_of("a", "c"), VARIABLES)["new_files"] is None  # core follows intermediate


def test_without_its_warehouse_everything_is_built(settings):
    built(settings, plan_of("a"))
    settings.warehouse.unlink()
    assert built(settings, plan_of("a")) is None


def test_the_state_has_no_absolute_path(settings):
    built(settings, plan_of("a"))
    state = json.loads((settings.build / increment.STATE).read_text(encoding="utf-8"))
    assert str(settings.home) not in json.dumps(state)


@pytest.mark.parametrize(
    ("sql", "is_row_by_row"),
    [
        ("with a as (select * from {{ landed('orders') }}) {{ stage('orders', 'a', columns={}) }}", True),
        ("-- one join\n{{ stage('orders', landed('orders'), columns={'over_price': 'x'}) }}", True),
        ("with a as (select * from {{ landed('orders') }} where is_new) {{ stage('orders', 'a', columns={}) }}", True),
        ("with a as (select b, max(c) from {{ landed('orders') }} group by b) {{ stage('orders', 'a') }}", False),
        ("with a as (select *, {{ occurrence(['b']) }} from {{ landed('orders') }}) {{ stage('orders', 'a') }}", False),
        ("with a as (select sum(b) over (order by c) from {{ landed('orders') }}) {{ stage('orders', 'a') }}", False),
        (
            "with a as (select * from {{ landed('b') }} join {{ landed('c') }} using (d)) {{ stage('orders', 'a') }}",
            False,
        ),
        ("with a as (select * from {{ ref('base_shop__b') }}) {{ stage('orders', 'a') }}", False),
        ("with a as (select * from {{ landed('b') }} where c > (select max(c) from d)) {{ stage('o', 'a') }}", False),
        ("with a as (select * from {{ landed('b') }} LIMIT 3) {{ stage('orders', 'a') }}", False),
    ],
)
def test_a_staging_model_is_row_by_row_or_not(tmp_path, monkeypatch, sql, is_row_by_row):
    shutil.copytree(DBT_PROJECT / "macros", tmp_path / "macros")
    monkeypatch.setattr(increment, "DBT_PROJECT", tmp_path)
    write_text(tmp_path / "models" / "staging" / "shop" / "stg_shop__orders.sql", sql)
    assert increment.row_by_row({"orders": ["shop"]}) == (["stg_shop__orders"] if is_row_by_row else [])


def test_a_model_of_identity_is_trained_on_the_records_of_the_day_alone(settings):
    settings.warehouse.unlink()
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        warehouse.execute("create schema intermediate; create view intermediate.int_party_records as select 'ana' as k")
    assert party_records(settings, "2024-01-05") is None, "nothing is built"
    built(settings, plan_of("a"))
    assert party_records(settings, "2024-01-05").to_pylist() == [{"k": "ana"}]
    assert party_records(settings, "2024-01-06") is None, "it is another day's"
    increment.begin(settings, plan_of("a", "b"), VARIABLES)
    assert party_records(settings, "2024-01-05") is None, "a build is unfinished"
