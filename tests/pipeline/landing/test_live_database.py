"""A live database loses nothing: what a first load covers, what comes back, what is gone, what is read again."""

from typing import Any

import duckdb
import pytest

from pipeline.base.errors import UserError
from pipeline.build.plan import receipts_in_use
from pipeline.landing import accept, land_source, plan_source
from pipeline.landing.receipts import Receipt, read_receipts
from pipeline.sources.definitions import load_source
from tests.support.builds.loads import day, landed_files, said
from tests.support.programs.postgres import ORDERS

SCANNED = {**ORDERS, "key_scan_days": 1}


def rows_of(settings, receipt: Receipt) -> list[tuple[Any, ...]]:
    """Key and operation of the landed rows."""
    return duckdb.sql(f"select id, _op from '{settings.home / receipt['file']}' order by all").fetchall()


def ids_of(settings, receipt: Receipt) -> list[int]:
    return [key for key, _ in rows_of(settings, receipt)]


def fill(count: int, first: int = 1) -> str:
    """Orders, one a minute of the fifth of January."""
    return (
        f"insert into orders select n, n, timestamptz '2024-01-05' + n * interval '1 minute'"
        f" from generate_series({first}, {first + count - 1}) as n"
    )


# The first load of a source without schedule


@pytest.mark.parametrize("load", ["upsert", "append"])
@pytest.mark.parametrize("key", [["id"], "position"])
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
@pytest.mark.parametrize("has_events", [True, False])
def test_a_first_load_covers_what_was_touched_after_the_last_event(
    postgres, database, shop_of, load, key, kind, has_events
):
    if load == "upsert" and key == "position":
        return  # no such definition
    postgres.run(
        f"create table sales (id int, sold_at timestamptz, touched {kind})",
        "insert into sales values (1, '2024-01-05', '2024-01-05'), (2, '2024-01-06', '2024-03-20 23:30'),"
        " (3, '2024-01-07', null)",
        database=database,
    )
    sales = {"query_table": "sales", "load": load, "key": key, "cursor": "touched"}
    settings = shop_of(schedule="none", sales={**sales, **({"event_time": "sold_at"} if has_events else {})})
    receipt = land_source(settings, "shop")["sales"]
    assert receipt["interval_end"] == "2024-03-21T00:00:00Z"
    assert ids_of(settings, receipt) == [1, 2, 3]
    assert land_source(settings, "shop") == {"sales": "unchanged"}


@pytest.mark.parametrize("never", ["9999-12-31", "infinity"])
def test_a_cursor_that_stands_for_never_ends_no_load(orders, shop_of, never):
    orders("insert into orders values (1, 10, '2024-01-05'), (2, 20, '9999-12-31')")
    orders(f"insert into orders values (3, 30, '{never}')")
    settings = shop_of(schedule="none", orders=ORDERS)
    receipt = land_source(settings, "shop")["orders"]
    assert receipt["interval_end"] == "2024-01-06T00:00:00Z"
    assert (receipt["received"], 2 in ids_of(settings, receipt)) == (3, True)


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_times_that_cannot_be_end_no_load(postgres, database, shop_of, kind):
    never = ["0001-01-01", "1899-12-31", "2204-05-01", "9999-12-31", "20240-01-01", "4000-01-01 BC", "infinity"]
    values = ", ".join(f"({n}, '{time}', '{time}')" for n, time in enumerate(["2024-01-05", *never]))
    postgres.run(
        f"create table sales (id int primary key, sold_at {kind}, touched {kind})",
        f"insert into sales values {values}",
        database=database,
    )
    sales = {"query_table": "sales", "load": "upsert", "key": ["id"], "cursor": "touched", "event_time": "sold_at"}
    settings = shop_of(schedule="none", sales=sales)
    receipt = land_source(settings, "shop")["sales"]
    assert (receipt["received"], receipt["unreadable"]) == (8, 1)
    assert receipt["interval_end"] == "2024-01-06T00:00:00Z"


def test_a_cursor_beyond_all_intervals_is_read_at_once(orders, shop_of):
    orders("insert into orders values (1, 10, '2024-01-05'), (2, 20, '2099-01-01'), (3, 30, '2024-01-20')")
    settings = shop_of(orders=ORDERS)
    assert ids_of(settings, land_source(settings, "shop", day(9))["orders"]) == [1, 2]
    orders("insert into orders values (4, 40, '2031-01-01')")
    assert ids_of(settings, land_source(settings, "shop", day(10))["orders"]) == [2, 4]


def test_the_end_is_after_the_newest_cursor_of_any_table(orders, postgres, database, shop_of):
    orders("insert into orders values (1, 10, '2024-01-05')")
    postgres.run(
        "create table notes (id int primary key, at timestamptz)",
        "insert into notes values (1, '2024-02-10')",
        database=database,
    )
    notes = {"query_table": "notes", "load": "upsert", "key": ["id"], "cursor": "at"}
    settings = shop_of(schedule="none", orders={**ORDERS, "event_time": "updated_at"}, notes=notes)
    assert plan_source(settings, "shop")["interval_end"] == "2024-02-11T00:00:00Z"


def test_content_that_comes_back_overwrites_no_history(orders, shop_of):
    orders("insert into orders values (1, 10, '2024-01-05'), (2, 20, '2024-01-05')")
    settings = shop_of(schedule="none", orders=ORDERS)
    land_source(settings, "shop")
    before = landed_files(settings)
    orders("update orders set amount = 11 where id = 1")
    land_source(settings, "shop")
    orders("update orders set amount = 10 where id = 1")
    land_source(settings, "shop")
    assert before.items() <= landed_files(settings).items()
    assert [receipt["generation"] for receipt in read_receipts(settings, "shop", "orders")] == [1, 2, 3]


# What comes back


@pytest.mark.parametrize("schedule", ["0 0 * * *", "none"])
def test_a_row_that_was_deleted_and_restored_with_its_old_cursor_is_there_again(orders, shop_of, schedule):
    land = lambda number: land_source(settings, "shop", day(number) if schedule != "none" else None)["orders"]  # noqa: E731
    settings = shop_of(schedule=schedule, orders=SCANNED)
    orders(fill(20))
    land(9)
    orders("create table keep as select * from orders where id = 8", "delete from orders where id = 8")
    assert (8, "delete") in rows_of(settings, land(10))
    orders("insert into orders select * from keep")
    assert (8, "upsert") in rows_of(settings, land(11))
    quiet = land(12)
    assert quiet == "unchanged" or (quiet["received"], quiet["missed"]) == (0, 0)


def test_a_row_that_went_back_to_an_older_state_is_read_again(orders, shop_of):
    settings = shop_of(orders=SCANNED)
    orders(fill(20), "insert into orders values (50, 2, '2024-01-08')")
    land_source(settings, "shop", day(9))
    orders("update orders set amount = 1, updated_at = '2023-12-01' where id = 50")
    again = land_source(settings, "shop", day(10))["orders"]
    assert (rows_of(settings, again), again["missed"]) == ([(50, "upsert")], 1)


def test_many_missed_rows_are_asked_for_in_a_few_ranges(orders, shop_of):
    settings = shop_of(orders=SCANNED)
    orders("insert into orders values (0, 0, '2024-01-05')")
    land_source(settings, "shop", day(9))
    orders(
        "insert into orders select n, n, timestamptz '2024-01-01' + n * interval '37 s' from generate_series(1, 9000) n"
    )
    late = land_source(settings, "shop", day(10))["orders"]
    assert (late["received"], late["missed"]) == (9000, 9000)


def test_a_scan_reads_what_was_landed_before_a_column_was_there(orders, shop_of):
    settings = shop_of(orders=SCANNED)
    orders(fill(3))
    land_source(settings, "shop", day(9))
    orders("alter table orders add column channel text default 'web'")
    again = land_source(settings, "shop", day(10))["orders"]
    assert (ids_of(settings, again), again["new_columns"]) == ([1, 2, 3], ["channel"])
    assert land_source(settings, "shop", day(11))["orders"]["received"] == 0


# Many rows gone at once


def test_a_scan_that_finds_a_table_half_reloaded_is_held_and_the_next_one_takes_its_place(orders, shop_of):
    settings = shop_of(orders=SCANNED)
    orders(fill(200))
    land_source(settings, "shop", day(9))
    orders("create table keep as select * from orders where id > 20", "delete from orders where id > 20")
    message = said(land_source, settings, "shop", day(10))
    for word in ("180 of the 200 rows that were there are gone", "gone_at_most: 0.1", "make accept SOURCE=shop"):
        assert word in message
    assert said(land_source, settings, "shop", day(10)) == message
    orders("insert into orders select * from keep")
    again = land_source(settings, "shop", day(10))["orders"]  # the same interval: a database is asked again
    assert (again["deleted"], again["missed"]) == (0, 0)
    assert "no load is held" in said(accept, settings, "shop", "orders")


@pytest.mark.parametrize(
    ("rows", "gone", "is_held"), [(3, 1, False), (3, 3, True), (30, 9, False), (30, 10, True), (200, 20, False)]
)
def test_a_load_that_takes_away_few_rows_is_not_held(orders, shop_of, rows, gone, is_held):
    settings = shop_of(orders=SCANNED)
    orders(fill(rows))
    land_source(settings, "shop", day(9))
    orders(f"delete from orders where id <= {gone}")
    if is_held:
        assert f"{gone} of the {rows} rows" in said(land_source, settings, "shop", day(10))
        assert accept(settings, "shop", "orders")["deleted"] == gone
    else:
        assert land_source(settings, "shop", day(10))["orders"]["deleted"] == gone


@pytest.mark.parametrize("kind", ["boolean", "smallint", "char(1)", "timestamptz"])
def test_rows_that_are_marked_as_deleted_count_as_gone(orders, shop_of, kind):
    mark = {"boolean": "true", "smallint": "1", "char(1)": "'Y'", "timestamptz": "now()"}[kind]
    settings = shop_of(orders={**ORDERS, "deleted": "is_gone"})
    orders(f"alter table orders add column is_gone {kind}", fill(100))
    land_source(settings, "shop", day(9))
    gone = "update orders set is_gone = {}, updated_at = '2024-01-{:02}' where id <= {}"
    orders(gone.format(mark, 9, 10))
    assert land_source(settings, "shop", day(10))["orders"]["received"] == 10
    orders("update orders set updated_at = '2024-01-10' where id <= 10")  # gone already
    assert land_source(settings, "shop", day(11))["orders"]["received"] == 10
    orders(gone.format(mark, 11, 30))
    assert "20 of the 90 rows that were there are gone" in said(land_source, settings, "shop", day(12))


@pytest.mark.parametrize("schedule", ["0 0 * * *", "none"])
@pytest.mark.parametrize("key", [["id"], "position"])
def test_a_snapshot_that_has_far_fewer_rows_is_held(orders, shop_of, schedule, key):
    land = lambda number: land_source(settings, "shop", day(number) if schedule != "none" else None)["orders"]  # noqa: E731
    table = {"query_table": "orders", "load": "snapshot", "key": key, "event_time": "updated_at"}
    settings = shop_of(schedule=schedule, orders=table)
    orders(fill(100))
    land(9)
    orders("create table keep as select * from orders", "delete from orders where id <= 60")
    with pytest.raises(UserError, match="60 of the 100 rows that were there are gone"):
        land(10)
    orders("delete from orders", "insert into orders select * from keep", "delete from orders where id <= 5")
    again = land(10)
    assert again["received"] - again["deleted"] == 95


def test_a_table_may_be_allowed_to_lose_its_rows(orders, shop_of):
    settings = shop_of(orders={**SCANNED, "volume": {"gone_at_most": 1}, "may_be_empty": True})
    orders(fill(100))
    land_source(settings, "shop", day(9))
    orders("delete from orders")
    assert land_source(settings, "shop", day(10))["orders"]["deleted"] == 100


# Read again


def test_a_forced_load_is_known_from_the_day_on_which_it_was_read(orders, shop_of):
    settings = shop_of(orders=ORDERS)
    orders(fill(3))
    for number in (9, 10, 11):
        land_source(settings, "shop", day(number))
    first = load_source("shop").first_start(settings)
    land_source(settings, "shop", day(9), interval_start=first, force=True)
    loads = read_receipts(settings, "shop", "orders")
    assert [load["known_end"] for load in loads] == [f"202401{number:02}T000000Z" for number in (9, 10, 11, 11)]
    assert [load["is_first_reading"] for load in loads] == [True, False, False, False]
    assert [load["reading"] for load in loads] == [1, 2, 3, 4]


def test_a_first_load_that_is_repeated_before_any_other_is_a_first_load(orders, shop_of):
    settings = shop_of(orders=ORDERS)
    orders(fill(3))
    land_source(settings, "shop", day(9))
    orders("update orders set amount = 5")
    land_source(settings, "shop", day(9), force=True)
    assert [load["is_first_reading"] for load in read_receipts(settings, "shop", "orders")] == [True, True]


def test_all_tables_of_a_load_have_one_number(orders, postgres, database, shop_of):
    orders(fill(3))
    postgres.run("create view more as select * from orders", database=database)
    settings = shop_of(orders=ORDERS)
    land_source(settings, "shop", day(9))
    settings = shop_of(orders=ORDERS, more={**ORDERS, "query_table": "more"})
    receipts = land_source(settings, "shop", day(10))
    assert [(receipts[name]["generation"], receipts[name]["reading"]) for name in ("orders", "more")] == [
        (2, 2),
        (1, 2),
    ]


def test_a_forced_load_beyond_the_landed_end_leaves_nothing_out(orders, shop_of):
    settings = shop_of(orders=ORDERS)
    orders(fill(3))
    land_source(settings, "shop", day(9))
    forced = land_source(settings, "shop", day(15), interval_start=day(14), force=True)["orders"]
    assert forced["interval_start"] == "2024-01-09T00:00:00Z"


def test_rows_without_a_key_that_are_read_again_are_not_doubled(orders, shop_of):
    table = {"query_table": "orders", "load": "append", "key": "position", "cursor": "updated_at"}
    settings = shop_of(orders=table)
    for number in (5, 6, 7, 8):
        orders(f"insert into orders values ({number}, {number}, '2024-01-{number:02} 10:00+00')")
    land_source(settings, "shop", day(7))
    for number in (8, 9):
        land_source(settings, "shop", day(number))
    land_source(settings, "shop", day(7), interval_start=day(6), force=True)  # a part of the first load
    land_source(settings, "shop", day(9), interval_start=day(7), force=True)  # two loads in one
    used = receipts_in_use(settings, load_source("shop"))
    assert sorted(key for receipt in used for key in ids_of(settings, receipt)) == [5, 6, 7, 8]
    assert [receipt["generation"] for receipt in used] == [4, 5]
