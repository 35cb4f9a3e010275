"""Readers of the warehouse find the tables that Spark has built as if DuckDB had."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.base.catalog import published
from pipeline.base.duck import connect
from pipeline.base.files import write_sealed
from pipeline.base.settings import Settings
from pipeline.build import warehouse
from pipeline.build.spark.bridge import write_views
from pipeline.serving.publish import publish_release
from pipeline.serving.releases import (
    DATABASE,
    Table,
    attach_read_only,
    current_release,
    read_manifest,
    read_tables,
)
from tests.pipeline.build.test_increment import built, plan_of
from tests.pipeline.small_release import publish_small
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, pass_gate
from tests.pipeline.small_warehouse import make_settings as small_settings
from tests.support.builds.spark_tables import as_of_spark


@pytest.fixture
def on_spark(make_settings: Callable[..., Settings]) -> Settings:
    """The made-up warehouse as a layer on Spark leaves it."""
    settings = make_settings(CRM_ENGINE="spark", CRM_SOURCES="cdnow")
    settings.build.mkdir(parents=True)
    build_warehouse(settings)
    as_of_spark(settings)
    warehouse.begin_layer(settings)
    warehouse.end_layer(settings)
    return settings


def tables(settings: Settings) -> dict[str, Table]:
    with closing(connect(settings.warehouse, read_only=True)) as connection:
        return {table.full_name: table for table in read_tables(connection, "warehouse")}


def test_a_column_has_the_type_and_the_comment_of_its_yml(on_spark: Settings) -> None:
    customer, described = tables(on_spark)["core.dim_customer"], published()["core.dim_customer"]
    assert customer.comment == described.description
    comments = {column.name: column.description for column in described.columns}
    assert customer.column_comments == {name: comments[name] for name in customer.columns}
    assert customer.columns["first_seen_at"] == "TIMESTAMP"


def test_a_table_that_a_killed_build_has_begun_has_no_view(on_spark: Settings) -> None:
    for path in (on_spark.spark_tables / "core" / "dim_customer").iterdir():
        path.unlink()
    write_views(on_spark)
    assert "core.dim_customer" not in tables(on_spark)
    assert "core.fct_order" in tables(on_spark)


def test_a_release_of_views_has_the_same_rows(on_spark: Settings, tmp_path: Path) -> None:
    on_duckdb = small_settings(tmp_path / "duckdb")
    publish_small(on_duckdb)
    pass_gate(on_spark)
    publish_release(on_spark, RELEASE)
    folders = {"spark": current_release(on_spark), "duckdb": current_release(on_duckdb)}
    found = {name: read_manifest(folder)["tables"] for name, folder in folders.items()}
    assert {name: table["rows"] for name, table in found["spark"].items()} == {
        name: table["rows"] for name, table in found["duckdb"].items()
    }
    with closing(connect()) as connection:
        for name, folder in folders.items():
            attach_read_only(connection, folder / DATABASE, name)
        for table in found["spark"]:
            for one, other in (("spark", "duckdb"), ("duckdb", "spark")):
                rows = f"select count(*) from (from {one}.{table} except all from {other}.{table})"
                assert connection.execute(rows).fetchall() == [(0,)], table


def test_nothing_is_read_while_spark_writes(on_spark: Settings) -> None:
    warehouse.begin_layer(on_spark)
    assert not on_spark.warehouse.exists()
    warehouse.end_layer(on_spark, is_built=False)
    assert not on_spark.warehouse.exists()


def test_a_build_on_spark_forgets_what_the_warehouse_was_built_from(on_spark: Settings) -> None:
    warehouse.prepare(on_spark)
    assert not on_spark.warehouse.exists()
    assert built(on_spark, plan_of("a")) is None


@pytest.mark.parametrize("is_killed", [False, True])
def test_what_another_engine_has_built_is_built_again(on_spark: Settings, is_killed: bool) -> None:
    built(on_spark, plan_of("a"))
    if is_killed:
        write_sealed(on_spark.build / warehouse.STATE, {"bytes": None, "modified_ns": None, "engine": "spark"})
    on_duckdb = replace(on_spark, engine="duckdb")
    warehouse.prepare(on_duckdb)
    assert not on_duckdb.warehouse.exists()
    assert not on_duckdb.spark_tables.exists()
    assert built(on_duckdb, plan_of("a", "b")) is None
