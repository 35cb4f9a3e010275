"""dbt's site says the types of columns and the number of rows of what is published."""

import json
from pathlib import Path
from typing import Any

import duckdb

from pipeline.outputs.site_catalog import CATALOG_MARK, MANIFEST_MARK, site_catalog, write_page


def node(name: str, kind: str = "model", **column: str) -> dict[str, Any]:
    columns = {key: {"name": key, "data_type": value} for key, value in column.items()}
    config = {"materialized": "table", "meta": {"owner": "finance"}, "column_types": {"word": "text"}}
    return {
        "resource_type": kind,
        "schema": "core",
        "alias": name,
        "database": "warehouse",
        "config": config,
        "columns": columns,
    }


MANIFEST: dict[str, Any] = {
    "metadata": {"project_name": "perennial"},
    "nodes": {
        "model.perennial.fct_order": node("fct_order", order_id="string"),
        "model.perennial.dim_date": node("dim_date", date_day="date"),
        "test.perennial.one": node("one", kind="test"),
    },
}


def test_a_published_table_has_its_types_and_its_rows() -> None:
    nodes = site_catalog(MANIFEST, {("core", "fct_order"): ({"order_id": "VARCHAR", "lines": "BIGINT"}, 7)})["nodes"]
    assert list(nodes) == ["model.perennial.fct_order", "model.perennial.dim_date"]
    published = nodes["model.perennial.fct_order"]
    assert [(column["name"], column["type"]) for column in published["columns"].values()] == [
        ("order_id", "VARCHAR"),
        ("lines", "BIGINT"),
    ]
    assert (published["stats"]["row_count"]["value"], published["metadata"]["owner"]) == (7, "finance")


def test_a_table_that_is_not_published_has_the_types_of_its_yml_and_no_count() -> None:
    other = site_catalog(MANIFEST, {})["nodes"]["model.perennial.dim_date"]
    assert other["columns"]["date_day"]["type"] == "date"
    assert "row_count" not in other["stats"]


def test_the_page_holds_what_the_release_has(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST), encoding="utf-8")
    (tmp_path / "index.html").write_text(f"[{MANIFEST_MARK}, {CATALOG_MARK}]", encoding="utf-8")
    database = tmp_path / "perennial.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema core; create table core.fct_order as select 'a' as order_id from range(3)")
    manifest, catalog = json.loads(write_page(tmp_path, database).read_text(encoding="utf-8"))
    assert manifest == MANIFEST
    assert catalog["nodes"]["model.perennial.fct_order"]["stats"]["row_count"]["value"] == 3
    _, without = json.loads(write_page(tmp_path, tmp_path / "none.duckdb").read_text(encoding="utf-8"))
    assert without["nodes"]["model.perennial.fct_order"]["columns"]["order_id"]["type"] == "string"
