"""Every reference between published tables is followed, and a row that points nowhere is counted."""

from contextlib import closing

import duckdb
import pytest

from pipeline.audit.frames import open_warehouse
from pipeline.audit.references import Reference, references
from pipeline.base.catalog import published
from pipeline.base.duck import connect
from pipeline.base.settings import Settings
from pipeline.serving.releases import read_tables
from tests.pipeline.small_warehouse import AS_OF, RELEASE, build_warehouse, make_settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    made = make_settings(tmp_path_factory.mktemp("references"))
    build_warehouse(made)
    return made


@pytest.fixture
def warehouse(settings):
    with closing(connect(settings.warehouse)) as connection:
        connection.execute(f"set variable as_of = date '{AS_OF}'")
        connection.begin()
        yield connection
        connection.rollback()


def rows_without_parent(warehouse: duckdb.DuckDBPyConnection, reference: Reference) -> int:
    (row,) = warehouse.execute(reference.query()).fetchall()
    assert row[:3] == (reference.table, reference.column, reference.parent)
    return int(row[3])


def name_of(reference: Reference) -> str:
    return f"{reference.table}.{reference.column}"


@pytest.mark.parametrize("reference", references(), ids=name_of)
@pytest.mark.parametrize("value", ["null", "elsewhere"])
def test_a_row_that_points_nowhere_is_counted(warehouse, reference, value):
    assert rows_without_parent(warehouse, reference) == 0
    elsewhere = {"date_day": "date '1999-01-01'", "customer_key": "-1", "customer_version_key": "-1"}
    planted = "null" if value == "null" else elsewhere.get(reference.key, "'elsewhere'")
    relation = reference.relation
    may_be_null = value == "null" and (relation.optional or relation.until_year_end)
    (rows,) = warehouse.execute(f"update {reference.table} set {reference.column} = {planted}").fetchall()
    assert rows_without_parent(warehouse, reference) == (0 if may_be_null else rows[0])
    assert rows[0] > 0


@pytest.mark.parametrize("reference", [each for each in references() if each.relation.or_value], ids=name_of)
def test_what_is_not_in_the_data_points_nowhere_on_purpose(warehouse, reference):
    warehouse.execute(f"update {reference.table} set {reference.column} = '{reference.relation.or_value}'")
    assert rows_without_parent(warehouse, reference) == 0


@pytest.mark.parametrize("reference", [each for each in references() if each.relation.until_year_end], ids=name_of)
def test_a_day_after_the_as_of_year_needs_no_calendar(warehouse, reference):
    warehouse.execute(f"update {reference.table} set {reference.column} = date '{AS_OF.year + 1}-01-01'")
    assert rows_without_parent(warehouse, reference) == 0


def test_no_reference_is_forgotten(settings):
    """A published table that has the key of a dimension refers to it; scores of the past may be of merged customers.

    Dates and channels are values that say what they are; a channel may be none.
    """
    keys = {
        table.grain[0]: name
        for name, table in published().items()
        if table.name.startswith("dim_")
        and not table.contract.is_personal
        and table.grain[0] not in ("date_day", "channel")
    }
    with closing(open_warehouse(settings, RELEASE.release_id, AS_OF)) as connection:
        tables = [table for table in read_tables(connection, "warehouse") if table.described]
    found = {
        (table.full_name, key, parent)
        for table in tables
        for key, parent in keys.items()
        if key in table.columns and table.full_name != parent
    }
    followed = {(each.table, each.column, each.parent) for each in references()}
    assert found - followed == {
        ("marts.customer_score_history", "customer_id", "core.dim_customer"),
        # A customer whose every record was deleted has left dim_customer; its history stays.
        ("core.dim_customer_history", "customer_id", "core.dim_customer"),
        # An id of an earlier release, which may have been merged since.
        ("core.customer_id_history", "customer_id", "core.dim_customer"),
    }
