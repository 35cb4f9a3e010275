"""Training and scoring value, churn and reasons for a million made-up customers with 24 cut-offs.

`python -m benchmarks.forecasts 100000` measures another number of customers.
"""

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.rows import Row, at_most
from mining.purchases.history import Floats
from pipeline.base.settings import ROOT, load_settings
from pipeline.build.features import write_features
from pipeline.build.models import Models

CUSTOMERS = 1_000_000
AS_OF = dt.date(2025, 12, 31)
BEGAN = dt.date(2023, 1, 1)
DATES = [AS_OF - dt.timedelta(days=28 * step) for step in range(28)]
"""The as-of day, 24 cut-offs before it, and days from which value is judged."""
SOURCE = "cdnow"
RATE_SHAPE, RATE_DAYS, LEAVING_SHAPE, LEAVING_DAYS = 0.6, 60.0, 1.2, 500.0
OTHER = {
    "feature_goods": {"categories": 9},
    "feature_campaigns": {"campaign_responses_84d": 3},
    "feature_contacts": {"contacts_84d": 5, "wait_seconds_365d": 300},
    "feature_cases": {"returns_84d": 3, "complaints_365d": 2, "badly_handled_complaints_365d": 2},
    "feature_surveys": {"surveys_365d": 3, "last_csat_score": 5, "last_nps_score": 11},
    "feature_web_sessions": {
        "abandoned_84d": 3, "days_since_web_session": 200, "web_sessions_28d": 5, "web_sessions_84d": 9,
    },
    "feature_subscriptions": {"has_subscription": 2},
}  # fmt: skip
"""Other features of a customer and day, each one of so many numbers by chance."""
ORDERS = """
    select
        'C' || lpad(customer::varchar, 8, '0') as customer_id, true as is_purchase,
        $began + day::integer as order_date, $began + day::integer as known_date, 2::decimal(18, 4) as quantity,
        amount::decimal(18, 4) as net_sales, amount::decimal(18, 4) as list_amount,
        (hash(customer, day) % 4 = 0)::integer::decimal(18, 4) as discount_amount,
        0::decimal(18, 4) as coupon_discount_amount
    from bought
"""
MINE = """
import datetime as dt, json, resource, sys, time
from mining import jobs
from pipeline.base.settings import load_settings
settings, began, done = load_settings(), time.perf_counter(), {}
for job in ("clv", "churn"):
    done[job] = jobs.score(job, settings, as_of=dt.date.fromisoformat(sys.argv[1]), sources=settings.sources)["scored"]
megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([time.perf_counter() - began, megabytes, done]))
"""


def run(customers: int = CUSTOMERS) -> list[Row]:
    """Measure in a temporary CRM_HOME. The bounds are of a machine with two cores that does nothing else."""
    size = f"{customers:,} customers, {len(DATES)} days"
    with tempfile.TemporaryDirectory(prefix="perennial-") as home:
        env = {**os.environ, "CRM_HOME": home, "CRM_SOURCES": SOURCE}
        purchases = _write_features(customers, Path(home), env)
        command = [sys.executable, "-c", MINE, AS_OF.isoformat()]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seconds, megabytes, scored = json.loads(done.stdout.splitlines()[-1])
    said = f"{size}; scored: {', '.join(f'{job} {number:,}' for job, number in scored.items())}"
    return [
        at_most(90, "forecasts.feature_purchases", purchases, "s", size),
        at_most(480, "forecasts.train_and_score", seconds, "s", said),
        at_most(8192, "forecasts.train_and_score_peak", megabytes, "MB", said),
    ]


def _bought(customers: int) -> pa.Table:
    """Purchases of customers who come at own rates, more of them in summer, until they leave; days since `BEGAN`."""
    random, days = np.random.default_rng(1), (AS_OF - BEGAN).days
    first = random.integers(0, days - 30, customers).astype(np.float64)
    rate = random.gamma(RATE_SHAPE, 1 / RATE_DAYS, customers)
    until = np.minimum(first + random.exponential(1 / random.gamma(LEAVING_SHAPE, 1 / LEAVING_DAYS, customers)), days)
    active = np.arange(customers)
    bought: list[tuple[Any, Floats]] = [(active, first)]
    now = first.copy()
    while len(active):
        now[active] += random.exponential(1.0, len(active)) / np.maximum(rate[active], 1e-12)
        active = active[now[active] < until[active]]
        kept = active[random.random(len(active)) < 0.75 * (1 + 0.3 * np.sin(2 * np.pi * now[active] / 365))]
        bought.append((kept, now[kept]))
    who, when = (np.concatenate(column) for column in zip(*bought, strict=True))
    price = 30 / random.gamma(5.0, 1.0, customers)
    amount = np.round(random.gamma(3.0, 1.0, len(who)) * price[who] + 0.01, 2)
    return pa.table({"customer": who, "day": np.floor(when).astype(np.int64), "amount": amount})


def _write_features(customers: int, home: Path, env: dict[str, str]) -> float:
    """Write the feature files by the project's models; return the seconds that the model of purchases took."""
    settings = load_settings(env)
    bought = _bought(customers)
    with duckdb.connect(str(home / "made_up.duckdb")) as connection:
        connection.execute("set memory_limit = '8GB'; set enable_progress_bar = false")
        connection.register("bought", bought)
        connection.execute(f"create table fct_order as {ORDERS}", {"began": BEGAN})
        connection.execute(
            "create table dim_customer as select distinct customer_id, false as is_left_truncated from fct_order"
        )
        models = Models(connection, {"feature_dates": [day.isoformat() for day in sorted(DATES)]})
        models.made |= {"fct_order", "dim_customer"}
        began = time.perf_counter()
        models.make("feature_purchases")
        seconds = time.perf_counter() - began
        for table, columns in OTHER.items():
            numbers = (
                f"(hash(customer_id, as_of_date, '{name}') % {most})::{'boolean' if most == 2 else 'bigint'} as {name}"
                for name, most in columns.items()
            )
            connection.execute(
                f"create view {table} as select customer_id, as_of_date, {', '.join(numbers)} from feature_purchases"
            )
        models.made |= set(OTHER)
        models.make("customer_features")
        models.make("purchase_calendar")
        for empty, key in (("campaign_arms", "campaign_id, measure, arm"), ("event_days", "event, starts_on, ends_on")):
            nothing = ", ".join(f"null::date as {name}" for name in f"as_of_date, {key}".split(", "))
            connection.execute(f"create view {empty} as select {nothing} limit 0")
        plan = SimpleNamespace(sources=[SOURCE], input_hash="made up", currency="EUR", as_of_date=AS_OF.isoformat())
        write_features(connection, settings, cast(Any, plan), schema="main")
    (home / "made_up.duckdb").unlink()
    return seconds


if __name__ == "__main__":
    print(*run(int(sys.argv[1])), sep="\n")
