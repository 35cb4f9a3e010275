"""Forecasts of an earlier release are graded when their time is over: by the facts, and by no other customers."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import duckdb
import pytest

from pipeline.base.settings import ROOT
from tests.support.builds.quick import TABLES_ONLY
from tests.support.programs.perennial import PERENNIAL

pytestmark = pytest.mark.slow
EARLIER, LATER = "2025-11-20", "2025-12-20"
WINDOW = "order_date > date '2025-11-20' and order_date <= date '2025-12-18'"
COMPANY = {
    "CRM_SOURCES": "demo_shop,demo_service",
    "DEMO_CUSTOMERS": "2000",
    "CRM_CLV_HORIZON_DAYS": "28",
    **TABLES_ONLY,
}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The releases of two days, a month apart, as `earlier` and `later`."""
    folder = tmp_path_factory.mktemp("graded")
    home = folder / "home"
    for day in (EARLIER, LATER):
        environment = {**os.environ, **COMPANY, "CRM_HOME": str(home), "DEMO_UNTIL": day}
        for words in (("demo", "make"), ("run",)):
            done = subprocess.run(
                [PERENNIAL, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        shutil.copy(home / "serving" / "current" / "perennial.duckdb", folder / f"{day}.duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{folder / f'{EARLIER}.duckdb'}' as earlier (read_only)")
        connection.execute(f"attach '{folder / f'{LATER}.duckdb'}' as later (read_only)")
        yield connection


def one(releases: duckdb.DuckDBPyConnection, sql: str) -> tuple[object, ...]:
    (row,) = releases.execute(sql).fetchall()
    return tuple(row)


def test_forecasts_are_those_that_were_published(releases: duckdb.DuckDBPyConnection) -> None:
    said = "select count({0}), round(sum({0}), 3) from earlier.marts.{1} where customer_id in ({2})"
    known = "select customer_id from later.core.dim_customer"
    graded = "select customers, round(forecast_total, 3) from later.marts.score_outcomes where measure = '{}'"
    for measure, column, table in (
        ("no_purchase", "churn_probability", "customer_churn"),
        ("purchases", "expected_purchases", "customer_clv"),
    ):
        assert one(releases, graded.format(measure)) == pytest.approx(
            one(releases, said.format(column, table, known)), abs=0.01
        )


def test_outcomes_are_those_of_the_facts(releases: duckdb.DuckDBPyConnection) -> None:
    days = (
        "select customer_id, order_date, sum(net_sales) as net_sales from later.core.fct_order"
        f" where is_purchase and {WINDOW} and known_date <= date '{LATER}' group by all"
    )
    bought = f"select distinct customer_id from ({days})"
    total = "select outcome_total from later.marts.score_outcomes where measure = '{}'"
    assert one(releases, total.format("no_purchase")) == one(
        releases,
        "select count(*)::double from earlier.marts.customer_churn where churn_probability is not null"
        f" and customer_id in (select customer_id from later.core.dim_customer) and customer_id not in ({bought})",
    )
    scored = "select customer_id from earlier.marts.customer_clv where expected_purchases is not null"
    assert one(releases, total.format("purchases")) == one(
        releases, f"select count(*)::double from ({days}) where customer_id in ({scored})"
    )
    (graded,) = one(releases, total.format("net_sales"))
    (came,) = one(releases, f"select sum(net_sales)::double from ({days}) where customer_id in ({scored})")
    # Discounted by 10 % a year over at most four weeks.
    assert 0.99 * float(str(came)) < float(str(graded)) < float(str(came))


def test_nothing_is_graded_before_its_time(releases: duckdb.DuckDBPyConnection) -> None:
    assert one(releases, "select count(*) from earlier.marts.score_outcomes") == (0,)
    graded = "select count(distinct as_of_date), max(window_end_date)::varchar from later.marts.score_outcomes"
    assert one(releases, graded) == (1, "2025-12-18")


def test_bands_hold_everybody_who_is_graded(releases: duckdb.DuckDBPyConnection) -> None:
    bands = releases.execute(
        "select measure, sum(customers)::bigint, sum(customers * outcome_mean) from later.marts.score_calibration"
        " group by measure order by measure"
    ).fetchall()
    totals = releases.execute(
        "select measure, customers, outcome_total from later.marts.score_outcomes order by measure"
    ).fetchall()
    assert [band[:2] for band in bands] == [total[:2] for total in totals]
    assert [band[2] for band in bands] == pytest.approx([total[2] for total in totals], rel=1e-3)


def test_the_months_of_customer_equity_are_the_sums_of_what_was_published(
    releases: duckdb.DuckDBPyConnection,
) -> None:
    said = "select sum(clv_future_before_returns) from later.marts.customer_score_history where as_of_date = date '{}'"
    rows = releases.execute(
        "select as_of_date::varchar, previous_as_of_date::varchar, previous_equity_before_returns,"
        " equity_before_returns, acquired_customers, acquired + grown + won_back + shrunk + lost + gone"
        " from later.marts.customer_equity order by all"
    ).fetchall()
    (first, before, _, opened, _, _), (last, previous, opening, closed, newcomers, change) = rows
    assert (first, before, last, previous) == (EARLIER, None, LATER, EARLIER)
    assert (opened,) == one(releases, said.format(EARLIER))
    assert (closed,) == one(releases, said.format(LATER))
    assert opening == opened
    assert opening + change == closed
    assert (newcomers,) == one(
        releases,
        "select count(*) from later.marts.customer_clv where expected_purchases is not null and customer_id not in"
        " (select customer_id from earlier.marts.customer_clv where expected_purchases is not null)",
    )
