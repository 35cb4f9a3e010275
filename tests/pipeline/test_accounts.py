"""The release report: every figure from landing to marts beside the one that it must equal."""

import datetime as dt

import pytest

from pipeline.accounts import balance_warehouse, verdict
from pipeline.releases import current_release, read_manifest
from tests.pipeline.small_warehouse import AS_OF, build_warehouse, make_settings
from tests.pipeline.test_publish import publish


@pytest.fixture
def settings(tmp_path):
    return make_settings(tmp_path)


def wrong(settings, *changes: str, as_of: dt.date = AS_OF) -> dict[str, str]:
    build_warehouse(settings, *changes)
    lines = balance_warehouse(settings, as_of)
    return {line.account.subject: str(line.difference) for line in lines if line.difference}


def test_a_sound_warehouse_balances(settings):
    assert wrong(settings) == {}


@pytest.mark.parametrize(
    ("change", "subject", "difference"),
    [
        ("update ops.load_receipts set received = 201", "rows", "1.0000"),
        ("update ops.row_fates set landed_rows = 2 where entity = 'orders'", "orders accepted", "-3.0000"),
        ("delete from core.fct_payment", "payments current", "1.0000"),
        ("update core.fct_case set case_id = case_id || 'x'; delete from core.fct_case", "cases", "-1.0000"),
        ("update core.fct_order_line set discount_amount = 0.99 where order_id = 'o1'", "discounts", "-0.0100"),
        ("update core.fct_order set tax_amount = 0.51 where order_id = 'o1'", "tax", "-0.0100"),
        ("update core.fct_return set original_refund_amount = 2.11", "returns, as booked", "-0.0100"),
        ("update core.fct_return set refund_amount = 2.11", "refunds without tax", "0.0100"),
        ("update core.fct_cost set amount = amount + 0.01", "booked costs", "0.0100"),
        ("update core.fct_customer_month set contacts = 3 where contacts = 2", "contacts", "-1.0000"),
        (
            "update marts.customer_360 set net_sales = net_sales - 0.01 where customer_id = 'ana'",
            "net sales, known customers, as of the date",
            "0.0100",
        ),
        ("update marts.customer_clv set clv_total = 0 where customer_id = 'ben'", "lifetime value", "-5.5000"),
        ("delete from marts.customer_churn where customer_id = 'cleo'", "customers", "1.0000"),
    ],
)
def test_what_does_not_balance_is_named_with_its_difference(settings, change, subject, difference):
    assert wrong(settings, change)[subject] == difference


def test_the_release_has_its_report(settings):
    build_warehouse(settings)
    publish(settings)
    folder = current_release(settings)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "| net sales | core.fct_order | 36.35 | core.fct_customer_month | 36.35 | 0 |" in text
    assert read_manifest(folder)["accounts"] == verdict(balance_warehouse(settings, AS_OF))
    assert read_manifest(folder)["accounts"].endswith("each balances to the cent.")
