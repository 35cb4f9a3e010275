"""Accounts: every figure from landing to marts beside the one that it must equal; the gate stops where one is not."""

import datetime as dt
from contextlib import closing

import pandas as pd
import pytest

from pipeline.audit.frames import open_warehouse
from pipeline.audit.reconciliation import balance, verdict, write_report
from tests.pipeline.small_warehouse import AS_OF, build_warehouse, make_settings

BOOKED_IN_TWO_CURRENCIES = (
    """
    insert into core.fct_return by name
    select * replace ('r2' as return_id, 'CNY' as original_currency, 10.50 as original_refund_amount)
    from core.fct_return
    """,
    """
    insert into intermediate.int_returns__rows by name
    select * replace ('r2' as return_id, 'CNY' as currency, 10.50 as refund_amount)
    from intermediate.int_returns__rows
    """,
    "update ops.row_fates set landed_rows = 2 where entity = 'returns'",
    "update ops.load_receipts set accepted = 199, received = 201",
    "update core.fct_customer_month set refund_amount = refund_amount * 2",
    "update marts.clv_statement set amount = amount * 2 where line = 'returns'",
    "update marts.customer_clv set clv_total = clv_total - 2.10 where customer_id = 'ben'",
)
WITHOUT_LINES = (
    """
    insert into intermediate.int_orders__rows by name
    select * replace ('o9' as order_id) from intermediate.int_orders__rows where order_id = 'o1'
    """,
    "update ops.row_fates set landed_rows = landed_rows + 1 where entity = 'orders'",
    "update ops.load_receipts set accepted = 199, received = 201",
)


GOODS = "goods at list value, known customers"


@pytest.fixture
def settings(tmp_path):
    return make_settings(tmp_path)


def balanced(settings, *changes: str, as_of: dt.date = AS_OF) -> pd.DataFrame:
    build_warehouse(settings, *changes)
    with closing(open_warehouse(settings, "a release", as_of)) as connection:
        return balance(connection)


def wrong(settings, *changes: str) -> dict[str, str]:
    accounts = balanced(settings, *changes)
    return dict(accounts.loc[accounts["difference"] != "0", ["account", "difference"]].to_numpy())


def test_a_sound_warehouse_balances(settings):
    assert wrong(settings) == {}


@pytest.mark.parametrize(
    ("change", "account", "difference"),
    [
        ("update ops.load_receipts set received = 201", "rows", "1"),
        ("update ops.row_fates set landed_rows = 2 where entity = 'orders'", "orders accepted", "-3"),
        ("update ops.row_fates set landed_rows = 2 where fate = 'quarantined'", "rows of all fates", "-1"),
        ("update parts.part_goods_split set growth = 1 where customer_id = 'ana'", GOODS, "-1"),
        ("delete from core.fct_order where order_id = 'o4'", "orders current", "1"),
        ("delete from core.fct_payment", "payments current", "1"),
        ("update core.fct_case set case_id = case_id || 'x'; delete from core.fct_case", "cases", "-1"),
        ("insert into core.fct_order_line from core.fct_order_line where order_id = 'o1'", "order lines", "1"),
        ("update core.fct_order_line set is_sale = true", "net sales", "-0.50"),
        ("update core.fct_order_line set discount_amount = 0.99 where order_id = 'o1'", "discounts", "-0.01"),
        ("update core.fct_order set tax_amount = 0.51 where order_id = 'o1'", "tax", "-0.01"),
        (
            "update core.fct_order set unsold_amount = 0.01 where order_id = 'o1'",
            "orders that are not paid or were cancelled",
            "0.01",
        ),
        ("update core.fct_return set original_refund_amount = 2.11", "returns, as booked in EUR", "-0.01"),
        ("update core.fct_return set refund_amount = 2.11", "refunds without tax", "0.01"),
        ("update core.fct_cost set amount = amount + 0.01", "booked costs", "0.01"),
        ("update core.fct_customer_month set retention_cost = 4.99 where retention_cost > 0", "costs", "0.01"),
        ("update core.fct_customer_month set contacts = 3 where contacts = 2", "contacts", "-1"),
        (
            "update marts.customer_360 set net_sales = net_sales - 0.01 where customer_id = 'ana'",
            "net sales, known customers, as of the date",
            "0.01",
        ),
        (
            "delete from marts.clv_statement where line = 'unattributed_sales'",
            "sales less refunds and costs, as of the date",
            "1",
        ),
        ("update marts.customer_clv set clv_total = 0 where customer_id = 'ben'", "lifetime value", "-5.50"),
        ("delete from marts.customer_churn where customer_id = 'cleo'", "customers", "1"),
    ],
)
def test_what_does_not_balance_is_named_with_its_difference(settings, change, account, difference):
    assert wrong(settings, change)[account] == difference


def test_returns_are_balanced_in_each_currency_and_never_added_across_currencies(settings):
    accounts = balanced(settings, *BOOKED_IN_TWO_CURRENCIES).set_index("account")
    assert (accounts["difference"] == "0").all(), accounts[accounts["difference"] != "0"]
    assert accounts.loc["returns, as booked in EUR", ["figure_here", "figure_there"]].tolist() == ["2.10", "2.10"]
    assert accounts.loc["returns, as booked in CNY", ["figure_here", "figure_there"]].tolist() == ["10.50", "10.50"]
    assert not accounts.isin(["12.60"]).any(axis=None)


def test_a_currency_that_the_facts_lost_does_not_balance(settings):
    changes = [*BOOKED_IN_TWO_CURRENCIES, "update core.fct_return set original_currency = 'EUR'"]
    assert wrong(settings, *changes) == {"returns, as booked in CNY": "10.50", "returns, as booked in EUR": "-10.50"}


def test_without_returns_there_is_no_account_of_what_was_booked(settings):
    changes = ["delete from core.fct_return", "delete from intermediate.int_returns__rows"]
    assert not balanced(settings, *changes)["account"].str.startswith("returns, as booked").any()


def test_an_order_whose_lines_were_all_set_aside_is_counted_and_balances(settings):
    accounts = balanced(settings, *WITHOUT_LINES).set_index("account")
    assert accounts.loc["orders current"].tolist() == [
        *("accepted less earlier versions and deletions", "6", "core.fct_order, and orders without a line", "6", "0")
    ]


def test_the_report_sets_the_figures_side_by_side(settings):
    accounts = balanced(settings)
    write_report(settings.home / "report.md", "2026-03-31-aaaaaaaaaaaa", "EUR", accounts)
    text = (settings.home / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Release 2026-03-31-aaaaaaaaaaaa\n")
    assert "| net sales | core.fct_order | 36.35 | core.fct_customer_month | 36.35 | 0 |" in text
    assert "Amounts are in EUR, unless the line names another currency." in text
    assert verdict(accounts) == f"{len(accounts)} accounts from landing to marts, and each balances to the cent."


def test_the_verdict_names_what_does_not_balance(settings):
    accounts = balanced(settings, "delete from core.fct_payment")
    assert verdict(accounts).endswith(" accounts from landing to marts; these do not balance: payments current.")
