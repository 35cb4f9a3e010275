"""Ten days of a PostgreSQL shop: the same landed files give the same warehouse, however they come to be built.

The first load, then ten days of new rows, changed rows, rows that come late, corrections and deletions; built in the
order of the days (one build is cut off), shuffled, and in one go.
"""

import datetime as dt
import random
import shutil
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml

from pipeline.base.settings import load_settings
from pipeline.build.decisions import COLUMNS
from pipeline.landing.receipts import read_receipts
from tests.support.builds.project import make_project, run_in
from tests.support.programs.postgres import SHOP, Server

pytestmark = pytest.mark.slow
DAYS = 10
BUILT_ON = (0, 1, 4, 5, 8, DAYS)
CUT_OFF_ON = 7
NEW_PRODUCT_ON = 6
PUBLISHED = "in_order"
DECISIONS = "identity_decisions.csv"
# 1 is one with 0 from day 2 on, and 113 with 112 from day 3 on. People take the first apart and put it together again.
DECIDED_ON = {0: [], 5: [("never", 0, 1)], 8: [("never", 112, 113), ("same", 3, 110)]}
CUT_OFF_AFTER = ["+fct_return", "+dim_customer_history"]
FIRST_END = dt.datetime(2024, 3, 2, tzinfo=dt.UTC)
SEED = 7
UNACCOUNTED = """
select count(*) from ops.load_receipts where received <> accepted + quarantined + duplicates + excluded
"""
LAND = """
import datetime as dt, sys
from pipeline.landing import land_source
from pipeline.base.settings import load_settings
land_source(load_settings(), "shop", dt.datetime.fromisoformat(sys.argv[1]), force="force" in sys.argv)
"""
# One process for the layers, without their tests: what is compared are the tables. With the names of models, the build
# is cut off after them.
BUILD = """
import os, sys
from dbt.cli.main import dbtRunner
from pipeline.build import dbt
from pipeline.build import increment
from pipeline.build.plan import make_plan
from pipeline.base.settings import DBT_PROJECT, load_settings
settings = load_settings()
plan = make_plan(settings)
variables = increment.begin(settings, plan, dbt.build_variables(settings, plan))
options, environment = dbt.given(settings.build, variables)
os.environ.update(environment)
layers = ("staging", "intermediate", "core")
selected = sys.argv[1:] or [path for layer in layers for path in dbt.selectors(settings, layer)]
done = dbtRunner().invoke([
    "build", "--resource-type", "model", "--resource-type", "seed",
    "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT),
    "--target-path", str(settings.home / "dbt"), "--log-path", str(settings.home / "dbt"),
    *options, "--select", *selected,
])
assert done.success, done.exception
if not sys.argv[1:]:
    increment.complete(settings, plan, variables)
"""
PUBLISH = """
from pipeline.base.settings import load_settings
from pipeline.build.plan import load_plan
from pipeline.serving.identity_ledger import record_changes
settings = load_settings()
plan = load_plan(settings)
record_changes(settings, plan.release_id, plan.as_of_date, plan.sources)
"""
UPSERT = {"load": "upsert", "cursor": "updated_at", "look_back_hours": 6, "key_scan_days": 2}
TABLES = {
    "customers": {**UPSERT, "key": ["id"], "event_time": "created_at", "personal": ["email"]},
    "orders": {**UPSERT, "key": ["id"], "event_time": "placed_at"},
    "lines": {"load": "snapshot", "key": ["order_id", "line"]},
    "products": {"load": "snapshot", "key": ["sku"]},
    "payments": {"load": "append", "key": ["id"], "cursor": "paid_at", "look_back_hours": 0, "event_time": "paid_at"},
    "returns": {**UPSERT, "key": ["id"], "event_time": "returned_at"},
}
SOURCE = {
    **SHOP,
    "first_interval_start": "2024-02-01",
    "tables": {name: {"query_table": name, **table} for name, table in TABLES.items()},
}
STAGING = {
    "customers": {"source_customer_id": "id", "email": "email", "street": "city", "created_at": "created_at"},
    "products": {"product_id": "sku", "unit_cost": "cost"},
    "orders": {"order_id": "id", "source_customer_id": "customer", "status": "status", "ordered_at": "placed_at"},
    "order_lines": {
        "order_id": "order_id",
        "line_number": "line",
        "product_id": "line",
        "quantity": "quantity",
        "net_amount": "amount",
    },
    "payments": {"payment_id": "id", "order_id": "order_id", "paid_at": "paid_at", "amount": "amount"},
    "returns": {
        "return_id": "id",
        "order_id": "order_id",
        "source_customer_id": "customer",
        "product_id": "line",
        "refund_amount": "amount",
        "returned_at": "returned_at",
    },
}
LANDED_AS = {"order_lines": "lines"}
SCHEMA = (
    "create table customers (id int primary key, email text, city text)",
    "create table orders (id int primary key, customer int, status text, placed_at timestamptz)",
    "alter table customers add created_at timestamptz, add updated_at timestamptz",
    "alter table orders add updated_at timestamptz",
    "create table lines (order_id int, line int, quantity int, amount numeric(12, 2), primary key (order_id, line))",
    "create table products (sku int primary key, cost numeric(12, 2))",
    "create table payments (id int primary key, order_id int, amount numeric(12, 2), paid_at timestamptz)",
    "create table returns (id int primary key, order_id int, customer int, line int, amount numeric(12, 2))",
    "alter table returns add returned_at timestamptz, add updated_at timestamptz",
)
# What a build says of itself: the time it took, and what it recomputed.
UNLIKE = {"load_receipts": "seconds"}
OF_ONE_BUILD = (
    *("int_orders_changed", "int_records_changed", "int_returns_changed", "int_sightings_changed"),
    *("int_record_history_changed", "int_customer_records_changed"),
)


@dataclass(frozen=True)
class Shop:
    """The database, the project that reads it, and the folder of its homes."""

    postgres: Server
    project: Path
    folder: Path
    address: str

    def land(self, day: int, *options: str) -> None:
        """Load the interval that ends `day` days after the first one's end, into the home `landed`."""
        self._run(LAND, "landed", (FIRST_END + dt.timedelta(days=day)).isoformat(), *options)

    def build(self, home: str, *last: str) -> None:
        """Build up to the star; or up to some models, as a build that is cut off."""
        self._run(BUILD, home, *last)
        if home == PUBLISHED and not last:
            self._run(PUBLISH, home)  # a process of its own: dbt keeps the warehouse open

    def copy_ledger(self, home: str) -> None:
        """Give a home the ledger of the releases that were published."""
        ledger = Path("landing", "_ledger")
        shutil.copytree(self.folder / PUBLISHED / ledger, self.folder / home / ledger)

    def decide(self, *decisions: tuple[str, int, int]) -> None:
        """What people have decided of pairs of customers, from now on."""
        rows = [f"{what},shop,{one},shop,{other},Olga,she called,2024-03-05" for what, one, other in decisions]
        (self.folder / DECISIONS).write_text("\n".join([",".join(COLUMNS), *rows, ""]), encoding="utf-8")

    def _run(self, program: str, home: str, *arguments: str) -> None:
        env = {
            "AIRFLOW_CONN_SHOP_DB": self.address,
            "CRM_HOME": self.folder / home,
            "CRM_SOURCES": "shop",
            "CRM_IDENTITY_DECISIONS": self.folder / DECISIONS,
        }
        run_in(self.project, program, *arguments, **env)


def live(postgres: Server, day: int) -> None:
    """A day of the shop, which ends `day` days after the first interval's end."""
    noon = f"('2024-03-01 12:00:00+00'::timestamptz + interval '{day} days')"
    first = day * 100
    spread = f"{noon} + n % 100 * interval '5 minutes'"
    postgres.run(
        f"insert into customers select n, 'c' || n || '@example.org', 'city ' || n % 5, {spread}, {spread}"
        f" from generate_series({first}, {first + 19}) as n",
        f"insert into orders select n, n / 5, 'open', {spread}, {spread}"
        f" from generate_series({first}, {first + 99}) as n",
        f"insert into lines select n, line, 1 + n % 3, (n % 977 + line) / 7.0"
        f" from generate_series({first}, {first + 99}) as n, generate_series(1, 1 + n % 3) as line",
        f"insert into payments select n, n, n % 977 / 7.0, {spread} from generate_series({first}, {first + 99}) as n",
        # Every other return says whose it is; some are of orders that come the next day, or of what is no product yet.
        f"insert into returns select n, n * 3 - {first} * 2 + 20, case when n % 2 = 0 then n / 5 end,"
        f" case when n % 5 = 0 then 9 else 1 + n % 3 end, n % 97 / 7.0, {spread}, {spread}"
        f" from generate_series({first}, {first + 39}) as n",
        # Changes: people move, orders are sent; a correction of an old line, and of an old order back to what it was.
        f"update customers set city = 'moved ' || {day}, updated_at = {noon} where id % 17 = {day} and id < {first}",
        # They are one with their neighbour; on the last day, who has bought since.
        f"update customers set email = 'c' || (id - 1) || '@example.org', updated_at = {noon}"
        f" where (id % 7 = 1 and id / 100 = {day - 2}) or (id % 7 = 3 and id / 100 = 1 and {day} = {DAYS})",
        # What the build that is cut off finds, and the next day undoes: a customer with orders and no change of its own
        # is one with an earlier one, who is deleted then.
        f"update customers set email = 'c13@example.org', updated_at = {noon} where id = 12 and {day} = {CUT_OFF_ON}",
        f"delete from customers where id = 12 and {day} = {CUT_OFF_ON} + 1",
        # Costs change on the first days, and in the end that of what only the third lines are.
        f"insert into products select {1 + (day + 1) % 3}, {day}.50 where {day} not between 5 and {DAYS - 1}"
        " on conflict (sku) do update set cost = excluded.cost",
        f"insert into products select 9, 1.00 where {day} = {NEW_PRODUCT_ON}",
        f"update orders set status = 'sent', updated_at = {noon} where id % 25 = {day} and id < {first}",
        f"update orders set status = 'open', updated_at = {noon} where id % 41 = {day} and id < {first}",
        # Orders are cancelled or held back, with what was bought and returned of them, and some of them paid after all.
        f"update orders set status = case when id % 2 = 0 then 'cancelled' else 'On hold' end, updated_at = {noon}"
        f" where id % 19 = {day} and id < {first}",
        f"update orders set status = 'paid', updated_at = {noon} where id % 57 = {day - 2} and id < {first} - 200",
        f"update lines set amount = amount + 0.01 where order_id % 23 = {day} and order_id < {first}",
        f"update returns set amount = amount + 0.01, updated_at = {noon} where id % 13 = {day} and id < {first}",
        f"delete from returns where id % 29 = {day} and id < {first}",
        # Of the day, and late: written today, and dated three hours, or three days, before today began.
        *(
            f"insert into orders select n, n % 7, 'late', {noon} - interval '{hours} hours',"
            f" {noon} - interval '{hours} hours' from generate_series({start}, {start + 4}) as n"
            for hours, start in ((0, 30_000 + first), (15, 10_000 + first), (84, 20_000 + first))
            if day
        ),
        f"insert into returns select n + 10000, n - 200, null, 1, 1.00, {noon}, {noon}"
        f" from generate_series({30_000 + first}, {30_004 + first}) as n",
        # Some who have bought and returned since had moved five days ago.
        f"update customers set city = 'late', updated_at = {noon} - interval '5 days' where id < 4 and {day} = {DAYS}",
        # Gone: an order with its lines, a line of another order, a customer; one order comes back.
        f"delete from lines where order_id % 31 = {day} and order_id < {first}",
        f"delete from payments where order_id % 31 = {day} and order_id < {first}",
        f"delete from orders where id % 31 = {day} and id < {first}",
        f"delete from lines where order_id % 37 = {day} and line = 2",
        f"delete from customers where id % 89 = {day} + 13 and id < {first}",
        f"insert into orders select n, n / 5, 'again', {noon}, {noon} from generate_series(0, {first}) as n"
        f" where n % 31 = {day - 2} and n % 3 = 0 and n < {first} on conflict do nothing",
        "insert into lines select id, 1, 1, 9.99 from orders where not exists (select from lines where order_id = id)",
        database="shop",
    )


@pytest.fixture(scope="module")
def shop(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop, whose ten days have landed in the home `landed`; the home `in_order` was built on six of them."""
    folder = tmp_path_factory.mktemp("ten_days")
    models = {
        entity: f"{{{{ stage('{entity}', landed('{LANDED_AS.get(entity, entity)}'), columns={columns}) }}}}\n"
        for entity, columns in STAGING.items()
    }
    project = make_project(folder, "shop", yaml.safe_dump(SOURCE), models)
    shop = Shop(postgres, project, folder, postgres.new_database("shop"))
    postgres.run(*SCHEMA, database="shop")
    for day in range(DAYS + 1):
        live(postgres, day)
        shop.land(day)
        if day in DECIDED_ON:
            shop.decide(*DECIDED_ON[day])
        if day in (*BUILT_ON, CUT_OFF_ON):
            shutil.copytree(folder / "landed" / "landing", folder / "in_order" / "landing", dirs_exist_ok=True)
            shop.build("in_order", *(CUT_OFF_AFTER if day == CUT_OFF_ON else ()))
    return shop


@pytest.fixture(scope="module")
def at_once(shop: Shop) -> Path:
    """All that has landed, with the ledger, built in one go."""
    shutil.copytree(shop.folder / "landed" / "landing", shop.folder / "at_once" / "landing")
    shop.copy_ledger("at_once")
    shop.build("at_once")
    return shop.folder / "at_once" / "warehouse.duckdb"


def differing(one: Path, other: Path, *, schemas: tuple[str, ...] = ("intermediate", "core", "ops")) -> dict[str, int]:
    """Tables that differ, with the number of rows that only one of the warehouses has, of either."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one}' as one (read_only); attach '{other}' as other (read_only)")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            " where database_name = 'one' and schema_name in $1 and not list_contains($2, table_name)",
            [list(schemas), list(OF_ONE_BUILD)],
        ).fetchall()
        assert len(tables) > 30
        counts: dict[str, int] = {}
        for schema, table in tables:
            left_out = f"exclude ({UNLIKE[table]})" if table in UNLIKE else ""
            pair = [f"(select * {left_out} from {name}.{schema}.{table})" for name in ("one", "other")]
            query = "((from {} except all from {}) union all (from {} except all from {}))"
            query = query.format(pair[0], pair[1], pair[1], pair[0])
            ((counts[f"{schema}.{table}"],),) = connection.execute(f"select count(*) from {query}").fetchall()
        return {name: count for name, count in counts.items() if count}


def test_in_order_is_as_in_one_go(shop: Shop, at_once: Path) -> None:
    assert differing(shop.folder / PUBLISHED / "warehouse.duckdb", at_once) == {}


def test_ids_that_were_published_mean_customers_of_today(at_once: Path) -> None:
    """Also those of days on which people had decided otherwise."""
    with duckdb.connect(str(at_once), read_only=True) as built:

        def ids(*numbers: int) -> list[str]:
            query = "select distinct customer_id from core.customer_source_id where source_customer_id in $1"
            return [found for (found,) in built.execute(query, [[str(number) for number in numbers]]).fetchall()]

        def meant(number: int) -> list[tuple[str, str]]:
            query = (
                "select distinct current_customer_id, kind from core.customer_id_history"
                " where customer_id = 'c_' || substr(md5('shop|' || $1), 1, 16) order by kind"
            )
            return built.execute(query, [str(number)]).fetchall()

        assert len(ids(0, 1)) == len(ids(3, 110)) == 1
        assert len(ids(112, 113)) == 2
        (together,) = ids(0, 1)
        assert meant(0) == [(together, "current")]
        assert meant(1) == [(together, "merged")]
        assert sorted(kind for _, kind in meant(112) + meant(113)) == ["current", "current", "split"]


def test_shuffled_is_as_in_one_go(shop: Shop, at_once: Path) -> None:
    """Loads arrive in any order, three builds; each table has at least one load from the start."""
    landing = shop.folder / "landed" / "landing"
    receipts = sorted(landing.rglob("*.json"))
    random.Random(SEED).shuffle(receipts)
    first = {receipt.parent: receipt for receipt in receipts}
    rest = [receipt for receipt in receipts if receipt not in first.values()]
    shop.copy_ledger("shuffled")
    for group in ([*first.values(), *rest[:10]], rest[10:25], rest[25:]):
        for receipt in group:
            target = shop.folder / "shuffled" / "landing" / receipt.parent.relative_to(landing)
            target.mkdir(parents=True, exist_ok=True)
            for file in receipt.parent.glob(f"{receipt.stem}*"):
                shutil.copy(file, target)
        shop.build("shuffled")
    assert differing(shop.folder / "shuffled" / "warehouse.duckdb", at_once) == {}


def test_the_star_is_what_the_shop_holds(shop: Shop, at_once: Path) -> None:
    """Orders, their amounts and their state, customers, lines and payments are those of the database now."""
    with duckdb.connect(str(at_once), read_only=True) as built:
        orders = shop.postgres.ask("select id::text, status from orders order by id::text", database="shop")
        assert built.execute("select source_order_id, status from core.fct_order order by 1").fetchall() == orders
        total = shop.postgres.ask(
            "select count(*), sum(amount)::text from lines where order_id in (select id from orders)", database="shop"
        )
        found = built.execute(
            "select count(*), sum(net_amount + unsold_amount)::decimal(18, 2)::varchar from core.fct_order_line"
            " where line_number <> 0"
        )
        assert found.fetchall() == total
        returns = shop.postgres.ask("select count(*), sum(amount)::text from returns", database="shop")
        refunds = "select count(*), sum(original_refund_amount)::decimal(18, 2)::varchar from core.fct_return"
        assert built.execute(refunds).fetchall() == returns
        unsold = "status in ('cancelled', 'On hold')"
        sold = shop.postgres.ask(
            f"select sum(amount)::text from lines join orders on id = order_id where not {unsold}", database="shop"
        )
        sales = built.execute("select sum(net_sales)::decimal(18, 2)::varchar from core.fct_customer_month")
        assert sales.fetchall() == sold
        assert built.execute(f"select bool_and(is_purchase = not {unsold}) from core.fct_order").fetchall() == [(True,)]
        assert built.execute("select count(*) > 30 from core.fct_order where not is_purchase").fetchall() == [(True,)]
        people = shop.postgres.ask("select id::text, email from customers order by id::text", database="shop")
        mailed = built.execute(
            "select source_customer_id, email from intermediate.int_customers where email is not null order by 1"
        )
        assert mailed.fetchall() == people


def test_each_landed_row_has_one_fate(shop: Shop, at_once: Path) -> None:
    """(File, position) of what landed and of what was judged are the same, once each; and the receipts add up."""
    receipts = read_receipts_of(shop)
    files = [str(shop.folder / "at_once" / receipt["file"]) for receipt in receipts]
    with duckdb.connect(str(at_once), read_only=True) as built:
        landed = f"""
            select replace(filename, '{shop.folder / "at_once"}/', '') as file, _position
            from read_parquet({files}, filename = true, union_by_name = true)
        """
        judged = "select landed_file, position_in_file from intermediate.int_row_fates"
        for one, other in ((landed, judged), (judged, landed)):
            assert built.execute(f"select count(*) from ({one} except all {other})").fetchall() == [(0,)]
        assert built.execute(f"select count(*) from ({landed})").fetchall()[0][0] > 3000
        fates = built.execute("select fate, sum(landed_rows)::int from ops.row_fates group by 1 order by 1").fetchall()
        assert [fate for fate, _ in fates] == ["accepted", "duplicate"]
        assert sum(rows for _, rows in fates) == sum(receipt["received"] for receipt in receipts)
        assert built.execute(UNACCOUNTED).fetchall() == [(0,)]


def read_receipts_of(shop: Shop) -> list[dict[str, object]]:
    settings = load_settings({"CRM_HOME": str(shop.folder / "landed"), "CRM_SOURCES": "*"})
    return [receipt for table in TABLES for receipt in read_receipts(settings, "shop", table)]


def test_a_forced_reload_and_a_second_delivery_change_what_they_should(shop: Shop, at_once: Path) -> None:
    """The last interval again, with nothing new in the shop: only the loads differ. Then with one correction in it."""
    shop.copy_ledger("landed")
    reloaded = shop.folder / "landed" / "warehouse.duckdb"
    before = len(read_receipts_of(shop))
    shop.land(DAYS)  # has landed: not asked for again
    assert len(read_receipts_of(shop)) == before
    shop.land(DAYS, "force")
    assert len(read_receipts_of(shop)) > before
    shop.build("landed")
    assert {name for name in differing(reloaded, at_once) if not name.endswith("__rows")} <= {
        "ops.load_receipts",
        "ops.row_fates",
        "ops.source_freshness",
    }

    one_order = DAYS * 100
    moment = FIRST_END + dt.timedelta(days=DAYS, hours=-1)
    shop.postgres.run(
        f"update orders set status = 'corrected', updated_at = '{moment.isoformat()}' where id = {one_order}",
        f"update lines set amount = amount + 1 where order_id = {one_order} and line = 1",
        database="shop",
    )
    shop.land(DAYS, "force")
    shop.build("landed")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{reloaded}' as now (read_only); attach '{at_once}' as before (read_only)")
        changed = connection.execute(
            "select now.source_order_id, now.status, now.net_amount - before.net_amount from now.core.fct_order as now"
            " full join before.core.fct_order as before using (order_id)"
            " where now is distinct from before"
        ).fetchall()
    assert changed == [(str(one_order), "corrected", Decimal(1))]
