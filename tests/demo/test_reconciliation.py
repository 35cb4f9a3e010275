"""The demo company through the warehouse: every total and every planted fate, to the row and to the last digit.

The generator counts and sums its own numbers while it makes the files; nothing of them is read by the pipeline.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from demo.make import make_company
from demo.options import read_options
from demo.proof.recovered.reconciliation import FACTS
from demo.systems.trouble import TROUBLE
from pipeline.base.settings import load_settings
from pipeline.onboarding.trial.dry_run import dry_run
from tests.support.builds import dry_runs
from tests.warehouse.steps import build_core

CUSTOMERS = 1_500
SOURCES = ("demo_marketing", "demo_sales", "demo_service", "demo_shop", "demo_web")
FATES = """
    select
        source_system, table_name, fate, case when fate = 'quarantined' then reason end as reason,
        cast(sum({rows}) as bigint) as rows
    from {relation}
    group by all
    order by all
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company's source files, its truth, and a warehouse of all five systems."""
    folder = tmp_path_factory.mktemp("reconciliation")
    settings = load_settings({"CRM_HOME": str(folder), "CRM_SOURCES": ",".join(SOURCES)})
    make_company(settings, read_options({"world": "retail", "customers": str(CUSTOMERS)}, env={}))
    build_core(settings)
    return folder


@pytest.fixture(scope="module")
def warehouse(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, with the truth as views of schema truth."""
    with duckdb.connect() as connection:
        connection.execute("create schema truth")
        for path in sorted((home / "truth").glob("*.parquet")):
            connection.execute(f"create view truth.{path.stem} as from read_parquet('{path}')")
        connection.execute(f"attach '{home / 'warehouse.duckdb'}' as warehouse (read_only)")
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse'"
        ).fetchall():
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create view {schema}.{name} as from warehouse.{schema}.{name}")
        yield connection


def test_every_total_is_compared(warehouse: duckdb.DuckDBPyConnection) -> None:
    measures = {name for (name,) in warehouse.execute("select measure from truth.totals").fetchall()}
    assert measures == set(FACTS)


@pytest.mark.parametrize("measure", FACTS)
def test_a_total_equals_the_generators(warehouse: duckdb.DuckDBPyConnection, measure: str) -> None:
    (expected,) = warehouse.execute("select rows, amount from truth.totals where measure = ?", [measure]).fetchall()
    assert expected[0] > 0
    table, rows, amount, condition = FACTS[measure]
    (found,) = warehouse.execute(f"select {rows}, {amount} from {table} where {condition}").fetchall()
    assert found == expected


def test_every_row_has_the_fate_that_was_planted(warehouse: duckdb.DuckDBPyConnection) -> None:
    planted = warehouse.execute(FATES.format(relation="truth.fates", rows="rows")).fetchall()
    judged = warehouse.execute(FATES.format(relation="ops.row_fates", rows="landed_rows")).fetchall()
    assert judged == planted


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_received_as_it_was_delivered(warehouse: duckdb.DuckDBPyConnection, source: str) -> None:
    delivered = warehouse.execute(
        "select table_name, sum(rows) from truth.fates where source_system = ? group by all order by all", [source]
    ).fetchall()
    received = warehouse.execute(
        "select table_name, sum(received) from ops.load_receipts where source = ? group by all order by all", [source]
    ).fetchall()
    assert received == delivered


@pytest.mark.parametrize("source", SOURCES)
def test_the_dry_run_says_what_was_built(home: Path, warehouse: duckdb.DuckDBPyConnection, source: str) -> None:
    """But for the customers: those of one system are others than those of five, which know more of who is who."""
    outcome = dry_runs.said(dry_run(source, {"CRM_HOME": str(home)}))
    made = dry_runs.built(source, warehouse)
    assert outcome.pop("customers", None) is None or made.pop("customers") is not None
    assert outcome == made


def test_trouble_of_every_fate_was_planted(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The comparison of fates is no comparison of nothing."""
    planted = {name for (name,) in warehouse.execute("select distinct planted from truth.fates").fetchall()}
    frequent = {kind.name for kinds in TROUBLE.values() for kind in kinds if kind.share >= 0.002}
    assert {"none", "line of a quarantined order", *frequent} <= planted
    reasons = warehouse.execute("select count(distinct reason) from ops.quarantine").fetchall()
    assert reasons[0][0] >= 6


def test_each_order_is_worth_what_was_paid_for_it(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Tax is out, CNY is converted, discounts are off: order by order, in ten-thousandths."""
    orders, differing, foreign = warehouse.execute(
        """
        select
            count(*),
            count(*) filter (fact.net_sales is distinct from purchase.net_amount),
            count(*) filter (fact.original_currency = 'CNY')
        from (select * from truth.purchases where is_accepted) as purchase
        full outer join core.fct_order as fact on fact.source_order_id = purchase.order_no
        """
    ).fetchall()[0]
    assert orders > 2 * CUSTOMERS
    assert differing == 0
    assert foreign > 0


@pytest.mark.parametrize(
    ("fact", "entity"),
    [("fct_order", "orders"), ("fct_cost", "costs"), ("fct_campaign_contact", "campaign_contacts")],
)
def test_campaigns_are_found_in_the_marketing_system(
    warehouse: duckdb.DuckDBPyConnection, fact: str, entity: str
) -> None:
    named = warehouse.execute(
        f"select count(*) from intermediate.int_{entity}__rows where _is_current and campaign_id is not null"
    ).fetchall()
    found = warehouse.execute(
        f"select count(*) from core.{fact} where starts_with(campaign_id, 'demo_marketing:')"
    ).fetchall()
    assert found == named
    assert found[0][0] > 0


def test_the_desk_talks_about_orders_of_the_shop(warehouse: duckdb.DuckDBPyConnection) -> None:
    named = warehouse.execute(
        """
        select count(*) from intermediate.int_contacts__rows
        where _is_current and order_id in (select order_no from truth.purchases where is_accepted)
        """
    ).fetchall()
    found = warehouse.execute(
        "select count(*) from core.fct_contact where starts_with(order_id, 'demo_shop:')"
    ).fetchall()
    assert found == named
    assert found[0][0] > 0
