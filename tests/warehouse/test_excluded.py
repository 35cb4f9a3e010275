"""Rows that a staging model leaves out on purpose: each is counted with its reason, and ends its key."""

import csv
import datetime as dt
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import yaml

from pipeline.base import settings as project
from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.settings import Settings, load_settings
from pipeline.build.dbt import build_variables
from pipeline.build.models import Models
from pipeline.build.plan import plan_build, save_plan
from pipeline.landing import land_source
from pipeline.onboarding.trial.dry_run import dry_run
from pipeline.onboarding.trial.report import report
from tests.conftest import SHOP
from tests.support.builds.project import make_project, run_in
from tests.warehouse.histories.test_ten_days import BUILD, UNACCOUNTED, differing

TABLES = {
    name: {"file": f"{name}_*.csv", "format": "csv", "load": "append", "key": key, **more}
    for name, key, more in (
        ("orders", ["id"], {"event_time": "at", "cursor": "changed", "deleted": "deleted"}),
        ("lines", ["id", "line"], {}),
        ("people", ["id"], {}),
    )
}
STAGING = {
    "orders": """
{{ stage('orders', landed('orders'), excluded={
    'a test order': "status = 'test'",
    'a totals row': "who = 'sum'",
}, columns={'order_id': 'id', 'source_customer_id': 'who', 'ordered_at': '"at"', 'total_amount': 'amount'}) }}
""",
    "order_lines": """
{{ stage('order_lines', landed('lines'), excluded={"a line that's a remark": "item = 'remark'"}, columns={
    'order_id': 'id', 'line_number': 'line', 'product_id': 'item', 'net_amount': 'net',
}) }}
""",
    "customers": """
{{ stage('customers', landed('people'), excluded={'staff': "is_staff = 'yes'"}, columns={
    'source_customer_id': 'id', 'full_name': 'name',
}) }}
""",
}
AT = "2024-01-05 10:00:00"
EXCLUDED, ACCEPTED, QUARANTINED = "excluded", "accepted", "quarantined"


def order(load: int, changed: int, status: str = "paid", **other: str) -> dict[str, str]:
    """An order as a load has it."""
    named = {"who": "ana", "at": AT, "amount": "10.00", "status": status, "changed": f"2024-01-{changed:02}"}
    return {**named, "deleted": "", **other, "load": str(load)}


# Orders: their rows with the fates that they get, and whether there is an order in the end.
ORDERS: dict[str, tuple[list[tuple[dict[str, str], str]], bool]] = {
    "sold": ([(order(0, 5), ACCEPTED)], True),
    "a test": ([(order(0, 5, "test"), EXCLUDED)], False),
    "a test, sent twice": ([(order(0, 5, "test"), EXCLUDED), (order(1, 5, "test"), EXCLUDED)], False),
    "sold, then a test": ([(order(0, 5), ACCEPTED), (order(1, 6, "test"), EXCLUDED)], False),
    "a test, then sold": ([(order(0, 5, "test"), EXCLUDED), (order(1, 6), ACCEPTED)], True),
    "sold, a test, sold": (
        [(order(0, 5), ACCEPTED), (order(1, 6, "test"), EXCLUDED), (order(2, 7), ACCEPTED)],
        True,
    ),
    "an older test comes late": ([(order(0, 7), ACCEPTED), (order(1, 6, "test"), EXCLUDED)], True),
    "a test beside a sale": ([(order(0, 5), ACCEPTED), (order(0, 5, "test"), EXCLUDED)], True),
    "a test that is deleted": ([(order(0, 5, "test", deleted="true"), EXCLUDED)], False),
    "a test without an amount": ([(order(0, 5, "test", amount="x"), EXCLUDED)], False),
    "not readable": ([(order(0, 5, amount="x"), QUARANTINED)], False),
    "": ([(order(0, 5, who="sum", amount="999.00"), EXCLUDED), (order(1, 5), QUARANTINED)], False),
}
# Lines, by order: the fate of its first line and why, where that is not accepted.
LINES = {
    "sold": (ACCEPTED, None),
    "a test": (EXCLUDED, "order_id: of an excluded row (a test order)"),
    "sold, then a test": (ACCEPTED, None),
    "not readable": (QUARANTINED, "order_id: not among the accepted orders (total_amount: not a decimal)"),
    "of no order": (QUARANTINED, "order_id: not among the accepted orders"),
}
LOADS = 3


def deliver(folder: Path, load: int) -> None:
    """Write the files of a load."""
    rows = [{"id": name, **row} for name, (told, _) in ORDERS.items() for row, _ in told if row["load"] == str(load)]
    _write(folder / f"orders_{load}.csv", [{**row, "load": ""} for row in rows])
    lines = [{"id": name, "line": "1", "item": "mug", "net": "10.00"} for name in LINES]
    lines += [{"id": name, "line": "2", "item": "remark", "net": "x"} for name in LINES]
    _write(folder / f"lines_{load}.csv", lines if load == 0 else lines[:1])
    staff = "yes" if load else "no"
    _write(folder / f"people_{load}.csv", [{"id": "ana", "name": "Ana", "is_staff": staff}])


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Define the source `shop`, in an empty project, and return the folder of its files."""
    monkeypatch.setattr(project, "SOURCE_FILES", tmp_path / "sources")
    monkeypatch.setattr(project, "STAGING", tmp_path / "staging")

    def define(tables: dict[str, Any], staging: dict[str, str], **keys: Any) -> Path:
        for folder in ("sources", "staging/shop", "files"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        source = {**SHOP, "location": str(tmp_path / "files"), "tables": tables, **keys}
        (tmp_path / "sources" / "shop.yml").write_text(yaml.safe_dump(source), encoding="utf-8")
        for entity, sql in staging.items():
            (tmp_path / "staging" / "shop" / f"stg_shop__{entity}.sql").write_text(sql, encoding="utf-8")
        return tmp_path / "files"

    return define


def judged(settings: Settings, *entities: str, backwards: bool = False) -> dict[str, list[dict[str, Any]]]:
    """All landed rows of some entities, with their fates."""
    plan = plan_build(settings)
    plan.receipts.sort(key=lambda receipt: receipt["file"], reverse=backwards)
    save_plan(settings, plan)
    with closing(connect()) as connection:
        models = Models(connection, {**build_variables(settings, plan), "new_files": None})
        found = {}
        for entity in entities:
            models.make(f"int_{entity}__rows")
            rows = connection.execute(f"from int_{entity}__rows order by all")
            names = [column[0] for column in rows.description]
            found[entity] = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
        return found


def test_each_row_keeps_one_fate_over_loads(shop: Callable[..., Path], tmp_path: Path) -> None:
    folder = shop(TABLES, STAGING)
    settings = load_settings({"CRM_HOME": str(tmp_path / "home"), "CRM_SOURCES": "shop"})
    for load in range(LOADS):
        deliver(folder, load)
        land_source(settings, "shop", dt.datetime(2024, 1, 8 + load, tzinfo=dt.UTC))
    rows = judged(settings, "orders", "order_lines", "customers")
    assert rows == judged(settings, "orders", "order_lines", "customers", backwards=True)

    for name, (told, is_there) in ORDERS.items():
        of_order = [row for row in rows["orders"] if row["order_id"] == (name or None)]
        assert Counter(row["_fate"] for row in of_order) == Counter(fate for _, fate in told), name
        assert any(row["_is_current"] for row in of_order) == is_there, name
    reasons = {row["_reason"] for row in rows["orders"] if row["_fate"] == EXCLUDED}
    assert reasons == {"a test order", "a totals row"}

    first_lines = {
        row["order_id"]: row for row in rows["order_lines"] if row["line_number"] == 1 and row["_fate"] != "duplicate"
    }
    assert {name: (row["_fate"], row["_reason"]) for name, row in first_lines.items()} == LINES
    assert [name for name, row in first_lines.items() if row["_is_current"]] == ["sold"]
    remarks = {(row["_fate"], row["_reason"]) for row in rows["order_lines"] if row["product_id"] == "remark"}
    assert remarks == {(EXCLUDED, "a line that's a remark")}
    # Ana has become staff.
    assert [(row["_fate"], row["_is_current"]) for row in rows["customers"]] == [
        (ACCEPTED, False),
        (EXCLUDED, False),
    ]


def _workbook(path: Path, header: list[str], rows: list[list[str]]) -> None:
    book = openpyxl.Workbook()
    for row in [header, *rows]:
        book.active.append(row)
    book.save(path)


def _parquet(path: Path, header: list[str], rows: list[list[str]]) -> None:
    values = ", ".join(f"({', '.join(repr(value) for value in row)})" for row in rows)
    duckdb.sql(f"from (values {values}) as t ({', '.join(header)})").write_parquet(str(path))


def _sqlite(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"create table sales ({', '.join(header)})")
        connection.executemany("insert into sales values (?, ?, ?, ?)", rows)


def _manifest(path: Path, header: list[str], rows: list[list[str]]) -> None:
    _parquet(path.with_name("part-0.parquet"), header, rows)
    path.write_text(json.dumps({"files": ["part-0.parquet"]}), encoding="utf-8")


def _text(separator: str) -> Callable[[Path, list[str], list[list[str]]], None]:
    def write(path: Path, header: list[str], rows: list[list[str]]) -> None:
        path.write_text("".join(separator.join(row) + "\n" for row in [header, *rows]), encoding="utf-8")

    return write


def _json_lines(path: Path, header: list[str], rows: list[list[str]]) -> None:
    lines = (json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")


def _fixed(path: Path, header: list[str], rows: list[list[str]]) -> None:
    path.write_text("".join("".join(cell.ljust(10) for cell in row) + "\n" for row in rows), encoding="utf-8")


HEADER = ["id", "day", "who", "net"]
SALES = [
    ["1", "2024-01-05", "ana", "10.00"],
    ["2", "2024-01-05", "ben", "20.00"],
    ["2", "2024-01-05", "ben", "20.00"],
    ["3", "2024-02-30", "cleo", "30.00"],
    ["Total", "2024-01-31", "x", "60.00"],
]
PLACES = {name: [10 * n, 10 * n + 10] for n, name in enumerate(HEADER)}
READERS: dict[str, tuple[Callable[..., None], dict[str, Any]]] = {
    "csv": (_text(","), {}),
    "whitespace": (_text(" "), {}),
    "jsonl": (_json_lines, {}),
    "fixed_width": (_fixed, {"columns": PLACES}),
    "parquet": (_parquet, {}),
    "excel": (_workbook, {}),
    "parquet_manifest": (_manifest, {}),
    "sqlite": (_sqlite, {}),
}
ENDS = {"excel": "xlsx", "parquet_manifest": "json"}
STAGE = """{{ stage('orders', landed('sales'), <excluded>columns={
    'order_id': 'id', 'source_customer_id': 'who', 'ordered_at': 'day', 'total_amount': 'net',
}) }}"""
TOTALS = "excluded={'a totals row': \"id = 'Total'\"}, "


@pytest.mark.parametrize("kind", ["files", "sqlite"])
def test_what_any_reader_received_is_accounted_for(shop: Callable[..., Path], kind: str) -> None:
    kinds = [name for name in READERS if (name == "sqlite") == (kind == "sqlite")]
    files = {name: f"{name}.{ENDS.get(name, name)}" for name in kinds}
    of_file = {name: {"file": file, "format": name} for name, file in files.items()} | {
        "sqlite": {"query_table": "sales"}
    }
    always = {"load": "snapshot", "key": ["id"], "event_time": "day"}
    tables = {name: {**of_file[name], **always, **READERS[name][1]} for name in kinds}
    models = [STAGE.replace("'id'", '"_table || id"', 1).replace("sales", name) for name in kinds]
    staging = {"orders": "union all".join(models).replace("<excluded>", TOTALS)}
    folder = shop(tables, staging)
    if kind == "sqlite":
        shop(tables, staging, kind="sqlite", location=str(folder / files["sqlite"]))
    for name, file in files.items():
        READERS[name][0](folder / file, HEADER, SALES)
    outcome = dry_run("shop", {})
    assert {(fate.fate, fate.reason): fate.rows for fate in outcome.fates} == {
        ("accepted", None): 2 * len(kinds),
        ("duplicate", None): len(kinds),
        ("quarantined", "ordered_at: not a timestamp"): len(kinds),
        ("excluded", "a totals row"): len(kinds),
    }
    assert outcome.received == dict.fromkeys(kinds, len(SALES))
    assert f"{len(kinds)} excluded orders: a totals row" in report("shop", outcome)


TABLE = {"sales": {"file": "sales.csv", "format": "csv", "load": "snapshot", "key": ["id"], "event_time": "day"}}


def test_rows_that_a_where_drops_are_named(shop: Callable[..., Path]) -> None:
    where = STAGE.replace("<excluded>", "").replace("landed('sales')", "landed('sales') ~ \" where id <> 'Total'\"")
    folder = shop(TABLE, {"orders": where})
    _text(",")(folder / "sales.csv", HEADER, SALES)
    said = " ".join(report("shop", dry_run("shop", {})).split())
    assert "A build would stop: 1 row of the table sales of source shop has no fate" in said
    assert "excluded={'test order': \"status = 'test'\"}" in said


NAMED = """
with named as (
    select sales.*, people.name
    from {{ landed('sales') }} as sales
    left join {{ lookup('people') }} as people on sales.who = people.id
)

{{ stage('orders', 'named', columns={
    'order_id': 'id', 'source_customer_id': 'who', 'channel': 'name', 'ordered_at': 'day', 'total_amount': 'net',
}) }}
"""


def test_what_models_join_is_accounted_for_and_joined_once(shop: Callable[..., Path], tmp_path: Path) -> None:
    people = {"file": "people_*.csv", "format": "csv", "load": "append", "key": ["id"], "lookup": True}
    folder = shop({**TABLE, "people": people}, {"orders": NAMED})
    _text(",")(folder / "sales.csv", HEADER, SALES[:2])
    settings = load_settings({"CRM_HOME": str(tmp_path / "home"), "CRM_SOURCES": "shop"})
    for load, name in enumerate(("Anna", "Ana")):
        _text(",")(folder / f"people_{load}.csv", ["id", "name"], [["ana", name], ["ben", "Ben"]])
        land_source(settings, "shop", dt.datetime(2024, 1, 8 + load, tzinfo=dt.UTC))
    assert {row["order_id"]: row["channel"] for row in judged(settings, "orders")["orders"]} == {"1": "Ana", "2": "Ben"}
    outcome = dry_run("shop", {})
    assert {(fate.entity, fate.fate): fate.rows for fate in outcome.fates} == {
        ("orders", "accepted"): 2,
        ("lookup", "accepted"): 4,
    }


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("excluded={'': \"id = 'Total'\"}, ", "`excluded` needs a reason for each condition"),
        ("excluded={'a totals row': ' '}, ", "`excluded` needs a reason for each condition"),
        (TOTALS + "derived=true, ", "rows that are derived have no fate"),
    ],
)
def test_an_exclusion_says_why_and_of_what(shop: Callable[..., Path], written: str, message: str) -> None:
    folder = shop(TABLE, {"orders": STAGE.replace("<excluded>", written)})
    _text(",")(folder / "sales.csv", HEADER, SALES)
    with pytest.raises(UserError, match=message):
        dry_run("shop", {})


LAND = """
import datetime as dt, sys
from pipeline.landing import land_source
from pipeline.base.settings import load_settings
land_source(load_settings(), "shop", dt.datetime.fromisoformat(sys.argv[1]))
"""


@pytest.mark.slow
def test_built_load_by_load_is_as_in_one_go(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    copy = make_project(tmp_path, "shop", yaml.safe_dump({**SHOP, "location": str(files), "tables": TABLES}), STAGING)
    for load in range(LOADS):
        deliver(files, load)
        end = dt.datetime(2024, 1, 8 + load, tzinfo=dt.UTC).isoformat()
        run_in(copy, LAND, end, CRM_HOME=tmp_path / "in_order", CRM_SOURCES="shop")
        run_in(copy, BUILD, CRM_HOME=tmp_path / "in_order", CRM_SOURCES="shop")
    shutil.copytree(tmp_path / "in_order" / "landing", tmp_path / "at_once" / "landing")
    run_in(copy, BUILD, CRM_HOME=tmp_path / "at_once", CRM_SOURCES="shop")
    built = [tmp_path / home / "warehouse.duckdb" for home in ("in_order", "at_once")]
    assert differing(*built) == {}
    with duckdb.connect(str(built[0]), read_only=True) as warehouse:
        assert warehouse.execute(UNACCOUNTED).fetchall() == [(0,)]
        excluded = warehouse.execute("select sum(excluded) from ops.load_receipts").fetchall()
        of_orders = sum(fate == EXCLUDED for told, _ in ORDERS.values() for _, fate in told)
        assert excluded == [(of_orders + 1 + len(LINES) + 1,)]
        assert warehouse.execute("select count(*) from core.fct_order").fetchall() == [
            (sum(is_there for _, is_there in ORDERS.values()),)
        ]
