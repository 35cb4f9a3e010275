"""A small company in yen, which have no smaller coin, and in dinars of a thousand fils: shares and totals are right."""

import os
from dataclasses import dataclass
from decimal import Decimal
from unittest.mock import patch

import pytest

from tests.support.builds.quick import TABLES_ONLY
from tests.warehouse.till import Till, make_till

TABLES = """\
  orders: {file: orders.csv, format: csv, load: snapshot, key: [id], event_time: at}
  lines: {file: lines.csv, format: csv, load: snapshot, key: [id, line]}
  costs: {file: costs.csv, format: csv, load: snapshot, key: [id]}
"""
STAGING = {
    "orders": "{{ stage('orders', landed('orders'), columns={'order_id': 'id', 'source_customer_id': 'who',"
    " 'ordered_at': '\"at\"'}) }}",
    "order_lines": "{{ stage('order_lines', landed('lines'), columns={'order_id': 'id', 'line_number': 'line',"
    " 'line_type': 'kind', 'net_amount': 'amount'}) }}",
    "costs": "{{ stage('costs', landed('costs'), columns={'cost_id': 'id', 'kind': \"'selling'\", 'amount': 'amount',"
    " 'period_start_date': \"'2024-03-01'\"}) }}",
}
BUILD = """
from datetime import datetime, UTC
from pipeline.base.settings import load_settings
from pipeline.build import dbt
from pipeline.build.plan import make_plan
from pipeline.landing import land_source

settings = load_settings()
land_source(settings, "till", datetime(2024, 5, 1, tzinfo=UTC))
make_plan(settings)
dbt.run_layers(settings, "staging", "intermediate", "core")
"""
GUESTS = ("ana", "ben", "cleo")


@dataclass(frozen=True)
class Company:
    """Its amounts: a price, a discount and its three shares, a cost and what Ana, Ben and Cleo carry of it."""

    currency: str
    price: Decimal
    discount: Decimal
    shares: list[Decimal]
    cost: Decimal
    carried: list[Decimal]


def amounts(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


YEN = Company("JPY", *amounts("1000", "100"), amounts("33", "33", "34"), Decimal(1001), amounts("250", "250", "501"))
DINARS = Company(
    "KWD",
    *amounts("1.250", "0.100"),
    amounts("0.033", "0.033", "0.034"),
    Decimal("1.001"),
    amounts("0.250", "0.250", "0.501"),
)


@pytest.fixture(scope="module", params=[YEN, DINARS], ids=["JPY", "KWD"])
def company(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, Till]:
    """Three guests order three equal things, less a discount; Ana orders once more. One cost is for all."""
    of: Company = request.param
    till = make_till(tmp_path_factory.mktemp(of.currency), TABLES, STAGING)
    orders = [(who, who, f"2024-03-0{day} 10:00:00") for day, who in enumerate(GUESTS, start=1)]
    till.write("orders.csv", ["id", "who", "at"], [*orders, ("again", "ana", "2024-03-09 10:00:00")])
    lines = [(who, str(line), "product", str(of.price)) for who in GUESTS for line in (1, 2, 3)]
    lines += [(who, "4", "discount", str(-of.discount)) for who in GUESTS]
    till.write("lines.csv", ["id", "line", "kind", "amount"], [*lines, ("again", "1", "product", str(of.price))])
    till.write("costs.csv", ["id", "amount"], [("c1", str(of.cost))])
    with patch.dict(os.environ, {**TABLES_ONLY, "CRM_CURRENCY": of.currency}):
        till.run(BUILD)
    return of, till


def test_a_discount_is_shared_in_whole_coins(company: tuple[Company, Till]) -> None:
    of, till = company
    for who in GUESTS:
        rows = till.ask(
            "select order_discount_amount from core.fct_order_line"
            f" where order_id = 'till:{who}' and line_type = 'product' order by 1"
        )
        assert [share for (share,) in rows] == of.shares
    assert sum(of.shares) == of.discount


def test_a_cost_is_shared_in_whole_coins(company: tuple[Company, Till]) -> None:
    of, till = company
    rows = till.ask("select amount from core.fct_cost_allocation order by 1")
    assert [share for (share,) in rows] == of.carried
    assert sum(of.carried) == of.cost


def test_orders_and_months_have_the_total(company: tuple[Company, Till]) -> None:
    of, till = company
    total = 10 * of.price - 3 * of.discount
    rows = till.ask(
        "select (select sum(net_sales) from core.fct_order), sum(net_sales), sum(selling_cost), min(currency)"
        " from core.fct_customer_month cross join (select max(currency) as currency from core.fct_order)"
    )
    assert rows == [(total, total, of.cost, of.currency)]
