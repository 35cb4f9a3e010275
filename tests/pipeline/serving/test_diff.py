"""`make diff`: what changed between two releases, by cause, to the cent."""

import datetime as dt
import io
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from cli.main import main
from pipeline.base.errors import UserError
from pipeline.serving.diff import choose, compare, show
from pipeline.serving.releases import current_release
from pipeline.serving.retention import thin_out
from tests.pipeline.serving.test_publish import publish
from tests.pipeline.small_warehouse import CUSTOMER_KEY, RELEASE, build_warehouse, make_settings

NEXT = replace(
    RELEASE, release_id="2026-04-01-bbbbbbbbbbbb", as_of_date=dt.date(2026, 4, 1), input_hash="b" * 64, basis_hash="b"
)
THE_DAY_AFTER = (
    "update marts.release set release_id = '2026-04-01-bbbbbbbbbbbb', as_of_date = date '2026-04-01'",
    "update ops.load_receipts set content_hash = 'h2'",
)
LINE = (
    "insert into core.fct_order_line by name select '{order}:1' as order_line_id, '{order}' as order_id,"
    " '{customer}' as customer_id, 'tea' as product_id, 'product' as line_type, {amount} as net_amount,"
    " true as is_sale, date '{day}' as order_date, date '{known}' as known_date, 'shop' as source_system"
)
ORDERS = (
    "delete from core.fct_order; insert into core.fct_order by name select order_id, min(customer_id) as customer_id,"
    " 'unknown' as campaign_id, count(*) as lines, sum(net_amount)::decimal(18, 4) as net_amount,"
    " coalesce(sum(net_amount) filter (is_sale), 0)::decimal(18, 4) as net_sales, min(order_date) as order_date,"
    " max(known_date) as known_date, true as is_purchase, 'shop' as source_system"
    " from core.fct_order_line group by order_id"
)
NEW_ROW = LINE.format(order="o6", customer="ana", amount="12.00", day="2026-04-01", known="2026-04-01")
LATE_ROW = LINE.format(order="o7", customer="ben", amount="7.01", day="2026-03-10", known="2026-04-01")
CORRECTION = "update core.fct_order_line set net_amount = 21.25, known_date = date '2026-04-01' where order_id = 'o2'"
DELETION = "delete from core.fct_order_line where order_id = 'o1'"
MERGE = (
    *(
        f"update {table} set customer_id = 'ana' where customer_id in ('ben', 'unknown')"
        for table in ("core.fct_order_line", "core.fct_return", "core.fct_case", "core.bridge_customer_source")
    ),
    f"update core.fct_order_line set customer_key = {CUSTOMER_KEY}, customer_version_key = {CUSTOMER_KEY}",
    "delete from core.dim_customer where customer_id = 'ben'",
    *(
        f"delete from marts.{table} where customer_id = 'ben'"
        for table in ("customer_360", "customer_clv", "customer_segments", "customer_churn")
    ),
    # 32.75 of the day before + 12.00 + 7.01 + 1.00 - 10.00 + 1.00 of the sale without a customer, which is Ana's.
    "update marts.customer_clv set clv_historic = 43.76, clv_total = 83.76 where customer_id = 'ana'",
)


@pytest.fixture
def settings(tmp_path):
    settings = make_settings(tmp_path)
    build_warehouse(settings)
    publish(settings, RELEASE)
    return settings


def compared(settings, *changes: str, release=NEXT):
    build_warehouse(settings, *changes)
    publish(settings, release)
    return compare(*choose(settings, None, None))


def causes(found, measure: str) -> dict[str, tuple[str, int | None]]:
    (each,) = [each for each in found["measures"] if each["measure"] == measure]
    assert sum(part["amount"] for part in each["causes"].values()) == each["difference"] == each["b"] - each["a"]
    return {cause: (str(part["amount"]), part["rows"]) for cause, part in each["causes"].items()}


def test_a_day_with_late_corrected_deleted_and_merged_rows_is_explained_to_the_cent(settings):
    found = compared(settings, *THE_DAY_AFTER, NEW_ROW, LATE_ROW, CORRECTION, DELETION, *MERGE, ORDERS)
    assert causes(found, "net_sales") == {
        "new_period": ("12.0000", 1),
        "late": ("7.0100", 1),
        "correction": ("1.0000", 1),
        "deletion": ("-10.0000", 1),
        "identity": ("0.0000", 3),
    }
    assert causes(found, "purchases")["new_period"] == ("1.0000", 1)
    assert causes(found, "purchases")["deletion"] == ("-1.0000", 1)
    assert causes(found, "customers") == {"identity": ("-1.0000", 1)}
    assert causes(found, "refunds") == {"identity": ("0.0000", 1)}
    assert found["identity"] == {"records": 1, "merged": 1, "split": 0}
    moved = {each["measure"]: each["causes"].get("identity", {}).get("moved") for each in found["measures"]}
    assert (str(moved["net_sales"]), str(moved["refunds"])) == ("6.1000", "2.1000")
    console = Console(width=200, record=True, file=io.StringIO())
    show(found, console)
    assert "1 records belong to another customer: 1 customers merged into others, 0 split off." in console.export_text()
    historic = causes(found, "clv_historic")
    assert {cause: amount for cause, (amount, _) in historic.items()} == {
        "new_period": "12.0000",
        "late": "7.0100",
        "correction": "1.0000",
        "deletion": "-10.0000",
        "identity": "1.0000",
    }
    assert causes(found, "clv_future") == {"identity": ("-3.0000", 1)}
    assert causes(found, "clv_total")["identity"] == ("-2.0000", None)
    assert {each["measure"]: each["difference"] for each in found["measures"]}["margin"] == Decimal("10.01")


def test_tables_that_differ_are_counted_by_key(settings):
    found = compared(settings, *THE_DAY_AFTER, NEW_ROW, CORRECTION, DELETION)
    tables = {table["table"]: table for table in found["tables"]}
    lines = tables["core.fct_order_line"]
    assert (lines["rows_a"], lines["rows_b"]) == (5, 5)
    assert (lines["added"], lines["removed"], lines["changed"]) == (1, 1, 1)
    assert "core.fct_return" not in tables
    assert "marts.segment_profile" not in tables


def test_new_and_missing_columns_and_tables_are_named(settings):
    changes = ("alter table marts.customer_360 add column mood varchar", "create table ops.extra as select 1 as one")
    tables = {table["table"]: table for table in compared(settings, *THE_DAY_AFTER, *changes)["tables"]}
    assert (tables["marts.customer_360"]["columns_added"], tables["marts.customer_360"]["changed"]) == (["mood"], 0)
    assert (tables["ops.extra"]["rows_a"], tables["ops.extra"]["rows_b"]) == (None, 1)


def test_a_column_of_another_type_is_another_column(settings):
    as_text = "alter table core.{} alter column customer_version_key type varchar using customer_id || '#0001-01-01'"
    found = compared(settings, *(as_text.format(name) for name in ("fct_order_line", "dim_customer_history")))
    tables = {table["table"]: table for table in found["tables"]}
    for name in ("core.fct_order_line", "core.dim_customer_history"):
        assert tables[name]["columns_added"] == tables[name]["columns_removed"] == ["customer_version_key"]
        assert [tables[name][count] for count in ("added", "removed", "changed")] == [0, 0, 0]
    assert [each["measure"] for each in found["measures"] if each["difference"]] == []


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        (["update marts.customer_clv set model_version = 'clv-b', clv_future = 41 where customer_id = 'ana'"], "model"),
        (["update marts.customer_clv set annual_discount_rate = 0.2, clv_future = 41"], "settings"),
        (["update marts.release set code_version = 'other'", "update marts.customer_clv set clv_future = 41"], "code"),
        (["update marts.customer_clv set clv_future = 41 where customer_id = 'ana'"], "new_period"),
    ],
)
def test_a_difference_of_a_future_value_has_its_own_cause(settings, changes, cause):
    assert list(causes(compared(settings, *THE_DAY_AFTER, *changes), "clv_future")) == [cause]


def test_equal_inputs_under_another_code_are_explained_by_the_code(settings):
    changes = (
        "update marts.release set release_id = '2026-03-31-cccccccccccc', code_version = 'other'",
        "update core.fct_order_line set net_amount = 11 where order_id = 'o1'",
        "delete from core.fct_order_line where order_id = 'o3'",
        LINE.format(order="o8", customer="ana", amount="2.00", day="2026-03-10", known="2026-03-10"),
    )
    release = replace(RELEASE, release_id="2026-03-31-cccccccccccc", code_version="other", basis_hash="c")
    assert causes(compared(settings, *changes, release=release), "net_sales") == {"code": ("-2.1000", 3)}


def test_rows_of_a_source_that_one_release_lacks_have_their_own_cause(settings):
    changes = (
        "update marts.release set sources = 'shop,web'",
        LINE.format(order="w1", customer="ana", amount="2.00", day="2026-03-10", known="2026-03-10"),
        "update core.fct_order_line set source_system = 'web' where order_id = 'w1'",
    )
    assert causes(compared(settings, *THE_DAY_AFTER, *changes), "net_sales") == {"sources": ("2.0000", 1)}


def test_a_row_of_the_future_counts_when_its_day_has_come(tmp_path):
    settings = make_settings(tmp_path)
    build_warehouse(settings, NEW_ROW)
    publish(settings, RELEASE)
    assert causes(compared(settings, *THE_DAY_AFTER, NEW_ROW), "net_sales") == {"new_period": ("12.0000", 1)}


def test_a_monthly_release_has_no_facts_and_says_so(settings):
    settings = replace(settings, daily_releases=1)
    compared(settings, *THE_DAY_AFTER)
    last = replace(NEXT, release_id="2026-04-02-cccccccccccc", as_of_date=dt.date(2026, 4, 2), basis_hash="c")
    publish(settings, last)
    thin_out(settings)
    found = compare(*choose(settings, RELEASE.release_id, None))
    assert f"Kept with marts and ops only: {RELEASE.release_id}. Without facts no cause can be named" in found["note"]
    assert found["measures"] == []
    assert {table["table"].split(".")[0] for table in found["tables"]} <= {"marts", "ops"}


def test_a_comparison_is_printed_as_text_and_as_json(settings, capsys, monkeypatch):
    found = compared(settings, *THE_DAY_AFTER, NEW_ROW, LATE_ROW)
    console = Console(width=100, record=True)
    show(found, console)
    text = console.export_text()
    assert "net sales" in text and "late rows" in text and "+7.01" in text
    monkeypatch.setenv("CRM_HOME", str(settings.home))
    capsys.readouterr()
    assert main(["diff", "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["b"]["release_id"] == NEXT.release_id
    assert [each["measure"] for each in content["measures"]] == [each["measure"] for each in found["measures"]]


@pytest.mark.parametrize(("words", "value"), [(["--format", "xml"], "xml"), (["2020-01-01-x"], "2020-01-01-x")])
def test_a_wrong_argument_is_reported_in_one_message(settings, capfd, monkeypatch, words, value):
    monkeypatch.setenv("CRM_HOME", str(settings.home))
    assert main(["diff", *words]) == 2
    assert f"is '{value}'" in capfd.readouterr().err


def test_a_comparison_needs_two_releases_of_one_currency(settings):
    with pytest.raises(UserError, match=f"no release before {RELEASE.release_id}"):
        choose(settings, None, None)
    with pytest.raises(UserError, match=r"in EUR and America/New_York.*in USD"):
        compared(settings, *THE_DAY_AFTER, "update marts.release set currency = 'USD'")
    assert current_release(settings).name == NEXT.release_id
