"""`make diff` between two demo days into which late rows, a correction and a merge were planted: to the cent.

What each cause is expected to say is read from the source files and the truth of the second day, and from what was
planted; of the releases only the future values of the customers that were touched are read.
"""

import csv
import json
import os
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.base.settings import ROOT
from tests.support.builds.quick import TABLES_ONLY
from tests.support.programs.perennial import PERENNIAL

pytestmark = pytest.mark.slow
DAY = "2026-01-01"
COMPANY = {
    "CRM_SOURCES": "demo_*",
    "DEMO_CUSTOMERS": "600",
    # Nothing is late, corrected or doubtful but what is planted.
    "DEMO_ERRORS": "0",
    "DEMO_CORRUPTION": "0",
    **TABLES_ONLY,
}
# Amounts with 9 % tax, and the tax in them.
LATE_LINES = (("33.35", "2.75"), ("10.01", "0.83"))
LATE_SALES = Decimal("39.78")
CORRECTION, CORRECTION_TAX, CORRECTED_SALES = Decimal("-1.23"), Decimal("-0.10"), Decimal("-1.13")
LATE_CONTACT_COST = Decimal("6.31")
LATE_ORDER = "insert into orders values ('L1', ?, '2025-12-20 10:00:00', 'web', 'own', 'completed', 'SGD', 1, null, ?)"
LATE_LINE = "insert into order_lines values ('L1', ?, ?, 'product', '1', ?, '0.00', ?, ?)"
NOW = f"{DAY} 09:00:00"
# As if the second account had been the same person's all along.
PERSONAL = ("given_name", "family_name", "email", "phone", "loyalty_no", "birth_date", "street", "postcode")
# Buyers of whom the shop alone knows, in one record; so a merge takes a whole customer away.
SHOP_ONLY = """
    select any_value(source_customer_id) from truth.records
    group by person_id having count(*) = 1 and any_value(source_system) = 'demo_shop'
    order by person_id
"""


@dataclass(frozen=True)
class Planted:
    """What the late goods cost; the corrected order; an order that moves with the merge; orders and lines that do."""

    late_cost: Decimal
    corrected: str
    moved: str
    merged: tuple[int, int]


def run(home: Path, *words: str, **env: str) -> str:
    done = subprocess.run(
        [PERENNIAL, *words],
        cwd=ROOT,
        env={**os.environ, **COMPANY, "CRM_HOME": str(home), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def ask(query: str, **folders: Path) -> list[tuple[Any, ...]]:
    """Query Parquet files as `<folder>.<file>`."""
    with duckdb.connect() as connection:
        for name, folder in folders.items():
            connection.execute(f"create schema {name}")
            for path in folder.glob("*.parquet"):
                connection.execute(f"create view {name}.{path.stem} as from read_parquet('{path}')")
        return connection.execute(query).fetchall()


def totals(home: Path) -> dict[str, Decimal]:
    """The truth of a delivery: `<measure>` is its amount, `<measure> rows` its number of rows."""
    rows = ask("select measure, rows, coalesce(amount, 0) from truth.totals", truth=home / "truth")
    amounts = {name: amount for name, _, amount in rows}
    return amounts | {f"{name} rows": Decimal(count) for name, count, _ in rows}


def plant(home: Path) -> Planted:
    """Change what the systems deliver on the second day."""
    shop_only = [name for (name,) in ask(SHOP_ONLY, truth=home / "truth")]
    with closing(sqlite3.connect(home / "demo" / "shop" / "shop.sqlite")) as shop:
        buyers = [name for (name,) in shop.execute("select distinct customer_no from orders order by customer_no")]
        late, corrected, kept = [name for name in buyers if name not in shop_only][:3]
        cost = plant_late_order(shop, late)
        order = plant_correction(shop, corrected)
        moved = plant_merge(shop, kept, next(name for name in buyers if name in shop_only))
        shop.commit()
    plant_late_contact(home / "demo" / "service" / "contacts" / f"{DAY}.csv")
    return Planted(cost, order, *moved)


def plant_late_order(shop: sqlite3.Connection, customer: str) -> Decimal:
    """An order of twelve days ago; return what its goods cost."""
    products = shop.execute("select sku, unit_cost from products order by abs(list_price - 30), sku limit 2").fetchall()
    shop.execute(LATE_ORDER, (customer, NOW))
    for line, ((sku, _), (amount, tax)) in enumerate(zip(products, LATE_LINES, strict=True), 1):
        shop.execute(LATE_LINE, (line, sku, amount, amount, tax))
    return sum((Decimal(cost) for _, cost in products), Decimal(0))


def plant_correction(shop: sqlite3.Connection, customer: str) -> str:
    """A higher discount on the customer's first line; return the order."""
    order, line, discount, amount, tax = shop.execute(
        "select order_no, line_no, discount, amount, tax from order_lines inner join orders using (order_no)"
        " where customer_no = ? and line_type = 'product' order by placed_at, line_no",
        (customer,),
    ).fetchone()
    changed = (Decimal(discount) - CORRECTION, Decimal(amount) + CORRECTION, Decimal(tax) + CORRECTION_TAX)
    shop.execute(
        "update order_lines set discount = ?, amount = ?, tax = ? where order_no = ? and line_no = ?",
        (*map(str, changed), order, line),
    )
    return str(order)


def plant_merge(shop: sqlite3.Connection, kept: str, merged: str) -> tuple[str, tuple[int, int]]:
    """One customer's account gets the name, the addresses and the numbers of another's; return what moves."""
    columns = ", ".join(PERSONAL)
    values = shop.execute(f"select {columns} from customers where customer_no = ?", (kept,)).fetchone()
    holders = ", ".join("?" * len(PERSONAL))
    shop.execute(
        f"update customers set ({columns}) = ({holders}), updated_at = ? where customer_no = ?", (*values, NOW, merged)
    )
    order, orders, lines = shop.execute(
        "select min(order_no), count(distinct order_no), count(*) from orders inner join order_lines using (order_no)"
        " where customer_no = ?",
        (merged,),
    ).fetchone()
    return order, (orders, lines)


def plant_late_contact(new: Path) -> None:
    """A call of the year before, delivered today: another one of the day's first caller, with another number."""
    with new.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    days_before = {"started_at": "2025-12-15T10:00:00+08:00", "updated_at": "2025-12-15T10:05:00+08:00"}
    rows.append(
        {**rows[0], **days_before, "contact_no": "T1", "case_no": "", "order_no": "", "cost": str(LATE_CONTACT_COST)}
    )
    with new.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(rows)


@dataclass(frozen=True)
class Compared:
    """What `make diff` says, what was planted, and what the truth of the second day has that the first has not."""

    releases: dict[str, Path]
    measures: dict[str, dict[str, Any]]
    planted: Planted
    new: dict[str, Decimal]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    home = tmp_path_factory.mktemp("diff") / "home"
    run(home, "demo", "make")
    run(home, "run")
    before = totals(home)
    run(home, "demo", "make", DEMO_UNTIL=DAY)
    after = totals(home)
    planted = plant(home)
    run(home, "run")
    found = json.loads(run(home, "diff", "--format", "json"))
    new = {name: amount - before.get(name, Decimal(0)) for name, amount in after.items()}
    releases = {side: home / "serving" / "releases" / found[side]["release_id"] / "parquet" for side in ("a", "b")}
    return Compared(releases, {each["measure"]: each for each in found["measures"]}, planted, new)


def causes(compared: Compared, measure: str) -> dict[str, Decimal]:
    """Amounts by cause; they sum to the difference."""
    each = compared.measures[measure]
    found = {cause: Decimal(part["amount"]) for cause, part in each["causes"].items()}
    assert sum(found.values()) == Decimal(each["difference"]) == Decimal(each["b"]) - Decimal(each["a"])
    return found


def test_amounts_of_the_facts_are_explained_to_the_cent(compared: Compared) -> None:
    new, late_cost = compared.new, compared.planted.late_cost
    new_costs = sum(amount for name, amount in new.items() if name.startswith("costs ")) + new["contact_cost"]
    expected = {
        "net_sales": (new["net_sales"], LATE_SALES, CORRECTED_SALES),
        "cost_of_goods": (new["cost_of_goods"], late_cost, 0),
        "costs": (new_costs, LATE_CONTACT_COST, 0),
        "refunds": (new["refund_amount"], 0, 0),
        "recovered": (new["recovered_amount"], 0, 0),
    }
    for measure, amounts in expected.items():
        found = causes(compared, measure)
        # An identity change may move a cost to another customer; it does not change its amount.
        assert found.pop("identity", 0) == found.pop("derived", 0) == 0
        assert tuple(found.get(cause, 0) for cause in ("new_period", "late", "correction")) == amounts, measure
        assert found.keys() <= {"new_period", "late", "correction"}
    margin = [expected["net_sales"][n] - expected["cost_of_goods"][n] - expected["refunds"][n] for n in range(3)]
    margin[0] += new["recovered_amount"]
    historic = [amount - expected["costs"][n] for n, amount in enumerate(margin)]
    for measure, amounts in (("margin", margin), ("clv_historic", historic)):
        found = causes(compared, measure)
        assert [found.pop(cause) for cause in ("new_period", "late", "correction")] == amounts, measure
        assert set(found.values()) <= {Decimal(0)}


def test_counts_are_explained(compared: Compared) -> None:
    new = compared.new
    assert causes(compared, "customers") == {"identity": -1}
    assert causes(compared, "purchases") == {
        "new_period": new["orders rows"],
        "late": 1,
        "correction": 0,
        "identity": 0,
    }
    assert causes(compared, "contacts") == {"new_period": new["contacts rows"], "late": 1}
    assert causes(compared, "web_sessions") == {"new_period": new["web_sessions rows"]}


def test_each_row_has_the_cause_that_was_planted(compared: Compared) -> None:
    planted = compared.planted
    rows = {measure: each["causes"] for measure, each in compared.measures.items()}
    orders = {cause: part["rows"] for cause, part in rows["purchases"].items()}
    lines = {cause: part["rows"] for cause, part in rows["net_sales"].items()}
    del lines["new_period"]
    assert orders == {
        "new_period": compared.new["orders rows"],
        "late": 1,
        "correction": 1,
        "identity": planted.merged[0],
    }
    assert lines == {"late": len(LATE_LINES), "correction": 1, "identity": planted.merged[1]}


def test_a_future_value_has_the_cause_of_its_customer(compared: Compared) -> None:
    """Of the two who are one, of whose line was corrected, and of those who bought or called late."""
    a, b = ({"core": folder / "core", "marts": folder / "marts"} for folder in compared.releases.values())
    value = "select customer_id, clv_future from marts.customer_clv"
    before, after = dict(ask(value, **a)), dict(ask(value, **b))
    order = "select customer_id from core.fct_order where order_id = 'demo_shop:{}'"
    touched = {
        "late": f"{order.format('L1')} union"
        " select customer_id from core.fct_contact where contact_id = 'demo_service:T1'",
        "correction": order.format(compared.planted.corrected),
        "identity": order.format(compared.planted.moved),
    }
    found = causes(compared, "clv_future")
    for cause, query in touched.items():
        customers = set(ask(query, **a)) | set(ask(query, **b))
        expected = sum(after.get(name, 0) - before.get(name, 0) for (name,) in customers)
        assert found[cause] == expected != 0, cause
    assert found.keys() == {"new_period", *touched, "derived"}
