"""Orders that are delivered with all of their lines, and again: a line that the newer one does not have is gone."""

import datetime as dt
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

import pipeline.base.settings
from pipeline.base.settings import load_settings
from pipeline.landing import land_source
from tests.conftest import SHOP
from tests.support.builds.conformed import Conformed, Row, compile_source
from tests.support.builds.project import make_project, run_in
from tests.warehouse.histories.test_ten_days import BUILD, UNACCOUNTED, differing

SOURCE: dict[str, Any] = {
    **SHOP,
    "description": "A shop that sends orders as documents, and a till that sends their lines.",
    "tables": {
        "documents": {
            "file": "documents_*.jsonl",
            "format": "jsonl",
            "load": "append",
            "key": ["id"],
            "event_time": "at",
            "cursor": "changed",
            "deleted": "deleted",
        },
        "lines": {
            "file": "lines_*.csv",
            "format": "csv",
            "load": "append",
            "key": ["id", "line"],
            "whole_orders": True,
        },
    },
}
STAGING = {
    "orders": "{{ stage('orders', landed('documents'), columns={'order_id': 'id', 'ordered_at': '\"at\"'}) }}",
    "order_lines": """
with nested as (
    select
        *,
        unnest(from_json(items, '[{"line": "VARCHAR", "net": "VARCHAR"}]')) as item
    from {{ landed('documents') }}
)

{{ stage('order_lines', 'nested', derived=true, columns={
    'order_id': 'id', 'line_number': 'item.line', 'net_amount': 'item.net',
}) }}
union all
{{ stage('order_lines', landed('lines'), columns={'order_id': 'id', 'line_number': 'line', 'net_amount': 'net'}) }}
""",
}
AT = "2024-01-05 10:00:00"
Lines = dict[str, str]
# Each line of one landed row, so that an increment finds the rows of before by their place.
TILL_STAGING = {
    "orders": "{{ stage('orders', landed('receipts'), columns={'order_id': 'id', 'ordered_at': '\"at\"'}) }}",
    "order_lines": "{{ stage('order_lines', landed('lines'), columns={"
    "'order_id': 'id', 'line_number': 'line', 'net_amount': 'net'}) }}",
}
LAND = """
import datetime as dt, sys
from pipeline.landing import land_source
from pipeline.base.settings import load_settings
for source in ("notes", "tills"):
    land_source(load_settings(), source, dt.datetime.fromisoformat(sys.argv[1]))
"""


def document(order: str, day: int, lines: Lines, **changes: str) -> dict[str, Any]:
    """An order as of a day of January."""
    items = [{"line": line, "net": net} for line, net in lines.items()]
    return {"id": order, "at": AT, "changed": f"2024-01-{day:02}", "deleted": None, "items": items, **changes}


TWO, THREE = {"1": "1.00", "2": "2.00"}, {"1": "1.00", "2": "2.00", "3": "3.00"}
# Order: its documents (day, lines, changes) by load, and the lines that it has in the end.
DOCUMENTS: dict[str, tuple[list[list[dict[str, Any]]], Lines]] = {}


def told(order: str, left: Lines, *loads: dict[str, Any]) -> None:
    DOCUMENTS[order] = ([[load] for load in loads], left)


told("one line fewer", {"1": "1.00", "3": "9.00"}, document("", 5, THREE), document("", 6, {"1": "1.00", "3": "9.00"}))
told("no line left", {}, document("", 5, TWO), document("", 6, {}))
told("an older one comes late", TWO, document("", 7, TWO), document("", 6, {"1": "8.00"}))
told("a line that cannot be read", TWO, document("", 5, THREE), document("", 6, {"1": "1.00", "2": "x"}))
told("no line can be read", TWO, document("", 5, TWO), document("", 6, {"1": "x", "2": "y"}))
told("a line without its number", TWO, document("", 5, TWO), document("", 6, {"1": "1.00", "x": "2.00"}))
told(
    "its number comes later",
    {"1": "7.00"},
    *(document("", 5, TWO), document("", 6, {"1": "1.00", "x": "2.00"}), document("", 7, {"1": "7.00"})),
)
told("one that cannot be read", TWO, document("", 5, TWO), document("", 6, {"1": "8.00"}, at="2024-02-30 10:00:00"))
told(
    "deleted, and back",
    {"2": "2.00"},
    *(document("", 5, TWO), document("", 6, {}, deleted="true"), document("", 7, {"2": "2.00"})),
)
told("deleted", {}, document("", 5, TWO), document("", 6, {}, deleted="true"))
told("a line comes back", TWO, document("", 5, TWO), document("", 6, {"1": "1.00"}), document("", 7, TWO))
told("never readable", {}, document("", 5, TWO, at="soon"))
told("said twice", TWO, document("", 5, TWO), document("", 6, TWO))
DOCUMENTS["two of one moment"] = ([[document("", 5, TWO), document("", 5, {"1": "1.00"})]], TWO)

# The till's: lines by load, and those in the end.
TILL: dict[str, tuple[list[Lines], Lines]] = {
    "till: one line fewer": ([THREE, {"1": "1.00", "3": "9.00"}], {"1": "1.00", "3": "9.00"}),
    "till: once": ([TWO, {}], TWO),
    "till: a line that cannot be read": ([THREE, {"1": "1.00", "2": "x"}], TWO),
    "till: a line without its number": ([TWO, {"1": "1.00", "x": "2.00"}], TWO),
    "till: a line comes back": ([TWO, {"1": "1.00"}, TWO], TWO),
}


@pytest.fixture(scope="module")
def conformed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conformed]:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "files").mkdir()
    (folder / "sources").mkdir()
    source = {**SOURCE, "location": str(folder / "files")}
    deliver(folder / "files", 0)
    with pytest.MonkeyPatch.context() as patch:
        compiled = compile_source(folder, "notes", source, STAGING)
        (folder / "sources" / "notes.yml").write_text(yaml.safe_dump(source), encoding="utf-8")
        patch.setattr(pipeline.base.settings, "SOURCE_FILES", folder / "sources")
        yield compiled


def deliver(folder: Path, load: int) -> None:
    """Write the files of a load."""
    documents = [
        {**each, "id": order}
        for order, (loads, _) in DOCUMENTS.items()
        for each in (loads[load] if load < len(loads) else [])
    ]
    documents += [document(order, 5, {}) for order in TILL] if load == 0 else []
    text = "".join(json.dumps(each) + "\n" for each in documents)
    (folder / f"documents_{load}.jsonl").write_text(text, encoding="utf-8")
    lines = [
        f"{order},{line},{net}\n"
        for order, (loads, _) in TILL.items()
        for line, net in (loads[load] if load < len(loads) else {}).items()
    ]
    (folder / f"lines_{load}.csv").write_text("id,line,net\n" + "".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def lines(conformed: Conformed) -> list[Row]:
    """All lines, judged after the last load; whatever the order in which the files are read."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as home:
        settings = load_settings({"CRM_HOME": home, "CRM_SOURCES": "notes"})
        folder = Path(str(conformed.definition.location))
        for load in range(3):
            deliver(folder, load)
            land_source(settings, "notes", dt.datetime(2024, 1, 6 + load, tzinfo=dt.UTC))
        conformed.versions_of(settings, "orders")
        rows = conformed.versions_of(settings, "order_lines")
        conformed.versions_of(settings, "orders", backwards=True)
        again = conformed.versions_of(settings, "order_lines", backwards=True)
        assert sorted(map(repr, rows)) == sorted(map(repr, again))
        return rows


@pytest.mark.parametrize("order", [*DOCUMENTS, *TILL])
def test_an_order_has_the_lines_of_its_newest_document(lines: list[Row], order: str) -> None:
    current = {
        str(row["line_number"]): f"{row['net_amount']:.2f}"
        for row in lines
        if row["order_id"] == order and row["_is_current"]
    }
    assert current == {**DOCUMENTS, **TILL}[order][1]


def test_what_is_set_aside_says_why(lines: list[Row]) -> None:
    reasons = {(row["order_id"], row["_reason"]) for row in lines if row["_fate"] == "quarantined"}
    bad_time = "order_id: not among the accepted orders (ordered_at: not a timestamp)"
    assert reasons == {
        ("a line that cannot be read", "net_amount: not a decimal"),
        ("no line can be read", "net_amount: not a decimal"),
        ("a line without its number", "line_number: not a integer"),
        ("its number comes later", "line_number: not a integer"),
        ("one that cannot be read", bad_time),
        ("never readable", bad_time),
        ("till: a line that cannot be read", "net_amount: not a decimal"),
        ("till: a line without its number", "line_number: not a integer"),
    }


def test_a_line_that_is_gone_was_accepted(lines: list[Row]) -> None:
    assert [
        (row["line_number"], row["_fate"], row["_is_current"])
        for row in sorted(lines, key=lambda row: (row["line_number"] or 0, row["_generation"]))
        if row["order_id"] == "till: one line fewer"
    ] == [
        (1, "accepted", True),
        (1, "duplicate", False),
        (2, "accepted", False),
        (3, "accepted", False),
        (3, "accepted", True),
    ]


@pytest.mark.slow
def test_built_day_by_day_is_as_in_one_go(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    project = make_project(tmp_path, "notes", yaml.safe_dump({**SOURCE, "location": str(files)}), STAGING)
    receipts = {"file": "receipts.csv", "format": "csv", "load": "append", "key": ["id"], "event_time": "at"}
    till = {**SOURCE, "location": str(files), "tables": {"receipts": receipts, "lines": SOURCE["tables"]["lines"]}}
    (project / "dags" / "sources" / "tills.yml").write_text(yaml.safe_dump(till), encoding="utf-8")
    staging = project / "dbt_project" / "models" / "staging" / "tills"
    staging.mkdir()
    for entity, sql in TILL_STAGING.items():
        (staging / f"stg_tills__{entity}.sql").write_text(sql, encoding="utf-8")
    (files / "receipts.csv").write_text("id,at\n" + "".join(f"{order},{AT}\n" for order in TILL), encoding="utf-8")
    for load in range(3):
        deliver(files, load)
        end = dt.datetime(2024, 1, 6 + load, tzinfo=dt.UTC).isoformat()
        run_in(project, LAND, end, CRM_HOME=tmp_path / "in_order", CRM_SOURCES="notes,tills")
        if load != 1:
            run_in(project, BUILD, CRM_HOME=tmp_path / "in_order", CRM_SOURCES="notes,tills")
    shutil.copytree(tmp_path / "in_order" / "landing", tmp_path / "at_once" / "landing")
    run_in(project, BUILD, CRM_HOME=tmp_path / "at_once", CRM_SOURCES="notes,tills")
    built = [tmp_path / home / "warehouse.duckdb" for home in ("in_order", "at_once")]
    assert differing(*built) == {}
    with duckdb.connect(str(built[1]), read_only=True) as warehouse:
        query = "select source_order_id, lines from core.fct_order where source_system = ?"
        for source, orders in (("notes", {**DOCUMENTS, **TILL}), ("tills", TILL)):
            left = {order: len(lines) for order, (_, lines) in orders.items() if lines}
            assert dict(warehouse.execute(query, [source]).fetchall()) == left
        assert warehouse.execute(UNACCOUNTED).fetchall() == [(0,)]
        nested = "select count(*) from ops.quarantine where entity = 'order_lines' and table_name = 'documents'"
        assert warehouse.execute(nested).fetchall() == [(4,)]
