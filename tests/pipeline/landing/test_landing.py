"""Loads: what is written, what is left as it was, and what the receipt says."""

import os
import shutil
import sqlite3
import stat
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.audit.frames import landing_frame
from pipeline.base.files import read_sealed
from pipeline.landing import land_source, land_table, plan_source
from pipeline.landing.readers import opened
from pipeline.landing.receipts import read_receipts
from pipeline.landing.writing.publish import HASH_DIGITS
from tests.conftest import SALES
from tests.support.builds.loads import TWO_SALES, day, landed_files, said

INTERVAL = "20231231T230000Z_20240107T230000Z"


def rows_of(settings, receipt):
    return duckdb.sql(f"select * from '{settings.home / receipt['file']}' order by _position").fetchall()


def test_a_load_and_its_receipt(shop):
    _, settings = shop
    receipt = land_source(settings, "shop")["sales"]
    assert rows_of(settings, receipt) == [
        ("1", "2024-01-05 10:00:00", "5.00", 1, "upsert", INTERVAL, 1),
        ("2", "2024-01-07 22:30:00", "7.50", 2, "upsert", INTERVAL, 1),
    ]
    stem = f"landing/shop/sales/{INTERVAL}.{receipt['content_hash'][:HASH_DIGITS]}"
    assert read_sealed(settings.home / f"{stem}.json", "") == receipt
    assert receipt["file"] == f"{stem}.parquet"
    assert (receipt["received"], receipt["unreadable"], receipt["generation"]) == (2, 0, 1)
    assert (receipt["interval_start"], receipt["interval_end"]) == ("2023-12-31T23:00:00Z", "2024-01-07T23:00:00Z")
    assert (receipt["first_event_at"], receipt["last_event_at"]) == ("2024-01-05T09:00:00Z", "2024-01-07T21:30:00Z")
    assert receipt["is_first_load"]
    assert receipt["schema"] == [{"name": name, "type": "VARCHAR"} for name in ("id", "sold_at", "amount")]
    assert [file["name"] for file in receipt["source_files"]] == ["sales.csv"]


def test_the_same_content_again_changes_nothing(shop):
    folder, settings = shop
    land_source(settings, "shop")
    before = landed_files(settings)
    os.utime(folder / "sales.csv", (1, 1))
    assert land_source(settings, "shop") == {"sales": "unchanged"}
    assert landed_files(settings) == before


def test_a_changed_snapshot_is_a_new_generation_beside_the_old(shop):
    folder, settings = shop
    first = land_source(settings, "shop")["sales"]
    before = landed_files(settings)
    (folder / "sales.csv").write_text(TWO_SALES.replace("5.00", "5.01"), encoding="utf-8")
    second = land_source(settings, "shop")["sales"]
    assert (first["generation"], second["generation"]) == (1, 2)
    assert before.items() <= landed_files(settings).items()
    assert [receipt["generation"] for receipt in read_receipts(settings, "shop", "sales")] == [1, 2]


def test_an_earlier_content_again_is_the_newest_generation(shop):
    folder, settings = shop
    text = (folder / "sales.csv").read_text()
    first = land_source(settings, "shop")["sales"]
    (folder / "sales.csv").write_text(text.replace("5.00", "6.00"), encoding="utf-8")
    land_source(settings, "shop")
    (folder / "sales.csv").write_text(text, encoding="utf-8")
    third = land_source(settings, "shop")["sales"]
    assert (third["file"], third["generation"]) == (first["file"], 3)
    assert [receipt["generation"] for receipt in read_receipts(settings, "shop", "sales")] == [2, 3]


def test_another_way_of_reading_is_another_content(define_source, make_settings):
    folder = define_source("shop", tables={"sales": {**SALES, "encoding": "cp1252"}})
    (folder / "sales.csv").write_bytes("id,sold_at\nü,2024-01-05\n".encode())
    settings = make_settings(CRM_SOURCES="shop")
    assert rows_of(settings, land_source(settings, "shop")["sales"])[0][0] == "Ã¼"
    define_source("shop", tables={"sales": SALES})
    assert rows_of(settings, land_source(settings, "shop")["sales"])[0][0] == "ü"


def test_unreadable_lines_are_counted_and_kept_apart(shop):
    folder, settings = shop
    (folder / "sales.csv").write_text(TWO_SALES + "3,2024-01-05\n", encoding="utf-8")
    receipt = land_source(settings, "shop")["sales"]
    assert (receipt["received"], receipt["unreadable"]) == (3, 1)
    assert len(rows_of(settings, receipt)) == 2
    rejects = settings.home / receipt["rejects"]
    assert rejects.name == receipt["file"].rsplit("/", 1)[1].replace(".parquet", ".rejects.parquet")
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    assert pq.read_table(rejects).to_pylist() == [
        {"file": "sales.csv", "line": 4, "error": "3 columns expected, 2 found", "content": "3,2024-01-05"}
    ]


def test_all_tables_of_a_load_end_together(define_source, make_settings):
    visits = {**SALES, "file": "visits.csv", "event_time": None}
    folder = define_source("shop", tables={"sales": SALES, "visits": visits})
    (folder / "sales.csv").write_text(TWO_SALES, encoding="utf-8")
    (folder / "visits.csv").write_text("id\n1\n", encoding="utf-8")
    settings = make_settings(CRM_SOURCES="shop")
    assert plan_source(settings, "shop") == {
        "source": "shop",
        "interval_end": "2024-01-07T23:00:00Z",
        "tables": ["sales", "visits"],
    }
    receipts = land_source(settings, "shop")
    assert {receipt["interval_end"] for receipt in receipts.values()} == {"2024-01-07T23:00:00Z"}
    assert receipts["visits"]["last_event_at"] is None


@pytest.mark.parametrize(
    ("zones", "end"),
    [
        ({"time_zone": "UTC"}, "2024-01-08T00:00:00Z"),
        ({"time_zone": "America/New_York", "timestamps_in": "UTC"}, "2024-01-08T05:00:00Z"),
        ({"time_zone": "Asia/Tokyo", "timestamps_in": "UTC"}, "2024-01-08T15:00:00Z"),
        ({"time_zone": "Europe/London", "timestamps_in": "Asia/Tokyo"}, "2024-01-08T00:00:00Z"),
    ],
)
def test_the_load_ends_at_local_midnight_after_the_newest_event(define_source, make_settings, zones, end):
    folder = define_source("shop", **zones)
    (folder / "sales.csv").write_text(TWO_SALES, encoding="utf-8")
    assert plan_source(make_settings(CRM_SOURCES="shop"), "shop")["interval_end"] == end


def test_the_day_of_a_clock_change_ends_at_its_own_midnight(define_source, make_settings):
    folder = define_source("shop")
    (folder / "sales.csv").write_text("id,sold_at\n1,2024-03-30 12:00:00\n", encoding="utf-8")
    assert plan_source(make_settings(CRM_SOURCES="shop"), "shop")["interval_end"] == "2024-03-30T23:00:00Z"
    (folder / "sales.csv").write_text("id,sold_at\n1,2024-03-31 12:00:00\n", encoding="utf-8")
    assert plan_source(make_settings(CRM_SOURCES="shop"), "shop")["interval_end"] == "2024-03-31T22:00:00Z"


def test_event_times_with_offset_and_as_dates(define_source, make_settings):
    folder = define_source("shop", tables={"sales": {**SALES, "file": "s.parquet", "format": "parquet"}})
    settings = make_settings(CRM_SOURCES="shop")
    at = datetime(2024, 1, 7, 23, 30, tzinfo=UTC)
    pq.write_table(pa.table({"sold_at": pa.array([at], pa.timestamp("us", tz="UTC"))}), folder / "s.parquet")
    assert plan_source(settings, "shop")["interval_end"] == "2024-01-08T23:00:00Z"
    pq.write_table(pa.table({"sold_at": pa.array([at.date()])}), folder / "s.parquet")
    assert plan_source(settings, "shop")["interval_end"] == "2024-01-07T23:00:00Z"


@pytest.mark.parametrize(
    ("value", "time_format", "end"),
    [
        ("2024-01-07T23:30:00Z", None, "2024-01-08T23:00:00Z"),
        ("2024-01-07T23:30:00", None, "2024-01-07T23:00:00Z"),
        (" 2024-01-08 01:30:00+0300 ", None, "2024-01-07T23:00:00Z"),
        ("07.01.2024 23:30 +0000", "%d.%m.%Y %H:%M %z", "2024-01-08T23:00:00Z"),
        ("07.01.2024 23:30", "%d.%m.%Y %H:%M", "2024-01-07T23:00:00Z"),
    ],
)
def test_an_offset_in_the_text_wins_over_the_zone(define_source, make_settings, value, time_format, end):
    folder = define_source("shop", tables={"sales": {**SALES, "event_time_format": time_format}})
    (folder / "sales.csv").write_text(f"id,sold_at\n1,{value}\n", encoding="utf-8")
    settings = make_settings(CRM_SOURCES="shop")
    receipt = land_source(settings, "shop")["sales"]
    assert receipt["interval_end"] == end
    measured = landing_frame(settings, [receipt]).to_dict("records")[0]
    assert [measured[f"{name}_share"] for name in ("untimed", "before_interval", "after_interval")] == [0, 0, 0]


def test_event_times_that_cannot_be_read_are_named(define_source, make_settings):
    folder = define_source("shop")
    (folder / "sales.csv").write_text("id,sold_at\n1,7th of May\n", encoding="utf-8")
    message = said(plan_source, make_settings(CRM_SOURCES="shop"), "shop")
    for word in ("shop.sales", "'sold_at'", "'7th of May'", "`event_time_format`", "dags/sources/shop.yml"):
        assert word in message


def test_events_before_the_first_interval_are_named(define_source, make_settings):
    folder = define_source("shop")
    (folder / "sales.csv").write_text("id,sold_at\n1,1923-05-07\n", encoding="utf-8")
    message = said(land_source, make_settings(CRM_SOURCES="shop"), "shop")
    for word in ("'shop'", "1923", "`first_interval_start`", "dags/sources/shop.yml"):
        assert word in message


# append


@pytest.fixture
def appended(define_source, make_settings):
    folder = define_source("shop", tables={"sales": {**SALES, "file": "sales_*.csv", "load": "append"}})
    (folder / "sales_1.csv").write_text("id,sold_at\n1,2024-01-05\n", encoding="utf-8")
    return folder, make_settings(CRM_SOURCES="shop")


def test_append_lands_only_new_files(appended):
    folder, settings = appended
    first = land_source(settings, "shop")["sales"]
    (folder / "sales_2.csv").write_text("id,sold_at\n2,2024-01-06\n", encoding="utf-8")
    (folder / "sales_1_again.csv").write_bytes((folder / "sales_1.csv").read_bytes())
    second = land_source(settings, "shop")["sales"]
    assert [file["name"] for file in second["source_files"]] == ["sales_2.csv"]
    assert [row[0] for row in rows_of(settings, second)] == ["2"]
    assert second["interval_start"] == first["interval_end"]
    assert (first["is_first_load"], second["is_first_load"]) == (True, False)
    assert land_source(settings, "shop") == {"sales": "unchanged"}


def test_the_same_file_twice_in_one_load_is_landed_once(appended):
    folder, settings = appended
    shutil.copy(folder / "sales_1.csv", folder / "sales_2.csv")
    assert land_source(settings, "shop")["sales"]["received"] == 1


def test_a_late_file_is_known_from_the_last_interval(appended):
    folder, settings = appended
    first = land_source(settings, "shop")["sales"]
    (folder / "sales_2.csv").write_text("id,sold_at\n2,2024-01-02\n", encoding="utf-8")
    second = land_source(settings, "shop")["sales"]
    assert second["interval"] == first["interval"]
    assert second["generation"] == 2
    assert [row[-1] for receipt in (first, second) for row in rows_of(settings, receipt)] == [1, 2]


def test_a_late_file_after_the_others_were_removed_is_of_the_last_interval_too(appended):
    folder, settings = appended
    (folder / "sales_2.csv").write_text("id,sold_at\n2,2024-01-09\n", encoding="utf-8")
    first = land_source(settings, "shop")["sales"]
    for path in folder.iterdir():
        path.unlink()
    (folder / "sales_3.csv").write_text("id,sold_at\n3,2024-01-02\n", encoding="utf-8")
    second = land_source(settings, "shop")["sales"]
    assert (second["interval"], second["generation"]) == (first["interval"], 2)


def test_the_end_of_an_append_needs_only_the_new_files(appended, monkeypatch):
    folder, settings = appended
    land_source(settings, "shop")
    read: list[str] = []

    def count(request, home, connection=None):
        read.extend(path.name for path in request.files)
        return opened(request, home, connection)

    monkeypatch.setattr("pipeline.landing.ends.reach.opened", count)
    assert plan_source(settings, "shop")["interval_end"] == "2024-01-05T23:00:00Z"
    assert read == []
    (folder / "sales_2.csv").write_text("id,sold_at\n2,2024-01-03\n", encoding="utf-8")
    assert plan_source(settings, "shop")["interval_end"] == "2024-01-05T23:00:00Z"
    (folder / "sales_3.csv").write_text("id,sold_at\n3,2024-01-09\n", encoding="utf-8")
    assert plan_source(settings, "shop")["interval_end"] == "2024-01-09T23:00:00Z"
    assert read == ["sales_2.csv", "sales_2.csv", "sales_3.csv"]


def test_three_years_of_daily_files_are_landed_in_order(define_source, make_settings):
    tables = {
        kind: {**SALES, "file": f"*.{kind}", "format": kind, "load": "append", "key": ["id"], "cursor": "sold_at"}
        for kind in ("csv", "jsonl")
    }
    folder = define_source("shop", tables=tables)
    days = [(datetime(2023, 1, 1, tzinfo=UTC) + timedelta(days=number)).date().isoformat() for number in range(1096)]
    for number, date in enumerate(days):
        (folder / f"{date}.csv").write_text(f"id,sold_at\n{number}a,{date}\n{number}b,{date}\n", encoding="utf-8")
        lines = [f'{{"id": "{number}{letter}", "sold_at": "{date}"}}\n' for letter in "ab"]
        (folder / f"{date}.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / f"{days[7]}.jsonl").write_text('{"id": "7a", "sold_at": "2023-01-08"}\n{"id": \n', encoding="utf-8")
    settings = make_settings(CRM_SOURCES="shop")
    started = time.monotonic()
    receipts = land_source(settings, "shop")
    assert time.monotonic() - started < 30  # a read of its own for each file took minutes
    ids = [f"{number}{letter}" for number in range(1096) for letter in "ab"]
    rows = rows_of(settings, receipts["csv"])
    assert [row[0] for row in rows] == ids
    assert [row[2] for row in rows] == list(range(1, 2 * 1096 + 1))
    assert receipts["csv"]["interval_end"] == "2025-12-31T23:00:00Z"
    assert [row[0] for row in rows_of(settings, receipts["jsonl"])] == [name for name in ids if name != "7b"]
    assert (receipts["jsonl"]["received"], receipts["jsonl"]["unreadable"]) == (2 * 1096, 1)


# schedule


@pytest.fixture
def daily(define_source, make_settings):
    folder = define_source("shop", schedule="0 0 * * *")
    (folder / "sales.csv").write_text(TWO_SALES, encoding="utf-8")
    return folder, make_settings(CRM_SOURCES="shop")


def test_a_schedule_gives_the_interval(daily):
    _, settings = daily
    first = land_table(settings, "shop", "sales", interval_start=day(8), interval_end=day(9))
    assert (first["interval"], first["is_first_load"]) == ("20231231T230000Z_20240109T000000Z", True)
    second = land_table(settings, "shop", "sales", interval_end=day(10))
    assert (second["interval"], second["is_first_load"]) == ("20240109T000000Z_20240110T000000Z", False)
    reload = land_table(settings, "shop", "sales", interval_start=day(9), interval_end=day(10))
    assert reload == "unchanged"


def test_a_scheduled_source_needs_an_end(daily):
    _, settings = daily
    message = said(plan_source, settings, "shop")
    for word in ("'shop'", "'0 0 * * *'", "make up"):
        assert word in message
    assert plan_source(settings, "shop", day(9))["interval_end"] == "2024-01-09T00:00:00Z"


def test_an_interval_that_brings_no_new_file_still_moves_the_end(define_source, make_settings):
    tables = {"sales": {**SALES, "file": "*.csv", "load": "append"}}
    folder = define_source("shop", schedule="0 0 * * *", tables=tables)
    (folder / "sales.csv").write_text(TWO_SALES, encoding="utf-8")
    settings = make_settings(CRM_SOURCES="shop")
    first = land_table(settings, "shop", "sales", interval_end=day(9))
    quiet = land_table(settings, "shop", "sales", interval_end=day(10))
    assert (quiet["received"], quiet["interval_end"]) == (0, "2024-01-10T00:00:00Z")
    assert (quiet["schema"], rows_of(settings, quiet)) == (first["schema"], [])
    assert land_table(settings, "shop", "sales", interval_start=day(9), interval_end=day(10)) == "unchanged"


# sqlite


def test_a_table_of_a_database_is_landed_when_its_rows_have_changed(define_source, make_settings, tmp_path):
    path = tmp_path / "shop.db"
    table = {"query_table": "orders", "load": "snapshot", "key": ["id"], "event_time": "sold_at"}
    define_source("shop", kind="sqlite", location=str(path), tables={"orders": table})
    settings = make_settings(CRM_SOURCES="shop")
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table orders (id integer, sold_at text)")
        database.execute("insert into orders values (1, '2024-01-05'), (2, '2024-01-07')")
        database.commit()
        first = land_source(settings, "shop")["orders"]
        assert land_source(settings, "shop") == {"orders": "unchanged"}
        database.execute("create table other (id integer)")
        database.commit()
        assert land_source(settings, "shop") == {"orders": "unchanged"}
        database.execute("update orders set sold_at = '2024-01-06' where id = 1")
        database.commit()
        second = land_source(settings, "shop")["orders"]
    assert (first["interval"], first["generation"], second["generation"]) == (second["interval"], 1, 2)


# the sources of the project


def test_complete_journey(data_dir, make_settings):
    settings = make_settings(CRM_DATA=str(data_dir))
    receipts = land_source(settings, "complete_journey")
    assert {table: receipt["received"] for table, receipt in receipts.items()} == {
        "transactions": 1_469_307,
        "products": 92_331,
        "campaign_descriptions": 27,
        "campaigns": 6_589,
        "coupon_redemptions": 2_102,
    }
    assert {receipt["interval"] for receipt in receipts.values()} == {"20170101T050000Z_20180101T050000Z"}
    source = data_dir / "complete_journey" / "transactions.parquet"
    landed = settings.home / receipts["transactions"]["file"]
    different = f"""
        select count(*) from (select *, row_number() over () as _position from '{source}') as source
        full join '{landed}' as landed using (_position)
        where (source.basket_id, source.product_id, source.sales_value)
            is distinct from (landed.basket_id, landed.product_id, landed.sales_value)
    """
    assert duckdb.sql(different).fetchall() == [(0,)]
    assert set(land_source(settings, "complete_journey").values()) == {"unchanged"}


def test_cdnow(data_dir, make_settings):
    settings = make_settings(CRM_DATA=str(data_dir), CRM_SOURCES="cdnow")
    receipt = land_source(settings, "cdnow")["purchases"]
    assert (receipt["received"], receipt["unreadable"]) == (69_659, 0)
    assert receipt["interval"] == "19970101T000000Z_19980701T000000Z"
    totals = f"""
        select
            count(distinct customer_id), sum(dollar_value::decimal(18, 2))::varchar, sum(number_of_cds::int)::int,
            count(*) filter (dollar_value::decimal(18, 2) = 0), min(date), max(date), max(_position)
        from '{settings.home / receipt["file"]}'
    """
    lines = (data_dir / "cdnow" / "CDNOW_master.txt").read_text().splitlines()[1:]
    discs = sum(int(line.split()[2]) for line in lines if line.strip())
    assert duckdb.sql(totals).fetchall() == [(23_570, "2500315.63", discs, 80, "19970101", "19980630", 69_659)]


# a large file is read only once


@pytest.fixture
def large(define_source, make_settings):
    """A file of 5 MB with what text may hold, and what is wrong in it."""

    def make(*broken: str, tail: bytes = b""):
        folder = define_source("shop", tables={"sales": {**SALES, "key": ["id"]}})
        lines = [f'{number},2024-01-05,"a ""b"",\r\n中文 🎉 {"x" * 40}",' for number in range(1, 60_001)]
        lines[40_000:40_000] = broken
        text = "\n".join(["id,sold_at,note,nothing", *lines, ""])
        (folder / "sales.csv").write_bytes(text.encode() + tail)
        return make_settings(CRM_SOURCES="shop")

    return make


def test_a_large_file_arrives_as_it_was_in_its_order(large):
    settings = large()
    receipt = land_source(settings, "shop")["sales"]
    assert receipt["unreadable"] == 0
    rows = rows_of(settings, receipt)
    assert [row[0] for row in rows] == [str(number) for number in range(1, 60_001)]
    assert {row[2] for row in rows} == {f'a "b",\r\n中文 🎉 {"x" * 40}'}
    assert {row[3] for row in rows} == {None}


def test_a_broken_line_of_a_large_file_costs_that_line(large):
    settings = large('x,2024-01-05,"open', "y,2024-01-05")
    receipt = land_source(settings, "shop")["sales"]
    assert receipt["unreadable"] == 2
    assert [row[0] for row in rows_of(settings, receipt)] == [str(number) for number in range(1, 60_001)]


def test_a_line_in_another_encoding_far_inside_costs_that_line(large):
    settings = large(tail="60001,2024-01-05,für,\n".encode("cp1252"))
    receipt = land_source(settings, "shop")["sales"]
    assert (receipt["received"], receipt["unreadable"]) == (60_001, 1)
    (reject,) = pq.read_table(settings.home / receipt["rejects"]).to_pylist()
    assert (reject["line"], reject["content"]) == (120_002, "60001,2024-01-05,f\\xfcr,")
