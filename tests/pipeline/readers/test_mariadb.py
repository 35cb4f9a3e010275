"""A MariaDB source: what arrives, and what happens when something goes wrong."""

import datetime as dt
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest

from pipeline.base.errors import UserError
from pipeline.landing import land_source
from pipeline.landing.readers.databases import other_sql
from pipeline.landing.readers.databases.faults import UnavailableError
from pipeline.landing.receipts import read_receipts
from tests.support.builds.loads import day
from tests.support.programs.mariadb import USER, Server, server

pytestmark = [pytest.mark.slow, pytest.mark.mariadb]
TABLES = ["t0", "t1", "t2"]
ROWS = 50


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder, server(Path(folder)) as running:
        yield running


@pytest.fixture
def shop(
    mariadb: Server,
    define_source: Callable[..., Path],
    make_settings: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Callable[..., Any], Callable[..., str]]:
    """What makes the settings of a shop with some tables, and what runs SQL in its database."""
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", mariadb.new_database("shop"))

    def define(**tables: dict[str, Any]) -> Any:
        keys = {"kind": "sql", "location": None, "connection": "shop_db", "schedule": "0 0 * * *", "time_zone": "UTC"}
        define_source("shop", **keys, tables=tables)
        return make_settings(CRM_SOURCES="shop")

    return define, lambda *statements: mariadb.run(*statements, database="shop")


def column(settings: Any, table: str, name: str) -> list[Any]:
    (*_, receipt) = read_receipts(settings, "shop", table)
    rows = duckdb.sql(f"select {name} from '{settings.home / receipt['file']}' order by _position").fetchall()
    return [value for (value,) in rows]


# type, the values of two rows, and what lands of them
KINDS = [
    ("bit(1)", "b'1'", "b'0'", [1, 0]),
    ("bit(64)", "b'" + "1" * 64 + "'", "b'101'", [2**64 - 1, 5]),
    ("tinyint(1)", "1", "0", ["1", "0"]),
    ("bigint unsigned", "18446744073709551615", "0", [2**64 - 1, 0]),
    ("int unsigned", "4294967295", "0", [2**32 - 1, 0]),
    (
        "decimal(65, 30)",
        "12345678901234567890123456789012345.123456789012345678901234567891",
        "-0.5",
        ["12345678901234567890123456789012345.123456789012345678901234567891", "-0.500000000000000000000000000000"],
    ),
    ("float", "1234567", "0.5", [1234567.0, 0.5]),
    ("double", "0.1", "1e300", [0.1, 1e300]),
    ("year", "2025", "1999", ["2025", "1999"]),
    ("time(6)", "'-10:11:12'", "'838:59:59.999999'", ["-10:11:12.000000", "838:59:59.999999"]),
    ("date", "'2025-02-28'", "'0000-00-00'", ["2025-02-28", None]),
    ("datetime", "'2025-01-01 10:00:00'", "'0000-00-00 00:00:00'", ["2025-01-01 10:00:00", None]),
    ("datetime(6)", "'2025-01-01 10:00:00.123456'", "0", ["2025-01-01 10:00:00.123456", None]),
    ("timestamp null", "'2025-03-30 01:30:00'", "0", ["2025-03-30 01:30:00+00:00", None]),
    ("json", """'{"a": "ü"}'""", "'[]'", ['{"a": "ü"}', "[]"]),
    ("enum('A', 'ä') collate utf8mb4_bin", "'ä'", "'A'", ["ä", "A"]),
    ("set('x', 'y', 'z')", "'x,z'", "''", ["x,z", ""]),
    ("varchar(50) character set latin1", "'Jürgen'", "''", ["Jürgen", ""]),
    ("varchar(50) character set utf8mb3", "'Zoë'", "'€'", ["Zoë", "€"]),
    ("varchar(50) character set utf16", "'Zoë 😀'", "'a'", ["Zoë 😀", "a"]),
    ("text", r"'a\0b'", r"'a\'\"\n;'", ["a\0b", "a'\"\n;"]),
    ("binary(3)", "x'00ff01'", "x'ff00ff'", [b"\x00\xff\x01", b"\xff\x00\xff"]),
    ("varbinary(9)", "x'00'", "''", [b"\0", b""]),
    ("longblob", "x'fffe'", "null", [b"\xff\xfe", None]),
    ("uuid", "'123e4567-e89b-12d3-a456-426655440000'", "null", ["123e4567-e89b-12d3-a456-426655440000", None]),
    ("inet6", "'::1'", "null", ["::1", None]),
    ("point", "point(1, 2)", "null", ["0101000000000000000000F03F0000000000000040", None]),
]


def test_values_of_each_type_arrive_as_they_were(shop: Any) -> None:
    define, run = shop
    columns = ", ".join(f"c{number} {kind}" for number, (kind, *_) in enumerate(KINDS))
    run(
        "set time_zone = '+00:00'",
        f"create table kinds (id int primary key, {columns})",
        *(f"insert into kinds values ({row}, {', '.join(str(kind[row]) for kind in KINDS)})" for row in (1, 2)),
    )
    settings = define(kinds={"query_table": "kinds", "load": "snapshot", "key": ["id"]})
    receipt = land_source(settings, "shop", day(9))["kinds"]
    assert receipt["unreadable"] == 0  # type: ignore[index]
    landed = {kind: column(settings, "kinds", f"c{number}") for number, (kind, *_) in enumerate(KINDS)}
    assert landed == {kind: values for kind, _, _, values in KINDS}


def test_a_date_that_does_not_exist_lands_as_it_is(shop: Any) -> None:
    define, run = shop
    run(
        "set sql_mode = 'ALLOW_INVALID_DATES'",
        "create table people (id int primary key, born date)",
        "insert into people values (1, '2025-02-30'), (2, '2025-05-00')",
    )
    settings = define(people={"query_table": "people", "load": "snapshot", "key": ["id"]})
    land_source(settings, "shop", day(9))
    assert column(settings, "people", "born") == ["2025-02-30", "2025-05-00"]


def test_a_row_whose_cursor_is_zero_is_read_in_each_interval_and_one_without_a_time_is_set_aside(shop: Any) -> None:
    define, run = shop
    run(
        "create table orders (id bigint primary key, amount decimal(9, 2), updated_at datetime)",
        "insert into orders values (1, 1, '0000-00-00 00:00:00'), (2, 2, '2024-01-05'), (3, 3, null)",
        "set sql_mode = 'ALLOW_INVALID_DATES'",
        "insert into orders values (4, 4, '2023-02-30')",
    )
    table = {"query_table": "orders", "load": "upsert", "key": ["id"], "cursor": "updated_at", "look_back_hours": 0}
    settings = define(orders=table)
    first = land_source(settings, "shop", day(9))["orders"]
    assert sorted(column(settings, "orders", "id")) == [1, 2, 3]
    assert (first["received"], first["unreadable"]) == (4, 1)  # type: ignore[index]
    run("update orders set amount = 9", "insert into orders values (5, 5, '2024-01-09 10:00:00')")
    land_source(settings, "shop", day(10))
    assert sorted(column(settings, "orders", "id")) == [1, 3, 5]


# Faults


@dataclass(frozen=True)
class Injected:
    """A fault of a table: what does it, what the message says, what ends it."""

    do: Callable[[Any, str], object]
    words: str
    over: Callable[[Any, str], object]


FAULTS = {
    "no right": Injected(
        lambda run, table: run(f"revoke select on shop.* from {USER}@'127.0.0.1'", _rights(table)),
        "does not let the user 'loader' read the table",
        lambda run, table: run(f"grant select on shop.* to {USER}@'127.0.0.1'"),
    ),
    "statement timeout": Injected(
        lambda run, table: run(
            f"rename table {table} to {table}_whole",
            f"create view {table} as select id, sleep(0.1) as slept from {table}_whole",
            "set global max_statement_time = 1",
        ),
        "stopped the query at its limit",
        lambda run, table: run(
            "set global max_statement_time = 0", f"drop view {table}", f"rename table {table}_whole to {table}"
        ),
    ),
    "dropped": Injected(
        lambda run, table: run(f"rename table {table} to {table}_gone"),
        "has no table '",
        lambda run, table: run(f"rename table {table}_gone to {table}"),
    ),
}


def _rights(forbidden: str) -> str:
    others = [name for name in TABLES if name != forbidden]
    visible = [f"grant select on shop.{name} to {USER}@'127.0.0.1'" for name in others]
    return ";".join([*visible, f"grant insert on shop.{forbidden} to {USER}@'127.0.0.1'"])


@pytest.mark.parametrize(
    "names", [*itertools.combinations(FAULTS, 1), *itertools.combinations(FAULTS, 2)], ids=" and ".join
)
def test_a_fault_of_one_table_is_that_tables(shop: Any, names: tuple[str, ...]) -> None:
    define, run = shop
    for name in TABLES:
        run(f"create table {name} as select seq as id from seq_1_to_{ROWS}")
    settings = define(**{name: {"query_table": name, "load": "snapshot", "key": ["id"]} for name in TABLES})
    try:
        for name, table in zip(names, TABLES, strict=False):
            FAULTS[name].do(run, table)
        with pytest.raises(UserError) as error:
            land_source(settings, "shop", day(9))
    finally:
        for name, table in zip(names, TABLES, strict=False):
            FAULTS[name].over(run, table)
    for name, table in zip(names, TABLES, strict=False):
        (line,) = [line for line in str(error.value).splitlines() if line.startswith(f"shop.{table}: ")]
        assert FAULTS[name].words in line
    landed = [name for name in TABLES if read_receipts(settings, "shop", name)]
    assert landed == TABLES[len(names) :]
    land_source(settings, "shop", day(9))
    assert all(len(column(settings, name, "id")) == ROWS for name in TABLES)


class KilledOnce:
    """The batches of a query whose connection is killed after the first of them."""

    waiting: ClassVar[list[Callable[[], object]]] = []

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.schema = reader.schema

    def __iter__(self) -> Iterator[Any]:
        for batch in self.reader:
            yield batch
            if self.waiting:
                self.waiting.pop()()


def test_a_connection_that_is_killed_while_rows_arrive_is_read_again(
    shop: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    define, run = shop
    run("create table big as select seq as id, repeat('x', 500) as note from seq_1_to_200000")
    settings = define(big={"query_table": "big", "load": "snapshot", "key": ["id"]})
    read = other_sql.connectorx.read_sql

    def read_sql(address: str, sql: str, **options: Any) -> Any:
        reader = read(address, sql, **options)
        return KilledOnce(reader) if "`big`" in sql else reader

    def kill() -> None:
        for number in run(f"select id from information_schema.processlist where user = '{USER}'").split():
            run(f"kill {number}")

    monkeypatch.setattr(other_sql.connectorx, "read_sql", read_sql)
    KilledOnce.waiting.append(kill)
    land_source(settings, "shop", day(9))
    assert not KilledOnce.waiting
    assert "It is read again." in caplog.text
    assert len(column(settings, "big", "id")) == 200_000


def test_a_server_that_is_down_is_named_at_once(shop: Any, mariadb: Server) -> None:
    define, run = shop
    run("create table t0 (id int primary key)", "insert into t0 values (1)")
    tables = {f"n{number}": {"query_table": "t0", "load": "snapshot", "key": ["id"]} for number in range(9)}
    settings = define(**tables)
    mariadb.kill()
    started = time.monotonic()
    try:
        with pytest.raises(UnavailableError, match=r"cannot be reached.*refused.*host and port"):
            land_source(settings, "shop", day(9))
        assert time.monotonic() - started < 5
    finally:
        mariadb.start()
    land_source(settings, "shop", day(9))
    assert all(column(settings, name, "id") == [1] for name in tables)


def test_a_wrong_password_is_named_once(shop: Any, mariadb: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    define, _ = shop
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", mariadb.address("shop", password="s3cr3t"))
    tables = {f"n{number}": {"query_table": "t0", "load": "snapshot", "key": ["id"]} for number in range(9)}
    settings = define(**tables)
    started = dt.datetime.now(dt.UTC)
    with pytest.raises(UserError, match="refused the login of user 'loader'") as error:
        land_source(settings, "shop", day(9))
    assert type(error.value) is UserError
    assert "s3cr3t" not in str(error.value)
    assert dt.datetime.now(dt.UTC) - started < dt.timedelta(seconds=50)  # connectorx tries for 30
