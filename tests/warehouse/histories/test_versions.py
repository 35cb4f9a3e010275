"""What becomes of rows that share a key: over loads, within a load, corrected, repeated, ambiguous, broken, late."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.warehouse.till import Till, make_till

TABLES = """\
  receipts:
    file: "*.csv"
    format: csv
    load: append
    key: [receipt]
    event_time: at
    columns: [receipt, who, at, amount]
"""
STAGING = """\
{{ stage('orders', landed('receipts'), columns={
    'order_id': 'receipt',
    'source_customer_id': 'who',
    'total_amount': 'amount',
    'ordered_at': '"at"',
}) }}
"""
LAND_AND_BUILD = """
from pipeline.build import dbt
from pipeline.landing import land_source
from pipeline.build.plan import make_plan
from pipeline.base.settings import load_settings

settings = load_settings()
land_source(settings, "till")
make_plan(settings)
dbt.run_layers(settings, *dbt.BEFORE_MINING)
"""
Row = tuple[str, str, str, str]
Deliver = Callable[[str, Iterable[Row]], Till]


@pytest.fixture
def deliver(tmp_path: Path) -> Deliver:
    """Deliver a file to a copy of the project that knows the till, build, and return it."""
    till = make_till(tmp_path, TABLES, {"orders": STAGING})

    def send(name: str, rows: Iterable[Row]) -> Till:
        till.write(name, ("receipt", "who", "at", "amount"), rows)
        till.run(LAND_AND_BUILD)
        return till

    return send


ORDERS = "select source_order_id, net_sales::varchar from core.fct_order order by 1"
FATES = """
select fate, coalesce(split_part(reason, ':', 1), ''), sum(landed_rows)::int
from ops.row_fates group by 1, 2 order by 1, 2
"""
LOADS = "select count(*) from ops.load_receipts where received <> accepted + quarantined + duplicates + excluded"


def test_rows_of_one_key(deliver: Deliver) -> None:
    """Three days of a till.

    Monday: Ana's receipt, twice the same line; Ben's receipt with two amounts, it is unknown which; a broken amount; a
    year mistyped. Tuesday: Ben's receipt again, now only one amount; Ana's corrected; two without a number. Later a
    file for Monday, late: Ana's correction once more, and a receipt of Cleo that nobody had seen.
    """
    monday = [
        ("1", "ana", "2024-03-04 10:00:00", "10.00"),
        ("1", "ana", "2024-03-04 10:00:00", "10.00"),
        ("2", "ben", "2024-03-04 11:00:00", "20.00"),
        ("2", "ben", "2024-03-04 11:00:00", "21.00"),
        ("3", "cleo", "2024-03-04 12:00:00", "0x10"),
        ("4", "dan", "0204-03-04 12:00:00", "5.00"),
        ("5", "eve", "2024-03-04 23:30:00", "7.5"),
    ]
    till = deliver("monday.csv", monday)
    assert till.ask(ORDERS) == [("1", "10.0000"), ("5", "7.5000")]
    assert till.ask(FATES) == [
        ("accepted", "", 2),
        ("duplicate", "", 1),
        ("quarantined", "order_id", 2),
        ("quarantined", "ordered_at", 1),
        ("quarantined", "total_amount", 1),
    ]

    tuesday = [
        ("2", "ben", "2024-03-04 11:00:00", "21.00"),
        ("1", "ana", "2024-03-04 10:00:00", "12.00"),
        ("", "dan", "2024-03-05 10:00:00", "3.00"),
        (" ", "eve", "2024-03-05 11:00:00", "4.00"),
    ]
    late = [("1", "ana", "2024-03-04 10:00:00", "12.00"), ("6", "cleo", "2024-03-04 09:00:00", "9.99")]
    deliver("tuesday.csv", [*tuesday, ("7", "eve", "2024-03-05 10:00:00", "1.00")])
    till = deliver("zz_monday_late.csv", late)
    assert till.ask(ORDERS) == [
        ("1", "12.0000"),
        ("2", "21.0000"),
        ("5", "7.5000"),
        ("6", "9.9900"),
        ("7", "1.0000"),
    ]
    assert till.ask(LOADS) == [(0,)]
    assert till.ask("select sum(received)::int from ops.load_receipts") == [(len(monday) + 7,)]
    numberless = "select fate, landed_rows from ops.row_fates where reason = 'order_id: missing'"
    assert till.ask(numberless) == [("quarantined", 2)]
    known = till.ask("select order_date::varchar, known_date::varchar from core.fct_order where source_order_id = '6'")
    assert known == [("2024-03-04", "2024-03-05")]
    assert till.ask("select order_date::varchar from core.fct_order where source_order_id = '5'") == [("2024-03-04",)]
