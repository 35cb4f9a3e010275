"""Complete Journey through the whole pipeline: the published totals, in every layer, and the accounting identities."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.base.settings import Settings, load_settings
from pipeline.onboarding.trial.dry_run import dry_run
from tests.support.builds import dry_runs
from tests.warehouse.steps import build, run_unit_tests

# ../shared/data/SOURCES.md and the issue: counts and sums of the source files.
HOUSEHOLDS = 2_469
BASKETS = 155_848
LINES = 1_469_307
SALES = Decimal("4596039.58")
RETAILER_DISCOUNTS = Decimal("791650.64")
COUPON_MATCH = Decimal("4542.65")
MAKER_COUPONS = Decimal("26359.90")


@pytest.fixture(scope="module")
def settings(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A build of the default source."""
    home = tmp_path_factory.mktemp("complete_journey")
    made = load_settings({"CRM_HOME": str(home), "CRM_DATA": str(data_dir), "CRM_SOURCES": "complete_journey"})
    build(made)
    return made


@pytest.fixture(scope="module")
def warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The built warehouse, read-only."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        yield connection


def one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The only row of a query."""
    rows = connection.execute(query).fetchall()
    assert len(rows) == 1
    return tuple(rows[0])


@pytest.mark.parametrize("table", ["core.fct_order", "core.fct_customer_month"])
def test_totals_equal_the_source(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    sums = one(
        warehouse,
        f"""select sum(net_sales), sum(net_amount), sum(discount_amount), sum(coupon_discount_amount),
                   sum(manufacturer_coupon_amount), sum(lines) from {table}""",
    )
    assert sums == (SALES, SALES, RETAILER_DISCOUNTS, COUPON_MATCH, MAKER_COUPONS, LINES)


def test_orders_and_customers(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert one(warehouse, "select count(*), count(distinct customer_id) from core.fct_order") == (BASKETS, HOUSEHOLDS)
    assert one(warehouse, "select sum(orders) from core.fct_customer_month") == (BASKETS,)
    assert one(warehouse, "select count(*) from core.dim_customer where not is_unknown") == (HOUSEHOLDS,)


def test_order_lines(warehouse: duckdb.DuckDBPyConnection) -> None:
    lines, sales, no_quantity, unknown_product = one(
        warehouse,
        """select count(*), sum(net_amount), count(*) filter (quantity = 0), count(*) filter (product_id = 'unknown')
           from core.fct_order_line""",
    )
    assert (lines, sales, no_quantity, unknown_product) == (LINES, SALES, 8_869, 4_836)


def test_lines_of_zero_value_are_accepted(warehouse: duckdb.DuckDBPyConnection, data_dir: Path) -> None:
    """The source has 11,226 lines of exactly zero, and some of 1e-15, which are no cents either."""
    file = data_dir / "complete_journey" / "transactions.parquet"
    exact, noise = one(
        warehouse,
        f"""select count(*) filter (sales_value = 0), count(*) filter (sales_value > 0 and sales_value < 0.005)
            from read_parquet('{file}')""",
    )
    assert exact == 11_226
    zero = one(warehouse, "select count(*) from core.fct_order_line where net_amount = 0")
    assert zero == (exact + noise,)


def test_dates_are_days_of_the_business_time_zone(warehouse: duckdb.DuckDBPyConnection) -> None:
    first, last = one(warehouse, "select min(order_date)::varchar, max(order_date)::varchar from core.fct_order")
    assert (first, last) == ("2017-01-01", "2017-12-31")


def test_campaigns(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert one(warehouse, "select count(*) from core.dim_campaign where campaign_id <> 'unknown'") == (27,)
    assert one(warehouse, "select count(*) from core.fct_campaign_contact") == (6_589,)
    assert one(warehouse, "select count(*) from core.fct_campaign_response") == (2_102,)


def test_marts_equal_the_facts(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert one(warehouse, "select count(*), sum(net_sales), sum(purchases) from marts.customer_360") == (
        HOUSEHOLDS,
        SALES,
        BASKETS,
    )
    equal = """
        with facts as (
            select segment_id, count(*) as customers, sum(net_sales) as net_sales
            from marts.customer_360 group by segment_id
        )
        select count(*), count(shown.net_sales) from marts.segment_profile as shown inner join facts using (segment_id)
        where shown.customers = facts.customers and coalesce(shown.net_sales, facts.net_sales) = facts.net_sales
    """
    segments, shown = one(warehouse, equal)
    assert one(warehouse, "select sum(customers), count(*) from marts.segment_profile") == (HOUSEHOLDS, segments)
    assert 0 < shown < segments  # a segment of a few households is withheld, and the next smallest with it


def test_what_is_shown_of_groups_does_not_tell_of_a_few(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Of each family, what is withheld is of ten or more together, or of all; a step of a curve has as many."""
    rest = one(
        warehouse,
        """select count(*), min(rest) from (
               select sum(cohort_customers) filter (unavailable_reason = 'of too few customers') as rest
               from marts.cohort_retention where months_since = 0
               group by dimension, case when dimension <> 'all' then cohort_month end
               having count(*) filter (unavailable_reason is distinct from 'of too few customers') > 0)
           where rest is not null""",
    )
    assert rest[0] > 0
    assert rest[1] >= 10
    steps = one(
        warehouse,
        """select min(step) from (
               select cumulative_members - lag(cumulative_members) over (partition by measure order by point) as step
               from marts.concentration_curve where member = 'customer')""",
    )
    assert steps[0] >= 10


def test_statement_lines_equal_the_facts(warehouse: duckdb.DuckDBPyConnection) -> None:
    goods = one(
        warehouse,
        """select sum(amount) from marts.clv_statement
           where line in ('first_purchase', 'repeat', 'growth', 'cross_purchase') and part = 'historic'""",
    )
    assert goods == (SALES + RETAILER_DISCOUNTS + COUPON_MATCH,)
    discounts = one(warehouse, "select sum(amount) from marts.clv_statement where line = 'price_realisation'")
    assert discounts == (-RETAILER_DISCOUNTS - COUPON_MATCH,)
    historic = one(warehouse, "select sum(clv_historic) from marts.customer_clv")
    assert historic == (SALES,)


def test_statement_lines_sum_to_the_total(warehouse: duckdb.DuckDBPyConnection) -> None:
    scored, wrong = one(
        warehouse,
        """select count(*), count(*) filter (clv_total <> lines)
           from marts.customer_clv
           inner join (select customer_id, sum(amount) as lines from marts.clv_statement group by 1)
               using (customer_id)
           where is_clv_complete""",
    )
    assert scored > 0.95 * HOUSEHOLDS
    assert wrong == 0


def test_what_cannot_be_computed_is_null_with_its_reason(warehouse: duckdb.DuckDBPyConnection) -> None:
    silent = one(warehouse, "select count(*) from marts.clv_statement where (amount is null) <> (reason is not null)")
    assert silent == (0,)
    assert one(warehouse, "select count(*) from marts.clv_statement where line = 'service' and amount is not null") == (
        0,
    )


def test_most_households_are_left_truncated(warehouse: duckdb.DuckDBPyConnection) -> None:
    truncated, wrong = one(
        warehouse,
        """select count(*) filter (is_left_truncated),
                  count(*) filter (is_left_truncated <> (first_purchase_date < date '2017-01-29'))
           from core.dim_customer where not is_unknown""",
    )
    assert truncated > HOUSEHOLDS / 2
    assert wrong == 0


@pytest.mark.parametrize("job", ["clv", "churn"])
def test_errors_are_shown_for_both_groups(warehouse: duckdb.DuckDBPyConnection, job: str) -> None:
    strata = warehouse.execute("select distinct stratum from marts.model_metrics where job = ?", [job]).fetchall()
    assert {("all",), ("left_truncated",), ("not_left_truncated",)} <= set(strata)


@pytest.mark.parametrize("job", ["clv", "churn"])
def test_a_published_model_beats_its_baseline(warehouse: duckdb.DuckDBPyConnection, job: str) -> None:
    run_id, published, decision, baseline = one(
        warehouse, f"select run_id, is_published, decision, baseline_name from marts.model_runs where job = '{job}'"
    )
    assert published, decision
    assert baseline
    metric = {"clv": "rmse_all_holdouts", "churn": "log_loss"}[job]
    model, naive, gain_low = one(
        warehouse,
        f"""select "value", baseline_value, ci_low from marts.model_metrics
            where run_id = '{run_id}' and metric = '{metric}' and stratum = 'all'""",
    )
    assert model < naive
    assert gain_low > 0


def test_every_load_reconciles(warehouse: duckdb.DuckDBPyConnection) -> None:
    loads = warehouse.execute(
        "select table_name, received, accepted, quarantined, duplicates, excluded from ops.load_receipts"
    ).fetchall()
    assert {(table, received) for table, received, *_ in loads} == {
        ("campaign_descriptions", 27),
        ("campaigns", 6_589),
        ("coupon_redemptions", 2_102),
        ("products", 92_331),
        ("transactions", LINES),
    }
    assert all(received == sum(fates) for _, received, *fates in loads)


@pytest.mark.slow
def test_the_dry_run_says_what_was_built(warehouse: duckdb.DuckDBPyConnection, data_dir: Path) -> None:
    outcome = dry_run("complete_journey", {"CRM_DATA": str(data_dir)})
    assert dry_runs.said(outcome) == dry_runs.built("complete_journey", warehouse)


def test_unit_tests_of_the_models_pass(settings: Settings, warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.close()  # dbt takes the file for itself
    done = run_unit_tests(settings)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "unit_test" in done.stdout
