"""Ten daily releases of a small demo company, and one 28 days after the last: what they said is graded, and is right.

What a release said is read from it when it is the current one. What happened is counted in the facts of the last one,
by plain SQL. Both are compared with `marts.score_outcomes` of the last release, sum by sum.
"""

import datetime as dt
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.rows import Row, at_least, at_most
from pipeline.base.settings import ROOT
from pipeline.serving.releases import DATABASE

RELEASES, DAYS = 10, 28
FIRST = dt.date(2025, 11, 18)
COMPANY = {
    "CRM_SOURCES": "demo_shop,demo_service",
    "CRM_CLV_HORIZON_DAYS": str(DAYS),
    "DEMO_CUSTOMERS": "1500",
    "DBT_EXCLUDE_RESOURCE_TYPES": "test unit_test",
}
PERENNIAL = str(Path(sys.executable).with_name("perennial"))
SAID = """
    select 'no_purchase' as measure, release.as_of_date, customer_id, churn_probability as forecast
    from marts.customer_churn cross join marts.release as release where churn_probability is not null
    union all
    select 'purchases', release.as_of_date, customer_id, expected_purchases
    from marts.customer_clv cross join marts.release as release where expected_purchases is not null
"""
COUNTED = """
    with days as (
        select customer_id, order_date, sum(net_sales) as net_sales from core.fct_order
        where is_purchase and known_date <= $today group by all
    ),

    happened as (
        select said.measure, said.as_of_date, said.customer_id, said.forecast, count(days.order_date) as purchases
        from said
        inner join core.dim_customer using (customer_id)
        left join days
            on said.customer_id = days.customer_id and days.order_date > said.as_of_date
            and days.order_date <= said.as_of_date + $days
        group by all
    )

    select
        measure, as_of_date, count(*) as customers, round(sum(forecast), 3) as forecast_total,
        sum(case when measure = 'purchases' then purchases else (purchases = 0)::int end)::double as outcome_total
    from happened
    group by all
"""
GRADED = """
    select measure, as_of_date, customers, round(forecast_total, 3) as forecast_total, outcome_total
    from marts.score_outcomes
    where horizon_days = $days and measure in ('no_purchase', 'purchases') and as_of_date < $today
"""
CLOSE = 0.01
"""Forecasts are summed with six digits each."""


def run() -> list[Row]:
    """Make the releases in a temporary CRM_HOME."""
    days = [FIRST + dt.timedelta(days=number) for number in range(RELEASES)]
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
        database = Path(folder) / "home" / "serving" / "current" / DATABASE
        said = []
        for day in days:
            _release(day, Path(folder) / "home")
            with duckdb.connect(str(database), read_only=True) as release:
                said.append(release.sql(SAID).to_arrow_table())
        today = days[-1] + dt.timedelta(days=DAYS)
        _release(today, Path(folder) / "home")
        with duckdb.connect(str(database), read_only=True) as release:
            return compare(release, pa.concat_tables(said), today)


def compare(release: duckdb.DuckDBPyConnection, said: pa.Table, today: dt.date) -> list[Row]:
    """Compare what a release graded with what earlier ones said, and with its facts."""
    release.register("said", said)
    asked: dict[str, Any] = {"today": today, "days": DAYS}
    graded, counted = (
        {row[:2]: row[2:] for row in release.execute(sql, asked).fetchall()} for sql in (GRADED, COUNTED)
    )
    differ = [key for key in graded.keys() | counted.keys() if not _is_equal(graded.get(key), counted.get(key))]
    customers = sum(int(row[0]) for row in graded.values())
    note = f"{len(graded)} sums of {customers:,} forecasts; different: {sorted(map(str, differ)) or 'none'}"
    return [
        at_least(RELEASES, "daily_releases.graded", len({day for _, day in graded}), "releases", note),
        at_most(0, "daily_releases.sums_that_differ", len(differ), "sums", note),
    ]


def _is_equal(one: tuple[Any, ...] | None, other: tuple[Any, ...] | None) -> bool:
    if one is None or other is None:
        return False
    return all(abs(float(mine) - float(theirs)) <= CLOSE for mine, theirs in zip(one, other, strict=True))


def _release(day: dt.date, home: Path) -> None:
    environment = {**os.environ, **COMPANY, "CRM_HOME": str(home), "DEMO_UNTIL": day.isoformat()}
    for words in (("demo", "make"), ("run",)):
        done = subprocess.run(
            [PERENNIAL, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert not done.returncode, done.stdout[-2000:] + done.stderr[-2000:]


if __name__ == "__main__":
    for measure in run():
        print(measure)
