"""Histories of a live database, made up at random: after the next scan the warehouse has what the database has."""

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg2
import pytest
import yaml
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

import pipeline.base.settings
from pipeline.base.errors import UserError
from pipeline.base.settings import load_settings
from pipeline.landing import accept, land_source
from pipeline.landing.receipts import read_receipts
from tests.support.builds.conformed import Conformed, compile_source
from tests.support.programs import mariadb
from tests.support.programs.postgres import ORDERS, SHOP, Server

DAY = dt.timedelta(days=1)
# LIVE_HISTORIES in the environment changes how many of a server `make test-all` makes up; 200 take 20 minutes. The few
# of `make test` are among them.
FEW, MANY = 15, int(os.environ.get("LIVE_HISTORIES", "40"))
SCAN_DAYS = 7
SHARE, FROM_ROWS = 0.3, 3
VOLUME = {"gone_at_most": SHARE, "gone_from_rows": FROM_ROWS}
SOURCE: dict[str, Any] = {
    **SHOP,
    "first_interval_start": "2024-01-01",
    "max_connections": 1,
    "tables": {
        "orders": {
            **ORDERS,
            "key_scan_days": SCAN_DAYS,
            "look_back_hours": 12,
            "deleted": "is_deleted",
            "volume": VOLUME,
            "may_be_empty": True,
        },
        "products": {
            "query_table": "products",
            "load": "snapshot",
            "key": ["id"],
            "volume": VOLUME,
            "may_be_empty": True,
        },
    },
}
STAGING = {
    "orders": "{{ stage('orders', landed('orders'), columns={'order_id': 'id', 'total_amount': 'amount',"
    " 'ordered_at': 'placed_at'}) }}",
    "products": "{{ stage('products', landed('products'), columns={'product_id': 'id', 'product_name': 'name'}) }}",
}
CREATE = """
drop table if exists orders;
drop table if exists products;
create table orders (
    id bigint primary key, amount numeric(12, 2), is_deleted boolean not null default false,
    placed_at {time} not null, updated_at {time});
create table products (id bigint primary key, name varchar(20))
"""
Rows = dict[Any, Any]


class Client(Protocol):
    """What makes up the history of a database."""

    def ask(self, statements: str) -> list[tuple[Any, ...]]:
        """Run statements; return the rows of the last one."""

    def close(self) -> None:
        """End it."""


class PostgreSQLClient:
    def __init__(self, address: str) -> None:
        self._connection = psycopg2.connect(address)
        self._connection.autocommit = True

    def ask(self, statements: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statements)
            return list(cursor.fetchall()) if cursor.description else []

    def close(self) -> None:
        self._connection.close()


def create(client: Client, time: str) -> None:
    """Make the tables, empty."""
    for statement in CREATE.format(time=time).split(";"):
        client.ask(statement)


@dataclass(frozen=True)
class Shop:
    """A database of the server whose histories are made up, and what reads it.

    `time` is the type of its times, which are in UTC.
    """

    client: Client
    time: str
    conformed: Conformed
    folder: Path


@pytest.fixture(scope="module")
def of_postgresql(postgres: Server) -> Iterator[Shop]:
    address = postgres.new_database("histories")
    admin = postgres.socket_uri.replace("/postgres?", "/histories?")
    with shop_of(PostgreSQLClient(admin), "timestamptz", "postgresql", address) as made:
        yield made


@pytest.fixture(scope="module")
def of_mariadb() -> Iterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder, mariadb.server(Path(folder)) as running:
        address = running.new_database("histories")
        with shop_of(mariadb.Client(running, "histories"), "datetime", "sql", address) as made:
            yield made


@contextmanager
def shop_of(client: Client, time: str, kind: str, address: str) -> Iterator[Shop]:
    """Compile the models of the shop, once for all histories."""
    source = {**SOURCE, "kind": kind}
    with tempfile.TemporaryDirectory(prefix="perennial-") as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setenv("AIRFLOW_CONN_SHOP_DB", address)
        create(client, time)
        compiled = compile_source(folder, "shop", source, STAGING, AIRFLOW_CONN_SHOP_DB=address)
        compiled.connection.execute("pragma disable_optimizer")  # of so few rows, planning is what takes time
        (folder / "sources").mkdir()
        (folder / "sources" / "shop.yml").write_text(yaml.safe_dump(source), encoding="utf-8")
        patch.setattr(pipeline.base.settings, "SOURCE_FILES", folder / "sources")
        yield Shop(client, time, compiled, folder)
        client.close()


class History(RuleBasedStateMachine):
    """A shop's database and its loads. `now` is the true time; a row's cursor is what its writer believed."""

    shop: Shop

    @initialize()
    def begin(self) -> None:
        self.conformed = self.shop.conformed
        self.settings = load_settings({"CRM_HOME": str(self.shop.folder / "loads"), "CRM_SOURCES": "shop"})
        shutil.rmtree(self.settings.home, ignore_errors=True)
        create(self.shop.client, self.shop.time)
        self.now = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)
        self.columns = "id, amount, is_deleted, placed_at, updated_at"
        self.next_id, self.deleted, self.away = 1, {}, None
        self.known: dict[str, dict[str, Rows]] = {}
        self.current: dict[str, Rows] = {"orders": {}, "products": {}}

    # The database

    def ask(self, statements: str) -> list[tuple[Any, ...]]:
        return self.shop.client.ask(statements)

    def ids(self) -> list[int]:
        return [int(row[0]) for row in self.ask("select id from orders order by id")]

    def rows(self, condition: str) -> tuple[str, list[str]]:
        """Orders as SQL: their columns, and the values of each."""
        rows = self.ask(f"select {self.columns} from orders where {condition}")
        literals = [["null" if value in (None, "NULL") else f"'{value}'" for value in row] for row in rows]
        return self.columns, [", ".join(row) for row in literals]

    def put(self, columns: str, values: Sequence[str]) -> None:
        self.ask(f"insert into orders ({columns}) values ({'), ('.join(values)})")

    def time(self, hours: int) -> str:
        """A time of the database: `hours` from now."""
        moment = self.now + dt.timedelta(hours=hours)
        return f"'{moment.replace(tzinfo=None)}'" if self.shop.time == "datetime" else f"'{moment}'"

    @rule(hours=st.integers(0, 40))
    def time_passes(self, hours: int) -> None:
        self.now += dt.timedelta(hours=hours)

    @rule(count=st.integers(1, 6), late=st.sampled_from([0, 0, 0, -3, -30, -400, 2, 50, 20_000]))
    def insert(self, count: int, late: int) -> None:
        for _ in range(count):
            values = f"{self.next_id}, {self.next_id}.50, false, {self.time(min(0, late))}, {self.time(late)}"
            self.put("id, amount, is_deleted, placed_at, updated_at", [values])
            self.ask(f"insert into products values ({self.next_id}, 'p{self.next_id}')")
            self.next_id += 1

    @rule(data=st.data(), skew=st.sampled_from([0, 0, 0, -1, 1, -26, 26, -300]), amount=st.integers(1, 5))
    def update(self, data: st.DataObject, skew: int, amount: int) -> None:
        if ids := self.ids():
            chosen = data.draw(st.sampled_from(ids))
            self.ask(f"update orders set amount = {amount}, updated_at = {self.time(skew)} where id = {chosen}")
            self.ask(f"update products set name = 'n{amount}' where id = {chosen}")

    @rule(data=st.data(), share=st.sampled_from([1, 1, 2, 9]))
    def delete(self, data: st.DataObject, share: int) -> None:
        ids = self.ids()
        for chosen in [data.draw(st.sampled_from(ids))] if ids and share == 1 else ids[:: max(2, 10 - share)]:
            self.deleted[chosen] = self.rows(f"id = {chosen}")
            self.ask(f"delete from orders where id = {chosen}")
            self.ask(f"delete from products where id = {chosen}")

    @rule(data=st.data(), flag=st.booleans())
    def mark_deleted(self, data: st.DataObject, flag: bool) -> None:
        if ids := self.ids():
            chosen = data.draw(st.sampled_from(ids))
            self.ask(f"update orders set is_deleted = {flag}, updated_at = {self.time(0)} where id = {chosen}")

    @precondition(lambda self: self.deleted)
    @rule(data=st.data(), is_as_it_was=st.booleans())
    def bring_back(self, data: st.DataObject, is_as_it_was: bool) -> None:
        """From a backup, cursor included; or the key is used again for another order."""
        chosen = data.draw(st.sampled_from(sorted(self.deleted)))
        row = self.deleted.pop(chosen)
        if chosen in self.ids():
            return
        self.put(*row)
        if not is_as_it_was:
            self.ask(f"update orders set amount = 99, updated_at = {self.time(0)} where id = {chosen}")
        if not self.ask(f"select id from products where id = {chosen}"):
            self.ask(f"insert into products values ({chosen}, 'again')")

    @precondition(lambda self: self.away is None and len(self.ids()) > 3)
    @rule()
    def reload_begins(self) -> None:
        """Nine of ten rows are away, for as long as the table is being loaded again."""
        self.away = {number: self.rows(f"id = {number}") for number in self.ids() if number % 10}
        self.ask("delete from orders where id % 10 <> 0")

    @precondition(lambda self: self.away is not None)
    @rule()
    def reload_ends(self) -> None:
        there = set(self.ids())
        for number, row in self.away.items():
            if number not in there:
                self.put(*row)
        self.away = None

    @precondition(lambda self: "channel" not in self.columns)
    @rule()
    def add_a_column(self) -> None:
        self.ask("alter table orders add column channel varchar(10) default 'web'")
        self.columns += ", channel"

    # The loads

    def midnight(self) -> dt.datetime:
        return self.now.replace(hour=0, minute=0, second=0, microsecond=0)

    @rule()
    def load(self) -> None:
        self.land(self.midnight())

    @rule(back=st.integers(1, 12), days=st.integers(1, 4))
    def load_again(self, back: int, days: int) -> None:
        """A backfill, day by day or all in one."""
        start = max(self.midnight() - back * DAY, dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
        self.land(min(start + days * DAY, self.midnight()), start)

    @rule()
    def load_after_a_scan_is_due(self) -> None:
        """The clocks of all writers are behind the end; whoever was reloading has finished."""
        if self.away is not None:
            self.reload_ends()
        self.now += (SCAN_DAYS + 4) * DAY
        self.land(self.midnight())
        self.look(backwards=True)  # the order of files says nothing
        assert self.current == self.there()
        for known_end, then in self.known.items():
            assert without_channel(self.known_at(known_end)) == without_channel(then), known_end

    def land(self, end: dt.datetime, start: dt.datetime | None = None) -> None:
        before = self.current
        held = []
        try:
            land_source(self.settings, "shop", end, interval_start=start, force=start is not None)
        except UserError as error:
            assert "is held" in str(error)
            held = [table for table in before if f"shop.{table}: " in str(error)]
            assert held
        self.look()
        for table, rows in before.items():
            gone = len(set(rows) - set(self.current[table]))
            assert gone < FROM_ROWS or gone <= SHARE * len(rows), f"{gone} of {len(rows)} {table} are gone"
        for table in held:
            accept(self.settings, "shop", table)
        if held:
            self.look()
        known_end = max(receipt["known_end"] for receipt in read_receipts(self.settings, "shop", "orders"))
        # Of two loads that were read while the same interval was the newest, the later one says what was known then.
        self.known[known_end] = self.current

    def there(self) -> dict[str, Rows]:
        channel = ", channel" if self.channel else ""
        orders = self.ask(f"select id, amount, placed_at{channel} from orders where not is_deleted")
        return {
            "orders": {str(row[0]): (float(row[1]), in_utc(row[2]), *row[3:]) for row in orders},
            "products": {str(number): name for number, name in self.ask("select id, name from products")},
        }

    @property
    def channel(self) -> dict[str, str]:
        """The column that was added, once it has landed."""
        landed = read_receipts(self.settings, "shop", "orders")
        names = {column["name"] for receipt in landed for column in receipt["schema"]}
        return {"channel": "channel"} if "channel" in names else {}

    def look(self, *, backwards: bool = False) -> None:
        """Judge what has landed."""
        self.versions = {
            "orders": self.conformed.versions_of(self.settings, "orders", backwards=backwards, **self.channel),
            "products": self.conformed.versions_of(self.settings, "products", backwards=backwards),
        }
        fates = {row["_fate"] for rows in self.versions.values() for row in rows}
        assert fates <= {"accepted", "duplicate"}
        current = {table: [row for row in rows if row["_is_current"]] for table, rows in self.versions.items()}
        self.current = self.as_there(current)

    def known_at(self, known_end: str) -> dict[str, Rows]:
        """What held by what was known at an end."""
        moment = dt.datetime.strptime(known_end, "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 - UTC, as in the warehouse
        holding = {}
        for table, rows in self.versions.items():
            known = [row for row in rows if row["_fate"] == "accepted" and (row["_known_from"] or moment) <= moment]
            last = {row[f"{table[:-1]}_id"]: row for row in sorted(known, key=lambda row: row["_version"])}
            holding[table] = [row for row in last.values() if row["_op"] != "delete"]
        return self.as_there(holding)

    def as_there(self, holding: dict[str, list[Any]]) -> dict[str, Rows]:
        """Rows as the database has them."""
        names = list(self.channel)
        return {
            "orders": {
                row["order_id"]: (
                    float(row["total_amount"]),
                    in_utc(row["ordered_at"]),
                    *(str(row[name]) for name in names),
                )
                for row in holding["orders"]
            },
            "products": {row["product_id"]: row["product_name"] for row in holding["products"]},
        }


def without_channel(rows: dict[str, Rows]) -> dict[str, Rows]:
    """What was there before the column was."""
    return {**rows, "orders": {key: values[:2] for key, values in rows["orders"].items()}}


def in_utc(moment: dt.datetime | str) -> dt.datetime:
    """A time of one of the servers, or of the warehouse, which say UTC or nothing."""
    time = dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)


class OtherHistory(History):
    """The same rules: Hypothesis begins with another seed for each class."""


def check(shop: Shop, histories: int, kind: type[History] = History) -> None:
    kind.shop = shop
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=histories,
            stateful_step_count=25,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_warehouse_has_what_postgresql_has(of_postgresql: Shop) -> None:
    check(of_postgresql, FEW)


@pytest.mark.slow
def test_the_warehouse_has_what_postgresql_has_after_more_histories(of_postgresql: Shop) -> None:
    check(of_postgresql, MANY - FEW, OtherHistory)


@pytest.mark.slow
@pytest.mark.mariadb
def test_the_warehouse_has_what_mariadb_has(of_mariadb: Shop) -> None:
    check(of_mariadb, MANY)
