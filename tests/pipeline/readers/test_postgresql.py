"""A PostgreSQL source: what arrives, which rows of which interval, what is gone, and what is held."""

import datetime as dt
import logging
import threading
import time
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from pipeline.landing import accept, land_source
from pipeline.landing.readers.databases import postgresql
from pipeline.landing.readers.databases.postgresql_session import Session
from pipeline.landing.receipts import Receipt, read_receipts
from tests.support.builds.loads import day, said
from tests.support.programs.postgres import ORDERS

PEOPLE: dict[str, Any] = {"query_table": "people", "load": "snapshot", "key": ["id"], "personal": ["email"]}


def rows_of(settings, receipt: Receipt, columns: str = "* exclude (_interval, _generation)") -> list[tuple[Any, ...]]:
    return duckdb.sql(f"select {columns} from '{settings.home / receipt['file']}' order by _position").fetchall()


def people_of(settings, receipt: Receipt) -> list[tuple[Any, ...]]:
    """Rows with what is personal in them."""
    main, sibling = (settings.home / receipt[name] for name in ("file", "personal"))
    return duckdb.sql(
        f"select id, city, email, _op from '{main}' as main"
        f" inner join '{sibling}' as sibling using (_position) order by _position"
    ).fetchall()


# What arrives


def test_values_arrive_as_they_were(postgres, database, shop_of):
    text = "a \"quoted\" ;'text'\nof two lines, 中文, 🎉\t\\N"
    postgres.run(
        "create type mood as enum ('glad', 'sad')",
        """create table orders (
            id bigint primary key, price numeric(12, 4), wide numeric(38, 10), free numeric, note text, fixed char(4),
            at timestamptz, local timestamp, day date, clock time, gift boolean, weight float8, id2 uuid, data jsonb,
            tags text[], mood mood, raw bytea, span interval)""",
        f"""insert into orders values
            (1, 0.1000, 1234567890123456789012345678.0123456789, 1e-30, $q${text}$q$, 'ab', '2024-03-31 01:30:00+02',
             '2024-03-31 02:30:00.123456', '0044-03-15 BC', '23:59:59', true, 0.1,
             '00000000-0000-0000-0000-00000000000a', '{{"b": 1.50, "a": null}}', '{{x,"y,z"}}', 'sad',
             '\\x00ff', '1 day'),
            (2, -99999999.9999, null, 'NaN', '', null, null, null, null, null, null, null, null, null, null, null, null,
             null)""",
        database=database,
    )
    settings = shop_of(orders={"query_table": "orders", "load": "snapshot", "key": ["id"]})
    receipt = land_source(settings, "shop", day(9))["orders"]
    assert receipt["unreadable"] == 0
    first, second = rows_of(settings, receipt, "* exclude (_position, _op, _interval, _generation)")
    assert first == (
        1,
        Decimal("0.1000"),
        Decimal("1234567890123456789012345678.0123456789"),
        "0.000000000000000000000000000001",
        text,
        "ab  ",
        dt.datetime(2024, 3, 30, 23, 30, tzinfo=dt.UTC),
        dt.datetime(2024, 3, 31, 2, 30, 0, 123456),  # noqa: DTZ001 - the column has no zone
        first[8],
        "23:59:59",
        True,
        0.1,
        "00000000-0000-0000-0000-00000000000a",
        '{"a": null, "b": 1.50}',
        '{x,"y,z"}',
        "sad",
        b"\x00\xff",
        "1 day",
    )
    assert "0044-03-15 (BC)" in str(
        duckdb.sql(f"select day::varchar from '{settings.home / receipt['file']}'").fetchall()
    )
    assert second[:5] == (2, Decimal("-99999999.9999"), None, "NaN", "")
    assert set(second[5:]) == {None}
    types = {column["name"]: column["type"] for column in receipt["schema"]}
    assert (types["price"], types["at"], types["local"]) == (
        "DECIMAL(12,4)",
        "TIMESTAMP WITH TIME ZONE",
        "TIMESTAMP",
    )


def test_a_value_that_arrow_cannot_hold_is_an_unreadable_row(postgres, database, shop_of):
    postgres.run(
        "create table orders (id int primary key, amount numeric(5, 2), ends date, at timestamptz)",
        "insert into orders values (1, 1.5, '2024-01-01', now()), (2, 'NaN', null, null), (3, 2, 'infinity', null),"
        " (4, 3, null, '-infinity'), (5, 4.25, null, '4000-01-01')",
        database=database,
    )
    settings = shop_of(orders={"query_table": "orders", "load": "snapshot", "key": ["id"]})
    receipt = land_source(settings, "shop", day(9))["orders"]
    assert [row[0] for row in rows_of(settings, receipt)] == [1, 5]
    assert (receipt["received"], receipt["unreadable"]) == (5, 3)
    rejects = duckdb.sql(f"select line, error from '{settings.home / receipt['rejects']}' order by line").fetchall()
    assert [line for line, _ in rejects] == [2, 3, 4]
    assert [error.split("'")[1] for _, error in rejects] == ["amount", "ends", "at"]


def test_hostile_names_are_quoted(postgres, database, shop_of):
    table, column = 'or"ders"; drop table x; --.ü', "a.b'c\"; select 1"
    quoted, quoted_column = (f'"{name.replace(chr(34), chr(34) * 2)}"' for name in (table, column))
    postgres.run(
        'create schema "s;.x"',
        f'create table "s;.x".{quoted} ({quoted_column} int primary key, "select" text)',
        f'insert into "s;.x".{quoted} values (7, $$x$$)',
        'grant usage on schema "s;.x" to loader',
        'grant select on all tables in schema "s;.x" to loader',
        database=database,
    )
    definition = {"query_table": table, "query_schema": "s;.x", "load": "snapshot", "key": [column]}
    settings = shop_of(orders=definition)
    receipt = land_source(settings, "shop", day(9))["orders"]
    assert [row["name"] for row in receipt["schema"]] == [column, "select"]
    assert rows_of(settings, receipt) == [(7, "x", 1, "upsert")]
    later = land_source(settings, "shop", day(10))["orders"]
    assert (later["received"], later["unchanged"], rows_of(settings, later)) == (1, 1, [])


# Which rows of which interval


def test_an_upsert_takes_the_rows_whose_cursor_lies_in_the_interval(orders, shop_of):
    orders("insert into orders values (1, 10, '2023-06-01'), (2, 20, '2024-01-08 23:59:59.999999+00'), (3, 30, null)")
    orders("insert into orders values (4, 40, '2024-01-09')")
    settings = shop_of(orders=ORDERS)
    first = land_source(settings, "shop", day(9))["orders"]
    assert (first["is_first_load"], sorted(row[0] for row in rows_of(settings, first))) == (True, [1, 2, 3])
    orders("update orders set amount = 11, updated_at = '2024-01-09 12:00+00' where id = 1")
    second = land_source(settings, "shop", day(10))["orders"]
    assert (second["interval_start"], second["interval_end"]) == ("2024-01-09T00:00:00Z", "2024-01-10T00:00:00Z")
    # A row without a cursor is in no interval, so it is read in each.
    assert sorted((row[0], str(row[1])) for row in rows_of(settings, second)) == [
        (1, "11.00"),
        (3, "30.00"),
        (4, "40.00"),
    ]


def test_an_interval_that_has_landed_is_not_asked_for_again_unless_forced(orders, shop_of):
    orders("insert into orders values (1, 10, '2024-01-05')")
    settings = shop_of(orders=ORDERS)
    land_source(settings, "shop", day(9))
    orders("insert into orders values (2, 20, '2024-01-09 10:00+00')")
    first = land_source(settings, "shop", day(10))["orders"]
    orders("insert into orders values (3, 30, '2024-01-09 11:00+00')")
    assert land_source(settings, "shop", day(10)) == {"orders": "unchanged"}
    assert land_source(settings, "shop", day(9)) == {"orders": "unchanged"}
    again = land_source(settings, "shop", day(10), interval_start=day(9), force=True)["orders"]
    assert (again["interval"], first["generation"], again["generation"]) == (first["interval"], 2, 3)
    assert sorted(row[0] for row in rows_of(settings, again)) == [2, 3]
    assert [row[0] for row in rows_of(settings, first)] == [2]
    assert len(read_receipts(settings, "shop", "orders")) == 3


def test_a_row_that_was_committed_late_is_found_by_the_look_back(orders, shop_of):
    settings = shop_of(orders={**ORDERS, "look_back_hours": 6})
    orders("insert into orders values (1, 10, '2024-01-05')")
    land_source(settings, "shop", day(9))
    orders("insert into orders values (2, 20, '2024-01-08 20:00+00'), (3, 30, '2024-01-08 10:00+00')")
    later = land_source(settings, "shop", day(10))["orders"]
    assert later["window_start"] == "2024-01-08T18:00:00Z"
    assert [row[0] for row in rows_of(settings, later)] == [2]


def test_a_scan_of_keys_finds_what_is_gone_and_what_came_later_than_the_look_back(orders, shop_of):
    settings = shop_of(orders={**ORDERS, "key_scan_days": 2})
    orders("insert into orders values (1, 10, '2024-01-05'), (2, 20, '2024-01-06'), (3, 30, '2024-01-07')")
    land_source(settings, "shop", day(9))
    orders("delete from orders where id = 2", "insert into orders values (4, 40, '2024-01-06 12:00+00')")
    unscanned = land_source(settings, "shop", day(10))["orders"]
    assert (unscanned["is_scanned"], unscanned["received"]) == (False, 0)
    scanned = land_source(settings, "shop", day(11))["orders"]
    assert (scanned["is_scanned"], scanned["deleted"]) == (True, 1)
    assert (scanned["window_start"], scanned["missed"]) == ("2024-01-10T00:00:00Z", 1)
    landed = {(row[0], row[-1]) for row in rows_of(settings, scanned)}
    assert landed == {(4, "upsert"), (2, "delete")}  # nothing is read again beside what was missed
    orders("insert into orders values (2, 21, '2024-01-12 01:00+00')")
    land_source(settings, "shop", day(12))
    again = land_source(settings, "shop", day(13))["orders"]
    assert (again["is_scanned"], again["deleted"], [(row[0], row[-1]) for row in rows_of(settings, again)]) == (
        True,
        0,
        [(2, "upsert")],
    )


@pytest.mark.parametrize(
    ("kind", "zone", "read"),
    [
        ("timestamptz", "Asia/Tokyo", [1]),
        ("timestamp", "UTC", [1]),
        ("timestamp", "Asia/Tokyo", []),
        ("date", "UTC", [1]),
    ],
)
def test_each_kind_of_time_is_a_cursor(postgres, database, define_source, make_settings, kind, zone, read):
    postgres.run(f"create table orders (id int primary key, at {kind})", database=database)
    keys = {"kind": "postgresql", "location": None, "connection": "shop_db", "schedule": "0 0 * * *"}
    table = {**ORDERS, "cursor": "at"}
    define_source(
        "shop", **keys, time_zone="UTC", timestamps_in=zone, tables={"orders": {**table, "may_be_empty": True}}
    )
    settings = make_settings(CRM_SOURCES="shop")
    land_source(settings, "shop", day(9))
    postgres.run("set timezone = 'UTC'", "insert into orders values (1, '2024-01-09 03:00:00')", database=database)
    receipt = land_source(settings, "shop", day(10))["orders"]
    assert [row[0] for row in rows_of(settings, receipt)] == read


def test_a_snapshot_lands_what_differs(postgres, database, shop_of):
    run = lambda *statements: postgres.run(*statements, database=database)  # noqa: E731
    run(
        "create table people (id int primary key, city text, email text)",
        "insert into people values (1, 'Ulm', 'ana@example.org'), (2, 'Köln', null), (3, '', 'cleo@example.org')",
    )
    settings = shop_of(people=PEOPLE)
    first = land_source(settings, "shop", day(9))["people"]
    assert people_of(settings, first) == [
        (1, "Ulm", "ana@example.org", "upsert"),
        (2, "Köln", None, "upsert"),
        (3, "", "cleo@example.org", "upsert"),
    ]
    assert "example.org" not in (settings.home / first["file"]).read_bytes().decode("latin-1")
    run("update people set email = 'ana@example.net' where id = 1", "delete from people where id = 2")
    second = land_source(settings, "shop", day(10))["people"]
    assert (second["received"], second["unchanged"], second["deleted"]) == (3, 1, 1)
    assert people_of(settings, second) == [(1, "Ulm", "ana@example.net", "upsert"), (2, "Köln", None, "delete")]
    run("insert into people values (2, 'Köln', 'ben@example.org')", "update people set city = null where id = 3")
    third = land_source(settings, "shop", day(11))["people"]
    assert (third["received"], third["unchanged"], third["deleted"]) == (3, 1, 0)
    assert sorted(people_of(settings, third)) == [
        (2, "Köln", "ben@example.org", "upsert"),
        (3, None, "cleo@example.org", "upsert"),
    ]
    fourth = land_source(settings, "shop", day(12))["people"]
    assert (fourth["received"], fourth["unchanged"], people_of(settings, fourth)) == (3, 3, [])
    assert land_source(settings, "shop", day(10), interval_start=day(9), force=True) == {"people": "unchanged"}


def test_without_a_schedule_equal_rows_are_an_equal_load(orders, shop_of):
    settings = shop_of(schedule="none", orders={**ORDERS, "event_time": "updated_at"})
    orders("insert into orders values (1, 10, '2024-01-05 10:00+00'), (2, 20, '2024-01-06 10:00+00')")
    first = land_source(settings, "shop")["orders"]
    assert first["interval_end"] == "2024-01-07T00:00:00Z"
    orders("update orders set amount = amount where id = 1")  # moves the row in the heap
    assert land_source(settings, "shop") == {"orders": "unchanged"}
    orders("insert into orders values (3, 30, '2024-01-06 11:00+00')")
    assert land_source(settings, "shop")["orders"]["generation"] == 2


def test_all_tables_of_a_load_are_read_as_of_one_moment(postgres, database, shop_of):
    names = [f"t{number}" for number in range(6)]
    for name in names:
        postgres.run(f"create table {name} (id int primary key)", f"insert into {name} values (0)", database=database)
    settings = shop_of(
        connections=3, **{name: {"query_table": name, "load": "snapshot", "key": ["id"]} for name in names}
    )
    stop = threading.Event()

    def write() -> None:
        number = 1
        while not stop.is_set():
            inserts = ", ".join(f"_{name} as (insert into {name} values ({number}))" for name in names)
            postgres.run(f"with {inserts} select 1", database=database)  # one transaction
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(0.2)
        receipts = land_source(settings, "shop", day(9))
    finally:
        stop.set()
        writer.join()
    assert len({receipt["received"] for receipt in receipts.values()}) == 1
    assert receipts["t0"]["received"] > 1


def test_tables_are_read_side_by_side_within_the_limit(postgres, database, shop_of):
    names = [f"t{number}" for number in range(40)]
    postgres.run(
        *(f"create view {name} as select 1 as id, pg_sleep(0.1)::text as slept" for name in names), database=database
    )
    tables = {name: {"query_table": name, "load": "snapshot", "key": ["id"]} for name in names}
    settings = shop_of(connections=4, **tables)
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        query = "select count(*) from pg_stat_activity where datname = 'shop' and application_name = 'perennial'"
        while not done.is_set():
            seen.append(postgres.ask(query)[0][0])
            time.sleep(0.02)

    def load(home: str) -> None:
        land_source(settings if home == "one" else other, "shop", day(9))

    other = settings
    watcher = threading.Thread(target=watch)
    watcher.start()
    loads = [threading.Thread(target=load, args=(home,)) for home in ("one", "two")]  # a backfill beside the schedule
    for thread in loads:
        thread.start()
    for thread in loads:
        thread.join()
    done.set()
    watcher.join()
    assert 2 <= max(seen) <= 4
    assert {len(read_receipts(settings, "shop", name)) for name in names} == {1}


# Held


def test_a_large_table_is_read_in_ranges_over_the_idle_connections(postgres, database, shop_of, monkeypatch):
    monkeypatch.setattr(postgresql, "LEAST_PAGES", 2)
    postgres.run(
        "create table big (id int primary key, price numeric(12, 2), at timestamptz not null)",
        "insert into big select n, n / 100.0, timestamptz '2024-01-01' + n * interval '1 s'"
        " from generate_series(1, 20000) n",
        "update big set price = 'NaN' where id % 5000 = 0",
        "delete from big where id % 7 = 0",
        database=database,
    )
    settings = shop_of(big={"query_table": "big", "load": "upsert", "key": ["id"], "cursor": "at"})
    queries = []
    answer = Session.answer
    monkeypatch.setattr(Session, "answer", lambda self, sql, *rest: queries.append(sql) or answer(self, sql, *rest))
    receipt = land_source(settings, "shop", day(9))["big"]
    assert len(queries) == 4
    assert all("ctid" in sql for sql in queries)
    sound = [n for n in range(1, 20001) if n % 7 and n % 5000]
    landed = rows_of(settings, receipt, "id, price, _position")
    assert sorted(landed) == sorted((n, Decimal(n) / 100, position) for (n, _, position) in landed if n in set(sound))
    assert sorted(n for n, _, _ in landed) == sound
    assert [position for _, _, position in landed] == list(range(1, len(sound) + 1))
    assert receipt["unreadable"] == 4
    rejects = duckdb.sql(f"from '{settings.home / receipt['rejects']}'").fetchall()
    assert len({line for _, line, *_ in rejects}) == 4


def test_a_new_column_is_kept_and_reported(orders, shop_of, caplog):
    settings = shop_of(orders=ORDERS)
    orders("insert into orders values (1, 10, '2024-01-05')")
    land_source(settings, "shop", day(9))
    orders(
        "alter table orders add column channel text", "insert into orders values (2, 20, '2024-01-09 01:00+00', 'web')"
    )
    with caplog.at_level(logging.INFO, "perennial.landing"):
        receipt = land_source(settings, "shop", day(10))["orders"]
    assert receipt["new_columns"] == ["channel"]
    assert "new columns channel" in caplog.text
    assert rows_of(settings, receipt, "id, channel") == [(2, "web")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("alter table orders drop column amount", ["'amount' is gone"]),
        ("alter table orders alter amount type text", ["'amount' was DECIMAL(12,2) and is VARCHAR"]),
    ],
)
def test_a_dropped_or_retyped_column_is_held_until_a_person_accepts_it(orders, shop_of, change, words):
    settings = shop_of(orders=ORDERS)
    orders("insert into orders values (1, 10, '2024-01-05')")
    land_source(settings, "shop", day(9))
    orders(change, "insert into orders (id, updated_at) values (2, '2024-01-09 01:00+00')")
    message = said(land_source, settings, "shop", day(10))
    before, after = "id BIGINT, amount DECIMAL(12,2), updated_at", "now:    id BIGINT"
    for word in ("shop.orders", "is held", before, after, "make accept SOURCE=shop TABLE=orders", *words):
        assert word in message
    assert len(read_receipts(settings, "shop", "orders")) == 1
    assert said(land_source, settings, "shop", day(10)) == message
    accept(settings, "shop", "orders")
    assert [receipt["interval_end"] for receipt in read_receipts(settings, "shop", "orders")] == [
        "2024-01-09T00:00:00Z",
        "2024-01-10T00:00:00Z",
    ]
    assert land_source(settings, "shop", day(10)) == {"orders": "unchanged"}
    assert "no load is held" in said(accept, settings, "shop", "orders")


def test_a_load_far_outside_its_history_is_held_and_the_next_good_one_takes_its_place(orders, shop_of):
    settings = shop_of(orders={**ORDERS, "volume": {"at_least": 0.5, "at_most": 2, "from_rows": 10}})
    orders("insert into orders values (0, 0, '2024-01-01')")
    land_source(settings, "shop", day(2))
    fill = "insert into orders select {0} * 1000 + n, n, '2024-01-{0:02}' from generate_series(1, {1}) as n"
    for number in range(2, 8):
        orders(fill.format(number, 100))
        land_source(settings, "shop", day(number + 1))
    orders(fill.format(8, 900))
    message = said(land_source, settings, "shop", day(9))
    for word in ("900 rows a day", "6 loads before had 100 to 100", "at_most: 2", "make accept"):
        assert word in message
    orders("delete from orders where updated_at = '2024-01-08' and id > 8110", fill.format(9, 90))
    receipt = land_source(settings, "shop", day(10))["orders"]
    assert (receipt["interval_start"], receipt["received"]) == ("2024-01-08T00:00:00Z", 200)
    assert "no load is held" in said(accept, settings, "shop", "orders")
    orders(fill.format(10, 20))
    assert "20 rows a day" in said(land_source, settings, "shop", day(11))
    assert accept(settings, "shop", "orders")["received"] == 20
