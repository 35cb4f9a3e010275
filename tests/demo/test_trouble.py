"""Planted trouble is in the files, and the truth says what must become of it."""

import sqlite3
from pathlib import Path

import pytest

from demo.systems.trouble import TROUBLE
from tests.demo.company_files import make, truth


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("spoilt"), customers=1_500, corruption=5)


def value(home: Path, query: str) -> int:
    with sqlite3.connect(home / "demo/shop/shop.sqlite") as database:
        return int(database.execute(query).fetchone()[0])


def planted(home: Path, table: str, fate: str, name: str) -> int:
    source, table_name = table.split(".")
    rows = truth(
        home,
        f"""select sum(rows) from fates where source_system = '{source}' and table_name = '{table_name}'
            and fate = '{fate}' and planted = '{name}'""",
    )
    return int(rows[0][0] or 0)


def test_every_kind_of_trouble_is_planted_somewhere(spoilt: Path) -> None:
    found = {
        (f"{row[0]}.{row[1]}", row[2]) for row in truth(spoilt, "select source_system, table_name, planted from fates")
    }
    wanted = {(table, kind.name) for table, kinds in TROUBLE.items() for kind in kinds}
    # Tables of a few hundred rows do not have every kind.
    small = {"demo_shop.products", "demo_shop.fx_rates", "demo_sales.opportunities", "demo_marketing.responses"}
    assert {pair for pair in wanted - found if pair[0] not in small} == set()


@pytest.mark.parametrize(
    ("table", "name", "condition"),
    [
        ("orders", "order in a currency without a rate", "currency = 'XTS'"),
        ("orders", "order at no possible time", "placed_at like '31/02/%'"),
        ("order_lines", "amount that is not a number", "amount = 'abc'"),
        ("order_lines", "line of an order that is not there", "order_no not in (select order_no from orders)"),
        ("order_lines", "line of a quarantined order",
         "order_no in (select order_no from orders where currency = 'XTS' or placed_at like '31/02/%')"),
        ("returns", "refund that is not a number", "refund = '12,5O'"),
    ],
)  # fmt: skip
def test_the_truth_counts_the_rows_of_the_shop(spoilt: Path, table: str, name: str, condition: str) -> None:
    count = value(spoilt, f"select count(*) from {table} where {condition}")
    assert count > 0
    assert planted(spoilt, f"demo_shop.{table}", "quarantined", name) == count


def test_duplicates_are_counted_once_each(spoilt: Path) -> None:
    for table, key in (
        ("orders", "order_no"),
        ("order_lines", "order_no || '/' || line_no"),
        ("payments", "payment_no"),
    ):
        extra = value(spoilt, f"select count(*) - count(distinct {key}) from {table}")
        assert extra > 0
        assert planted(spoilt, f"demo_shop.{table}", "duplicate", "delivered twice") == extra


def test_a_line_of_its_order_always_stays(spoilt: Path) -> None:
    """An order all of whose lines were quarantined would vanish from the facts while its header is accepted."""
    bare = """
        select count(*) from orders where currency <> 'XTS' and placed_at not like '31/02/%' and order_no not in
            (select order_no from order_lines where amount <> 'abc' and quantity <> 'two')
    """
    assert value(spoilt, bare) == 0


def test_nothing_is_paid_or_returned_for_a_quarantined_order(spoilt: Path) -> None:
    bad = "(select order_no from orders where currency = 'XTS' or placed_at like '31/02/%')"
    assert value(spoilt, f"select count(*) from orders where order_no in {bad}") > 0
    for table in ("payments", "returns"):
        assert value(spoilt, f"select count(*) from {table} where order_no in {bad}") == 0


def test_late_corrected_and_deleted_rows_come_in_later_files(spoilt: Path) -> None:
    deliveries: dict[str, list[tuple[str, list[str]]]] = {}
    for path in sorted((spoilt / "demo/service/contacts").glob("*.csv")):
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            values = line.split(",")
            if len(values) > 5:
                deliveries.setdefault(values[0], []).append((path.stem, values))
    late = [rows for rows in deliveries.values() if len(rows) == 1 and rows[0][0] > rows[0][1][-3][:10] > "2"]
    deleted = [rows for rows in deliveries.values() if rows[-1][1][-1] == "1"]
    assert len(late) == planted(spoilt, "demo_service.contacts", "accepted", "delivered late")
    assert len(late) > 10
    assert deleted
    assert all(rows[-1][0] > rows[0][0] and rows[-1][1][-2] > rows[0][1][-2] for rows in deleted)


def test_cut_lines_cannot_be_read(spoilt: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (spoilt / "demo/web/events").glob("*.jsonl")]
    cut = sum(not line.endswith("}") for text in texts for line in text.splitlines())
    assert cut > 0
    assert planted(spoilt, "demo_web.events", "quarantined", "line cut off") == cut


def test_without_corruption_every_row_is_accepted(tmp_path: Path) -> None:
    home = make(tmp_path, customers=300, corruption=0)
    assert truth(home, "select distinct planted, fate from fates") == [("none", "accepted")]


def test_totals_leave_out_what_is_quarantined_or_delivered_again(spoilt: Path) -> None:
    ((orders,),) = truth(spoilt, "select rows from totals where measure = 'orders'")
    ((accepted,),) = truth(spoilt, "select sum(rows) from fates where table_name = 'orders' and fate = 'accepted'")
    bad = value(spoilt, "select count(*) from orders where currency = 'XTS' or placed_at like '31/02/%'")
    assert orders == accepted == value(spoilt, "select count(distinct order_no) from orders") - bad
    ((net_sales,),) = truth(spoilt, "select amount from totals where measure = 'net_sales'")
    assert truth(spoilt, "select sum(net_amount) from purchases where is_accepted") == [(net_sales,)]
