"""Where the data of a source without schedule end: not with a time that cannot be, nor with one that leaps."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.audit.frames import landing_frame
from pipeline.base.settings import Settings
from pipeline.build.plan import make_plan
from pipeline.landing import accept, land_source, plan_source
from pipeline.landing.ends.hold import HELD
from pipeline.landing.receipts import read_receipts
from tests.conftest import SALES
from tests.support.builds.loads import said

SOUND = ["2024-01-05 10:00:00", "2024-01-07 22:30:00"]
END = "2024-01-07T23:00:00Z"
SOON = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d %H:%M:%S")
NEVER = ["0001-01-01 00:00:00", "1899-12-31 12:00:00", SOON, "2204-05-01", "9999-12-31 23:59:59"]
NO_TIMES = ["20240-01-07 10:00:00", "infinity", "-infinity", "290000-01-01 00:00:00"]
MICROSECONDS = {"infinity": 2**63 - 1, "-infinity": -(2**63) + 1, "year 20240": 576_568_800_000_000_000}
Write = Callable[[Path, list[str]], None]


@pytest.fixture(autouse=True)
def _staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the source provide orders, so that a build can be planned."""
    monkeypatch.setattr("pipeline.base.settings.STAGING", tmp_path / "staging")
    (tmp_path / "staging" / "shop").mkdir(parents=True)
    (tmp_path / "staging" / "shop" / "stg_shop__orders.sql").touch()


def as_csv(path: Path, times: list[str]) -> None:
    path.write_text("id,sold_at\n" + "".join(f"{n},{time}\n" for n, time in enumerate(times)), encoding="utf-8")


def as_jsonl(path: Path, times: list[str]) -> None:
    lines = (json.dumps({"id": n, "sold_at": time}) + "\n" for n, time in enumerate(times))
    path.write_text("".join(lines), encoding="utf-8")


def as_parquet(path: Path, times: list[str]) -> None:
    pq.write_table(pa.table({"id": range(len(times)), "sold_at": times}), path)


def as_excel(path: Path, times: list[str]) -> None:
    book = openpyxl.Workbook()
    for row in (("id", "sold_at"), *enumerate(times)):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(path)


@pytest.mark.parametrize(
    ("kind", "write"), [("csv", as_csv), ("jsonl", as_jsonl), ("parquet", as_parquet), ("excel", as_excel)]
)
def test_a_time_that_cannot_be_costs_its_row_and_ends_no_load(define_source, make_settings, kind: str, write: Write):
    """Each such row lands, to be quarantined with its reason; the end is that of the others."""
    path = define_source("shop", tables={"sales": {**SALES, "file": "sales.xlsx", "format": kind}}) / "sales.xlsx"
    settings = make_settings(CRM_SOURCES="shop")
    write(path, [*SOUND, *NEVER, *NO_TIMES])
    receipt = land_source(settings, "shop")["sales"]
    assert (receipt["received"], receipt["unreadable"], receipt["interval_end"]) == (11, 0, END)
    assert (receipt["first_event_at"], receipt["last_event_at"]) == ("2024-01-05T09:00:00Z", "2024-01-07T21:30:00Z")


@pytest.mark.parametrize(("kind", "of_type"), [("csv", str), ("parquet", date.fromisoformat)])
def test_a_day_is_one_of_the_business_calendar(define_source, make_settings, kind: str, of_type: Callable[[str], Any]):
    zones = {"time_zone": "America/New_York", "timestamps_in": "UTC"}
    path = define_source("shop", **zones, tables={"sales": {**SALES, "file": "sales", "format": kind}}) / "sales"
    days = [of_type(day) for day in ("2024-01-05", "2024-01-31")]
    (as_parquet if kind == "parquet" else as_csv)(path, days)
    receipt = land_source(make_settings(CRM_SOURCES="shop"), "shop")["sales"]
    assert (receipt["last_event_at"], receipt["interval_end"]) == ("2024-01-31T05:00:00Z", "2024-02-01T05:00:00Z")


def test_times_of_columns_that_cannot_be_end_no_load(define_source, make_settings):
    table = {**SALES, "file": "s.parquet", "format": "parquet"}
    path = define_source("shop", tables={"sales": table}) / "s.parquet"
    settings = make_settings(CRM_SOURCES="shop")
    sound = [datetime.fromisoformat(text) for text in SOUND]
    micros = [int(moment.replace(tzinfo=UTC).timestamp() * 1_000_000) for moment in sound]
    numbers = pa.array([*micros, *MICROSECONDS.values()], pa.int64())
    for kind, end in ((pa.timestamp("us"), END), (pa.timestamp("us", tz="UTC"), END)):
        pq.write_table(pa.table({"sold_at": numbers.cast(kind)}), path)
        assert plan_source(settings, "shop")["interval_end"] == end
    days = [*(moment.date() for moment in sound), None]
    limits = pa.array([2**31 - 1, -(2**31) + 1, 2_000_000_000, 100_000_000, -719_162], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"sold_at": pa.concat_arrays([pa.array(days, pa.date32()), limits])}), path)
    assert plan_source(settings, "shop")["interval_end"] == END
    assert land_source(settings, "shop")["sales"]["received"] == 8


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_times_of_any_unit_are_read(define_source, make_settings, zone: str | None):
    path = define_source("shop", tables={"sales": {**SALES, "file": "s.parquet", "format": "parquet"}}) / "s.parquet"
    settings = make_settings(CRM_SOURCES="shop")
    ends = set()
    for unit in ("s", "ms", "us", "ns"):
        times = pa.array([datetime.fromisoformat(text) for text in SOUND], pa.timestamp(unit, zone))
        pq.write_table(pa.table({"sold_at": times}), path)
        ends.add(plan_source(settings, "shop")["interval_end"])
    assert ends == {END}


@pytest.mark.parametrize("with_statistics", [True, False])
@pytest.mark.parametrize("zone", [None, "UTC"])
@pytest.mark.parametrize(
    ("unit", "number"),
    [("ms", 2**63 - 2), ("ms", -(2**63)), ("ms", 10**16), ("us", -(2**63)), ("us", -(2**63) + 2)],
)
def test_a_row_with_a_time_that_duckdb_cannot_hold_is_set_aside(
    define_source, make_settings, unit: str, number: int, zone: str | None, with_statistics: bool
):
    path = define_source("shop", tables={"sales": {**SALES, "file": "s.parquet", "format": "parquet"}}) / "s.parquet"
    settings = make_settings(CRM_SOURCES="shop")
    sound = 1_704_448_800 * {"ms": 10**3, "us": 10**6}[unit]
    times = pa.array([sound, number, None], pa.int64()).cast(pa.timestamp(unit, zone))
    pq.write_table(pa.table({"id": ["a", "b", "c"], "sold_at": times}), path, write_statistics=with_statistics)
    receipt = land_source(settings, "shop")["sales"]
    assert (receipt["received"], receipt["unreadable"]) == (3, 1)
    (reject,) = pq.read_table(settings.home / receipt["rejects"]).to_pylist()
    assert reject["error"] == "the time in column 'sold_at' lies before 290,309 BC or after the year 294,247"
    assert (reject["line"], reject["content"]) == (2, repr({"id": "b", "sold_at": number}))


FAR = pa.array([0, 2**63 - 1], pa.int64()).cast(pa.timestamp("ms"))
PAIRS = pa.StructArray.from_arrays([pa.array([7, 8]), FAR], ["number", "time"])
ONE_EACH = pa.array([0, 1, 2], pa.int32())


@pytest.mark.parametrize(
    "nested",
    [
        pytest.param(PAIRS, id="in a struct"),
        pytest.param(pa.ListArray.from_arrays(ONE_EACH, FAR), id="in a list"),
        pytest.param(pa.ListArray.from_arrays(ONE_EACH, PAIRS), id="in a list of structs"),
        pytest.param(pa.MapArray.from_arrays(ONE_EACH, pa.array(["x", "y"]), FAR), id="in a map"),
    ],
)
def test_a_row_with_such_a_time_inside_another_value_is_set_aside(define_source, make_settings, nested: pa.Array):
    path = define_source("shop", tables={"sales": {**SALES, "file": "s.parquet", "format": "parquet"}}) / "s.parquet"
    settings = make_settings(CRM_SOURCES="shop")
    times = pa.array([datetime.fromisoformat(SOUND[0])] * 2, pa.timestamp("us"))
    pq.write_table(pa.table({"sold_at": times, "detail": nested}), path)
    receipt = land_source(settings, "shop")["sales"]
    assert (receipt["received"], receipt["unreadable"]) == (2, 1)
    (reject,) = pq.read_table(settings.home / receipt["rejects"]).to_pylist()
    assert "'detail'" in reject["error"]
    assert "9223372036854775807" in reject["content"]


def database_of(path: Path, times: Iterable[str], cursors: Iterable[str] = ()) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table if not exists sales (id integer primary key, sold_at text, touched datetime)")
        rows = enumerate(zip(times, cursors or times, strict=True))
        database.executemany("insert or replace into sales values (?, ?, ?)", [(n, *both) for n, both in rows])
        database.commit()


SQLITE: dict[str, Any] = {"query_table": "sales", "key": ["id"], "event_time": "sold_at"}


@pytest.mark.parametrize("load", ["snapshot", "append"])
def test_a_database_ends_with_the_newest_possible_event_and_cursor(define_source, make_settings, tmp_path, load: str):
    path = tmp_path / "shop.db"
    times = [*SOUND, *NEVER, *NO_TIMES]
    database_of(path, times)
    table = {**SQLITE, "load": load, **({} if load == "snapshot" else {"cursor": "touched"})}
    define_source("shop", kind="sqlite", location=str(path), tables={"sales": table})
    settings = make_settings(CRM_SOURCES="shop")
    receipt = land_source(settings, "shop")["sales"]
    assert (receipt["received"], receipt["interval_end"]) == (11, END)


def test_only_impossible_times_are_no_end(shop):
    folder, settings = shop
    as_csv(folder / "sales.csv", ["2204-05-01", "0001-01-01"])
    message = said(plan_source, settings, "shop")
    assert "no row has an event time between 1900 and now" in message


# Leaps


def daily(number: int, every: float = 1.0) -> list[str]:
    """Times of a business that sells something every so many days of 2023, in the order of the days."""
    first = datetime(2023, 1, 2, 9)  # noqa: DTZ001 - local time, as a till has it
    return [str(first + timedelta(days=n * every)) for n in range(number)]


@pytest.fixture
def till(define_source, make_settings):
    """A source without schedule of one table: of appended files, of a file, or of a database."""

    def make(load: str, **keys: Any) -> tuple[Path, Settings]:
        table = {**SALES, "file": "*.csv", "load": load, "key": ["id"], **keys}
        folder = define_source("shop", first_interval_start="2023-01-01", tables={"sales": table})
        return folder, make_settings(CRM_SOURCES="shop")

    return make


def deliver(path: Path, rows: dict[str, str]) -> None:
    path.write_text("id,sold_at\n" + "".join(f"{name},{time}\n" for name, time in rows.items()), encoding="utf-8")


def history(number: int = 200, every: float = 1.0) -> dict[str, str]:
    return {f"o{n}": time for n, time in enumerate(daily(number, every))}


def as_of(settings: Settings) -> str:
    return make_plan(settings).as_of_date


@pytest.mark.parametrize(("load", "key"), [("append", ["id"]), ("snapshot", "position")])
def test_a_first_load_whose_end_leaps_is_held_and_names_the_row(till, load: str, key: Any):
    folder, settings = till(load, key=key)
    deliver(folder / "1.csv", {**history(), "T1": "2024-07-20 12:00:00"})
    message = said(land_source, settings, "shop")
    name = "id T1" if key == ["id"] else "row 201"
    for words in (
        *("1 row lies 366 days after the others, which end on 2023-07-20", f"{name} (sold_at 2024-07-20 12:00:00)"),
        *("`volume: {leap_days: 60}`", "make accept SOURCE=shop TABLE=sales"),
    ):
        assert words in message
    assert said(land_source, settings, "shop") == message
    accept(settings, "shop", "sales")
    assert land_source(settings, "shop") == {"sales": "unchanged"}
    assert as_of(settings) == "2024-07-20"


def test_a_days_order_of_a_year_ahead_is_held_and_the_corrected_one_lands(till):
    folder, settings = till("append")
    deliver(folder / "1.csv", history())
    land_source(settings, "shop")
    deliver(folder / "2.csv", {"T1": "2024-07-21 12:00:00", "T2": "2023-07-21 13:00:00"})
    message = said(land_source, settings, "shop")
    assert "id T1 (sold_at 2024-07-21 12:00:00)" in message
    assert "id T2" not in message
    assert as_of(settings) == "2023-07-20"
    deliver(folder / "2.csv", {"T1": "2023-07-21 12:00:00", "T2": "2023-07-21 13:00:00"})
    assert land_source(settings, "shop")["sales"]["received"] == 2
    assert as_of(settings) == "2023-07-21"
    assert not list((settings.landing / "shop" / "sales" / HELD).glob("*"))


def test_a_correction_beside_the_row_that_leaps_lets_both_land(till):
    folder, settings = till("append")
    deliver(folder / "1.csv", history())
    land_source(settings, "shop")
    deliver(folder / "2.csv", {"T1": "2024-07-21 12:00:00"})
    said(land_source, settings, "shop")
    deliver(folder / "3.csv", {"T1": "2023-07-19 12:00:00", "T2": "2023-07-22 12:00:00"})
    receipt = land_source(settings, "shop")["sales"]
    assert (receipt["received"], as_of(settings)) == (3, "2023-07-22")
    assert not landing_frame(settings, [receipt])["standing_after_interval_share"].any()


@pytest.mark.parametrize("correction", [{"T1": "2023-07-19 12:00:00", "T2": "2023-07-21 12:00:00"}, {"T1": ""}])
def test_a_correction_brings_the_end_back(till, correction: dict[str, str]):
    """What was loaded with the wrong end, and lines that came with it, are known from the right one."""
    folder, settings = till("append")
    deliver(folder / "1.csv", history())
    land_source(settings, "shop")
    deliver(folder / "2.csv", {"T1": "2024-07-21 12:00:00", "T0": "2023-07-20 13:00:00"})
    said(land_source, settings, "shop")
    accept(settings, "shop", "sales")
    assert as_of(settings) == "2024-07-21"
    deliver(folder / "3.csv", correction)
    land_source(settings, "shop")
    day = "2023-07-21" if "T2" in correction else "2023-07-20"
    assert as_of(settings) == day
    ends = [receipt["known_end"][:8] for receipt in read_receipts(settings, "shop", "sales")]
    assert ends == ["20230720", *[day.replace("-", "")] * 2]
    assert land_source(settings, "shop") == {"sales": "unchanged"}
    deliver(folder / "4.csv", {"T9": "2023-07-23 12:00:00"})
    land_source(settings, "shop")
    assert as_of(settings) == "2023-07-23"
    frame = landing_frame(settings, read_receipts(settings, "shop", "sales"))
    assert not frame[["standing_after_interval_share", "standing_is_unexpectedly_empty"]].any(axis=None)


def test_a_table_that_came_with_the_wrong_end_comes_back_with_it(define_source, make_settings):
    """Lines have no event time: a quiet load says that what they had is known by the right end."""
    sales = {**SALES, "file": "sales*.csv", "load": "append", "key": ["id"]}
    lines = {**sales, "file": "lines*.csv", "event_time": None}
    folder = define_source("shop", first_interval_start="2023-01-01", tables={"sales": sales, "lines": lines})
    settings = make_settings(CRM_SOURCES="shop")
    deliver(folder / "sales1.csv", {"a": "2023-02-01 10:00", "b": "2024-02-02 10:00"})
    deliver(folder / "lines1.csv", {"a": "", "b": ""})
    land_source(settings, "shop")
    assert as_of(settings) == "2024-02-02"
    deliver(folder / "sales2.csv", {"b": "2023-02-02 10:00"})
    assert land_source(settings, "shop")["lines"]["received"] == 0
    assert as_of(settings) == "2023-02-02"
    assert {load["known_end"][:8] for load in read_receipts(settings, "shop", "lines")} == {"20230202"}
    frame = landing_frame(settings, read_receipts(settings, "shop", "lines"))
    assert not frame["standing_is_unexpectedly_empty"].any()


@pytest.mark.parametrize("load", ["snapshot", "upsert"])
def test_a_database_is_held_and_comes_back(define_source, make_settings, tmp_path, load: str):
    path = tmp_path / "shop.db"
    table = {**SQLITE, "load": load, **({} if load == "snapshot" else {"cursor": "touched"})}
    define_source("shop", kind="sqlite", location=str(path), first_interval_start="2023-01-01", tables={"sales": table})
    settings = make_settings(CRM_SOURCES="shop")
    times = daily(200)
    database_of(path, times)
    land_source(settings, "shop")
    database_of(path, [*times, "2024-07-21 12:00:00"], [*times, "2023-07-21 12:00:00"])
    assert "id 200 (sold_at 2024-07-21 12:00:00)" in said(land_source, settings, "shop")
    accept(settings, "shop", "sales")
    assert as_of(settings) == "2024-07-21"
    database_of(path, [*times, "2023-07-21 12:00:00"], [*times, "2023-07-21 13:00:00"])
    land_source(settings, "shop")
    assert as_of(settings) == "2023-07-21"
    assert land_source(settings, "shop") == {"sales": "unchanged"}


@pytest.mark.parametrize(
    "keys", [{"load": "upsert"}, {"load": "upsert", "key_scan_days": 0}, {"load": "append"}], ids=str
)
@pytest.mark.parametrize("event_time", ["sold_at", None])
def test_a_cursor_that_leaps_is_held_and_the_corrected_row_lands(
    define_source, make_settings, tmp_path, keys: dict[str, Any], event_time: str | None
):
    path = tmp_path / "shop.db"
    table = {**SQLITE, "cursor": "touched", "event_time": event_time, **keys}
    define_source("shop", kind="sqlite", location=str(path), first_interval_start="2023-01-01", tables={"sales": table})
    settings = make_settings(CRM_SOURCES="shop")
    times = daily(202)
    database_of(path, times[:200])
    land_source(settings, "shop")
    database_of(path, times[:201], [*times[:200], "2024-07-21 12:00:00"])
    message = said(land_source, settings, "shop")
    assert "1 row lies 367 days after the others, which end on 2023-07-20" in message
    assert "id 200 (touched 2024-07-21 12:00:00)" in message
    assert as_of(settings) == "2023-07-20"
    database_of(path, times)
    assert land_source(settings, "shop")["sales"]["interval_end"] == "2023-07-22T22:00:00Z"
    assert as_of(settings) == "2023-07-22"


def test_an_accepted_cursor_that_leapt_is_brought_back_by_its_correction(define_source, make_settings, tmp_path):
    path = tmp_path / "shop.db"
    table = {**SQLITE, "cursor": "touched", "load": "upsert", "key_scan_days": 0}
    define_source("shop", kind="sqlite", location=str(path), first_interval_start="2023-01-01", tables={"sales": table})
    settings = make_settings(CRM_SOURCES="shop")
    times = daily(202)
    database_of(path, times[:201], [*times[:200], "2024-07-21 12:00:00"])
    said(land_source, settings, "shop")
    accept(settings, "shop", "sales")
    assert land_source(settings, "shop") == {"sales": "unchanged"}
    assert as_of(settings) == "2024-07-21"
    database_of(path, times)
    land_source(settings, "shop")
    assert as_of(settings) == "2023-07-22"
    assert land_source(settings, "shop") == {"sales": "unchanged"}


def with_hole(before: int, after: int) -> dict[str, str]:
    late = {f"p{n}": str(datetime(2024, 9, 1, 9) + timedelta(days=n)) for n in range(after)}  # noqa: DTZ001
    return {**history(before), **late}


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        *((with_hole(number, 1), "too few rows to tell") for number in (1, 98)),
        (with_hole(200, 3), "more rows than a mistake has"),
        ({**history(200), "p": "2023-09-15 09:00"}, "closed for a month and a half"),
        ({**with_hole(200, 20), "q": "2025-09-01 09:00"}, "closed as long before"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_history_with_a_hole_of_a_year_is_not_held(till, rows: dict[str, str], why: str):
    folder, settings = till("append")
    deliver(folder / "1.csv", rows)
    land_source(settings, "shop")
    assert as_of(settings) == max(rows.values())[:10], why


def test_a_mistyped_beginning_hides_no_leap(till):
    folder, settings = till("append")
    deliver(folder / "1.csv", {"w": "2013-01-01 09:00", "x": "2020-01-01", **history(), "T1": "2024-07-20 12:00:00"})
    assert "id T1" in said(land_source, settings, "shop")


def test_other_tables_that_reach_as_far_explain_a_gap(define_source, make_settings):
    sales = {**SALES, "file": "sales.csv", "key": ["id"]}
    folder = define_source(
        "shop", first_interval_start="2023-01-01", tables={"sales": sales, "returns": {**sales, "file": "returns.csv"}}
    )
    settings = make_settings(CRM_SOURCES="shop")
    deliver(folder / "sales.csv", history(560))
    deliver(folder / "returns.csv", {**history(), "R1": "2024-07-20 12:00:00"})
    assert {receipt["interval_end"] for receipt in land_source(settings, "shop").values()} == {"2024-07-20T22:00:00Z"}


def test_with_volume_null_a_leap_is_not_held(till):
    folder, settings = till("append", volume=None)
    deliver(folder / "1.csv", {**history(), "T1": "2024-07-20 12:00:00"})
    assert land_source(settings, "shop")["sales"]["received"] == 201
