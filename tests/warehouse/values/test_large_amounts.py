"""A company in rupiah, where an order of a hundred dollars is one of 1.6 million: no product of amounts overflows."""

import os
from decimal import Decimal
from unittest.mock import patch

import pytest

from tests.support.builds.quick import TABLES_ONLY
from tests.warehouse.till import Till, make_till

TABLES = """\
  orders: {file: orders.csv, format: csv, load: snapshot, key: [id], event_time: at}
  lines: {file: lines.csv, format: csv, load: snapshot, key: [id, line]}
  rates: {file: rates.csv, format: csv, load: snapshot, key: [day]}
"""
STAGING = {
    "orders": "{{ stage('orders', landed('orders'), columns={'order_id': 'id', 'source_customer_id': \"'ana'\","
    " 'currency': 'currency', 'ordered_at': '\"at\"'}) }}",
    "order_lines": "{{ stage('order_lines', landed('lines'), columns={'order_id': 'id', 'line_number': 'line',"
    " 'quantity': 'quantity', 'unit_cost': 'cost', 'net_amount': 'amount'}) }}",
    "fx_rates": "{{ stage('fx_rates', landed('rates'), columns={'rate_date': 'day', 'from_currency': \"'USD'\","
    " 'to_currency': \"'IDR'\", 'rate': 'rate'}) }}",
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
dbt.run_layers(settings, *dbt.BEFORE_MINING)
"""
LARGEST = "999999999999.99"  # an amount of a trillion or more is set aside
LINES = {
    # order: currency, time, quantity, unit cost, amount
    "own": ("IDR", "2024-03-01 10:00:00", "20000", "600000", "13000000000.00"),
    "dollars": ("USD", "2024-03-02 10:00:00", "1", "", "150.00"),
    "largest": ("IDR", "2024-03-03 10:00:00", "1", "", LARGEST),
    "too large": ("IDR", "2024-03-04 10:00:00", "1", "", "99999999999999.99"),
    "no time": ("IDR", "30 February", "1", "", LARGEST),
}


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Till:
    """Five orders of a line each; the last two are set aside."""
    till = make_till(tmp_path_factory.mktemp("large"), TABLES, STAGING)
    till.write("orders.csv", ["id", "currency", "at"], [(name, *values[:2]) for name, values in LINES.items()])
    header = ["id", "line", "quantity", "cost", "amount"]
    till.write("lines.csv", header, [(name, "1", *values[2:]) for name, values in LINES.items()])
    till.write("rates.csv", ["day", "rate"], [("2024-03-01", "15800.25")])
    with patch.dict(os.environ, {**TABLES_ONLY, "CRM_CURRENCY": "IDR"}):
        till.run(BUILD)
    return till


def test_amounts_of_billions_are_facts(till: Till) -> None:
    rows = till.ask("select order_id, net_amount, cost_amount from core.fct_order_line order by net_amount")
    assert rows == [
        ("till:dollars", Decimal("2370037.5"), None),
        ("till:own", Decimal(13_000_000_000), Decimal(12_000_000_000)),
        ("till:largest", Decimal(LARGEST), None),
    ]


def test_what_is_set_aside_is_summed(till: Till) -> None:
    rows = till.ask("select set_aside_rows, set_aside_amount from ops.quarantined_money where table_name = 'lines'")
    assert rows == [(2, Decimal(LARGEST) + Decimal("99999999999999.99"))]
