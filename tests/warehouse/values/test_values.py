"""A value is read as what its spelling says, or its row is set aside with the true reason; never as another value."""

import csv
import datetime as dt
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

import pipeline.base.settings
from pipeline.base.duck import connect
from pipeline.base.settings import load_settings
from pipeline.landing import land_source
from pipeline.landing.events import event_instant_sql, events_of, possible_sql, timestamp_sql
from tests.support.builds.conformed import Conformed, Row, compile_source

ZONE = ZoneInfo("Asia/Singapore")
ZONES = (str(ZONE), str(ZONE))  # of times, of days
FIRST = dt.datetime(2023, 1, 1)  # noqa: DTZ001 - what a spelling adds its zone to
SOURCE: dict[str, Any] = {
    "description": "Exports as they are.",
    "kind": "files",
    "schedule": "0 0 * * *",
    "currency": "SGD",
    "time_zone": "Asia/Singapore",
    "history": "complete",
    "first_interval_start": "2020-01-01",
    "tables": {
        "orders": {"file": "orders.csv", "format": "csv", "load": "snapshot", "key": ["id"], "deleted": "deleted_at"},
        "lines": {"file": "lines.csv", "format": "csv", "load": "snapshot", "key": ["id"]},
        "refunds": {"file": "refunds.csv", "format": "csv", "load": "snapshot", "key": ["id"]},
    },
}
ORDER = {"id": "", "customer": "c1", "at": "2024-01-05 10:00:00", "total": "10.00", "discount": "", "currency": "SGD"}
STAGING = {
    "orders": "{{ stage('orders', landed('orders'), columns={'order_id': 'id', 'source_customer_id': 'customer',"
    " 'ordered_at': '\"at\"', 'total_amount': 'total', 'discount_amount': 'discount', 'currency': 'currency'}) }}",
    "order_lines": "{{ stage('order_lines', landed('lines'), columns={'order_id': 'id', 'line_number': '1',"
    " 'net_amount': 'net', 'discount_amount': 'discount'}) }}",
    "returns": "{{ stage('returns', landed('refunds'), columns={'return_id': 'id', 'refund_amount': 'amount',"
    " 'returned_at': '\"at\"'}) }}",
}


@dataclass(frozen=True)
class Desk:
    """Where exports are written, landed and judged."""

    folder: Path
    conformed: Conformed

    def write(self, table: str, rows: list[dict[str, str]]) -> None:
        with (self.folder / "files" / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    def orders(self, *changes: dict[str, str]) -> list[Row]:
        """Land orders that differ from the usual one, in a home of its own; return them as judged, in their order."""
        self.write("orders", [{**ORDER, "deleted_at": "", "id": f"o{n:05}", **row} for n, row in enumerate(changes)])
        return self.judged("orders")

    def judged(self, *entities: str) -> list[Row]:
        """Land everything, judge entities, parents first, and return the rows of the last one."""
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            settings = load_settings({"CRM_HOME": home, "CRM_SOURCES": "exports"})
            land_source(settings, "exports", dt.datetime(2024, 6, 1, tzinfo=dt.UTC))
            rows = [self.conformed.versions_of(settings, entity) for entity in entities][-1]
            return sorted(rows, key=lambda row: row["_position"])


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="perennial-") as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        (folder / "files").mkdir()
        (folder / "sources").mkdir()
        source = {**SOURCE, "location": str(folder / "files")}
        desk = Desk(folder, None)  # type: ignore[arg-type]
        desk.write("orders", [{**ORDER, "id": "o1", "deleted_at": ""}])
        desk.write("lines", [{"id": "o1", "net": "1.00", "discount": ""}])
        desk.write("refunds", [{"id": "r1", "at": "2024-01-05", "amount": "1.00"}])
        compiled = compile_source(folder, "exports", source, STAGING)
        (folder / "sources" / "exports.yml").write_text(yaml.safe_dump(source), encoding="utf-8")
        patch.setattr(pipeline.base.settings, "SOURCE_FILES", folder / "sources")
        yield Desk(folder, compiled)


# Times

Spelling = Callable[[dt.datetime], tuple[str, dt.datetime | None]]


def local(text: str) -> Spelling:
    return lambda moment: (moment.strftime(text), moment.replace(tzinfo=ZONE))


def offset(text: str, hours: float) -> Spelling:
    return lambda moment: (moment.strftime(text), moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=hours))))


def unread(text: str) -> Spelling:
    return lambda moment: (moment.strftime(text), None)


def day(text: str) -> Spelling:
    return lambda moment: (moment.strftime(text), dt.datetime(*moment.date().timetuple()[:3], tzinfo=ZONE))


TIMES: list[Spelling] = [
    *map(local, ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dt%H:%M:%S", "%Y/%m/%d %H:%M:%S")),
    *map(local, ("%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M:%S%p", "%Y/%m/%d %I:%M:%S a.m.".replace("a.m.", "%p"))),
    *(
        offset(f"%Y-%m-%d{t}%H:%M:%S{z}", 0)
        for t in " T"
        for z in ("Z", "z", " UTC", "UTC", " GMT", "+00:00", " +0000")
    ),
    *(offset(f"%Y-%m-%d{t}%H:%M:%S{z}", 8) for t in " T" for z in ("+08", "+08:00", "+0800", " +0800", " +08:00")),
    *(offset(f"%Y-%m-%d %H:%M:%S{z}", -5.5) for z in ("-05:30", " -0530")),
    offset("%Y-%m-%d %I:%M:%S %p UTC", 0),
    offset("%Y-%m-%dT%H:%M:%S.000+0000", 0),
    offset("%Y-%m-%dT%H:%M:%S,000Z", 0),
    *map(day, ("%Y-%m-%d", "%Y/%m/%d")),
    *map(unread, ("%Y-%m-%d %H:%M:%S PST", "%Y-%m-%d %H:%M:%S+99:00", "%Y-%m-%d %H:%M:%S +8", "%Y-%m-%d %H:%M:%S h")),
    *map(
        unread, ("%Y-%m-%d 13:%M:%S PM", "%Y-%m-%d 25:%M:%S", "%Y-02-30 %H:%M:%S", "%d.%m.%Y", "%Y-%m-%d %H:%M:%S AD")
    ),
    *map(unread, ("2024%m%d5", "20240-%m-%d %H:%M:%S", "infinity", "%Y-%m-%d %H:%M:%S Europe/Berlin", "%H:%M:%S")),
]


def times() -> list[tuple[str, dt.datetime | None]]:
    rng = random.Random(7)
    return [spell(FIRST + dt.timedelta(seconds=rng.randrange(300 * 86400))) for spell in TIMES for _ in range(20)]


def test_a_time_is_what_it_says(desk: Desk) -> None:
    drawn = times()
    rows = desk.orders(*({"at": text} for text, _ in drawn))
    for (text, meant), row in zip(drawn, rows, strict=True):
        expected = meant and meant.astimezone(dt.UTC).replace(tzinfo=None)
        assert (row["ordered_at"], row["_reason"]) == (expected, None if meant else "ordered_at: not a timestamp"), text


def test_the_landing_reads_the_same_time() -> None:
    drawn = times()
    query = f"select {event_instant_sql('at', 'VARCHAR', None, *ZONES)} from (select unnest(?) as at)"
    with connect() as connection:
        read = [row[0] for row in connection.execute(query, [[text for text, _ in drawn]]).fetchall()]
    assert read == [meant and meant.astimezone(dt.UTC).replace(tzinfo=None) for _, meant in drawn]


def test_a_time_that_cannot_be_is_set_aside_and_ends_no_load(desk: Desk) -> None:
    rng = random.Random(9)
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    hours = [
        13.5,
        14.5,
        *(rng.uniform(-20_000, 14) for _ in range(20)),
        *(rng.uniform(15, 60_000_000) for _ in range(20)),
    ]
    drawn = [now + dt.timedelta(hours=each) for each in hours]
    texts = [f"{moment:%Y-%m-%dT%H:%M:%S}Z" for moment in drawn]
    early = ["0001-01-01 00:00:00", "1899-12-31", "1900-01-01", "2019-12-31 23:59:59"]
    judged = desk.orders(*({"at": text} for text in [*texts, *early]))
    for text, each, row in zip(texts, hours, judged, strict=False):
        assert row["_reason"] == (None if each < 14 else "ordered_at: later than it was read"), text
    assert {row["_reason"] for row in judged[len(texts) :]} == {"ordered_at: before the first interval of the source"}
    with connect() as connection:
        query = f"select {event_instant_sql('at', 'VARCHAR', None, *ZONES)} as event_at from (select unnest($1) as at)"
        connection.execute(f"create table said as {query}", [texts])
        events = events_of(connection, f"select {possible_sql('event_at', timestamp_sql(now))} as event_at from said")
    assert events is not None
    assert events.last.replace(tzinfo=None) == max(
        moment for moment, each in zip(drawn, hours, strict=True) if each < 14
    )


# Numbers


def test_a_number_is_what_it_says(desk: Desk) -> None:
    rng = random.Random(8)
    drawn: list[tuple[str, Decimal | None]] = []
    for _ in range(300):
        value = Decimal(rng.randrange(-(10**9), 10**9)) / 10 ** rng.choice([0, 1, 2, 4])
        plain, groups = f"{value:f}", f"{value:,f}"
        size = f"{abs(value):f}"
        drawn += [
            (plain, value),
            (f" {plain} ", value),
            (plain.replace("-", "\u2212"), value),
            (f"{plain} \u20ac", value),
        ]
        drawn += [(groups.replace(",", blank), value) for blank in (" ", "\u00a0", "\u202f", "\u2009")]
        drawn += [(f"${size}", abs(value)), (f"{size}-", -abs(value)), (f"\u00a3\u00a0{size}", abs(value))]
        drawn += [(f"({size})", None), (f"{size} EUR", None), (f"{size}x", None), (f"--{size}", None)]
        noise = float(value) + rng.choice([1, -1]) * abs(float(value)) * 2e-16
        drawn.append((repr(noise), value))
    drawn += [
        ("37.800000000000004", Decimal("37.8")),
        ("434.99999999999994", Decimal(435)),
        ("0.30000000000000004", Decimal("0.3")),
    ]
    drawn += [("731.9399999999999", Decimal("731.94")), ("1.00005", None), ("1234567890.12345678", None), ("1 2", None)]
    drawn += [
        ("99999999999999.99", None),
        ("1e15", None),
        ("1 23 456", None),
        ("0x10", None),
        ("infinity", None),
        ("NaN", None),
        ("1.0000000000000000001", None),
        ("-", None),
    ]
    rows = desk.orders(*({"total": text} for text, _ in drawn))
    for (text, meant), row in zip(drawn, rows, strict=True):
        if meant is None:
            assert row["_fate"] == "quarantined" and row["_reason"].startswith("total_amount: "), text
        else:
            assert (row["total_amount"], row["_reason"]) == (meant, None), text


# Identifiers


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *(
            ("1001", "1001"),
            ("1001.0", "1001"),
            ("1001.00", "1001"),
            (" 1001 ", "1001"),
            ("0012", "0012"),
            ("1.5", "1.5"),
        ),
        *((word, None) for word in ("NULL", "null", "\\N", "NaN", "None", "#N/A", "<NA>", "NA", "undefined", "")),
        *((sign, None) for sign in ("-", "--", "?", ".")),
        *(("K-1", "K-1"), ("1E5", "1E5"), ("a@b.example", "a@b.example")),
    ],
)
def test_a_customers_number_is_what_it_says(desk: Desk, text: str, meant: str | None) -> None:
    (row,) = desk.orders({"customer": text})
    assert (row["source_customer_id"], row["_reason"]) == (meant, None)


@pytest.mark.parametrize("text", ["8.80012E+12", "4,91511E+12", "8e+12", "8.8E12"])
@pytest.mark.parametrize("column", ["customer", "id"])
def test_a_number_that_was_rounded_is_nobodys(desk: Desk, column: str, text: str) -> None:
    (row,) = desk.orders({column: text})
    name = {"customer": "source_customer_id", "id": "order_id"}[column]
    assert (row["_fate"], row["_reason"]) == ("quarantined", f"{name}: a number that was rounded")


@pytest.mark.parametrize("text", ["#REF!", "#VALUE!", "#NAME?", "#DIV/0!"])
def test_an_error_of_a_spreadsheet_is_nobodys(desk: Desk, text: str) -> None:
    (row,) = desk.orders({"customer": text})
    assert (row["_fate"], row["_reason"]) == ("quarantined", "source_customer_id: an error of a spreadsheet")


# Signs and words


@pytest.mark.parametrize("word", ["NULL", "null", "\\N", "NaN", "None", "n/a", "#N/A", "<NA>", "(null)", "nil"])
def test_a_word_for_a_missing_value_is_missing_where_no_word_can_be(desk: Desk, word: str) -> None:
    optional, required, day = desk.orders({"discount": word}, {"total": word}, {"at": word})
    assert (optional["_fate"], optional["discount_amount"]) == ("accepted", None)
    assert required["_reason"] == "total_amount: missing, and there are no order_lines"
    assert day["_reason"] == "ordered_at: missing"


@pytest.mark.parametrize("text", ["sgd", "Sgd", " SGD "])
def test_a_currency_is_one_in_any_case(desk: Desk, text: str) -> None:
    (row,) = desk.orders({"currency": text})
    assert (row["currency"], row["_reason"]) == ("SGD", None)


def test_what_is_positive_is_not_guessed_from_its_size(desk: Desk) -> None:
    (row,) = desk.orders({"discount": "-5.00"})
    assert row["_reason"] == "discount_amount: negative"
    desk.write(
        "refunds", [{"id": n, "at": "2024-01-05", "amount": amount} for n, amount in (("a", "20.00"), ("b", "-20.00"))]
    )
    assert [row["_reason"] for row in desk.judged("returns")] == [None, "refund_amount: negative"]


@pytest.mark.parametrize(
    ("net", "discount", "size"),
    [("100.00", "-10.00", "10"), ("100.00", "10.00", "10"), ("-100.00", "-10.00", "-10"), ("0", "-10.00", "-10")],
)
def test_a_minus_before_a_discount_that_is_taken_off_is_no_sign(desk: Desk, net: str, discount: str, size: str) -> None:
    desk.orders({})
    desk.write("lines", [{"id": "o00000", "net": net, "discount": discount}])
    (row,) = desk.judged("orders", "order_lines")
    assert (row["_reason"], row["discount_amount"]) == (None, Decimal(size))


@pytest.mark.parametrize(
    ("text", "is_gone"),
    [
        *(
            (text, True)
            for text in ("2024-01-06 10:00:00", "2024-01-06", "true", "1", "yes", "x", "deleted", "1704535200")
        ),
        *((text, False) for text in ("", "false", "0", "No", "NULL", "\\N", "0000-00-00 00:00:00", "NaT", "0.0")),
    ],
)
def test_a_deletion_is_told_by_a_time_or_a_word(desk: Desk, text: str, is_gone: bool) -> None:
    (row,) = desk.orders({"deleted_at": text})
    assert (row["_op"], row["_is_current"]) == (("delete", False) if is_gone else ("upsert", True))
