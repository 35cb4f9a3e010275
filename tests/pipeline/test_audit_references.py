"""Every reference between published tables is followed, and a row that points nowhere is counted."""

from contextlib import closing

import duckdb
import pytest

from pipeline.audit.frames import open_warehouse
from pipeline.audit.references import NOT_IN_DATA, REFERENCES, Reference
from pipeline.duck import connect
from pipeline.releases import CONTACT_TABLES, GRAINS, read_tables
from pipeline.settings import Settings
from tests.pipeline.small_warehouse import AS_OF, RELEASE, build_warehouse, make_settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    made = make_settings(tmp_path_factory.mktemp("references"))
    build_warehouse(made)
    return made


@pytest.fixture
def warehouse(settings):
    with closing(connect(settings.warehouse)) as connection:
        connection.begin()
        yield connection
        connection.rollback()


def rows_without_parent(warehouse: duckdb.DuckDBPyConnection, reference: Reference) -> int:
    (row,) = warehouse.execute(reference.query()).fetchall()
    assert row[:3] == (reference.table, reference.column, reference.parent)
    return int(row[3])


def name_of(reference: Reference) -> str:
    return f"{reference.table}.{reference.column}"


@pytest.mark.parametrize("reference", REFERENCES, ids=name_of)
@pytest.mark.parametrize("value", ["null", "elsewhere"])
def test_a_row_that_points_nowhere_is_counted(warehouse, reference, value):
    assert rows_without_parent(warehouse, reference) == 0
    elsewhere = {"date_day": "date '1999-01-01'", "customer_key": "-1", "customer_version_key": "-1"}
    planted = "null" if value == "null" else elsewhere.get(reference.key, "'elsewhere'")
    (rows,) = warehouse.execute(f"update {reference.table} set {reference.column} = {planted}").fetchall()
    assert rows_without_parent(warehouse, reference) == rows[0] > 0


@pytest.mark.parametrize("reference", [each for each in REFERENCES if each.absent], ids=name_of)
def test_what_is_not_in_the_data_points_nowhere_on_purpose(warehouse, reference):
    warehouse.execute(f"update {reference.table} set {reference.column} = '{NOT_IN_DATA}'")
    assert rows_without_parent(warehouse, reference) == 0


def test_no_reference_is_forgotten(settings):
    """A published table that has the key of a dimension refers to it; scores of the past may be of merged customers.

    Dates and channels are values that say what they are; a channel may be none.
    """
    keys = {
        grain[0]: name
        for name, grain in GRAINS.items()
        if name.startswith("core.dim_") and name not in CONTACT_TABLES and grain[0] not in ("date_day", "channel")
    }
    with closing(open_warehouse(settings, RELEASE.release_id, AS_OF)) as connection:
        tables = [table for table in read_tables(connection, "warehouse") if table.full_name in GRAINS]
    found = {
        (table.full_name, key, parent)
        for table in tables
        for key, parent in keys.items()
        if key in table.columns and table.full_name != parent
    }
    followed = {(each.table, each.column, each.parent) for each in REFERENCES}
    assert found - followed == {
        ("marts.customer_score_history", "customer_id", "core.dim_customer"),
        # A customer whose every record was deleted has left dim_customer; its history stays.
        ("core.dim_customer_history", "customer_id", "core.dim_customer"),
    }
