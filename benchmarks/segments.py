"""Tiers, stages and RFM of a million customers through three years; RFM beside pandas.

`CRM_BENCH_CUSTOMERS` makes it smaller. A customer buys at an own rate until leaving at an own time; one in fifty has a
contract. The job reads the files of features and computes all its tables, as it does in a build.
"""

import datetime as dt
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.rows import Row, at_least, at_most
from mining import jobs
from mining.registry import find_job
from mining.segments.rfm import rfm
from mining.store import CURRENCY_KEY, PURCHASE_DAYS, SOURCES_KEY, SUBSCRIPTION_TERMS, VALUE_MONTHS
from pipeline.base.settings import load_settings

CUSTOMERS = int(os.environ.get("CRM_BENCH_CUSTOMERS", "1000000"))
AS_OF = dt.date(2025, 12, 31)
SOURCE = "cdnow"
SECONDS, MEGABYTES, TIMES_PANDAS, TIMES_WHOLE_COLUMNS = 20.0, 4096.0, 10.0, 2.0
PART = 5
"""RFM is measured of one customer in so many: a function for each customer takes pandas minutes for all."""
# What a customer does follows from hashes of the customer's number: the same in any order.
PURCHASES = f"""
create macro draw(n, what) as (hash(n, what) % 1000003 + 1) / 1000004.0;
create table purchases as
select
    'c_' || lpad(to_hex(hash(n)), 16, '0') as customer_id,
    date '{AS_OF}' - cast(begins - step * gap as int) as purchase_date,
    cast(exp(2.3 + 2 * draw(n, 'level') * draw(n + step, 'amount')) as decimal(18, 4)) as net_sales
from (
    select
        n,
        1095 * draw(n, 'begins') as begins,
        -ln(draw(n, 'life')) * 500 as life,
        8 - ln(draw(n, 'gap')) * 70 as gap
    from range($customers) as people(n)
), range(140) as steps(step)
where step * gap <= least(begins, life)
"""
FEATURES = {
    "": f"""
select customer_id, date '{AS_OF}' as as_of_date, min(date '{AS_OF}' - purchase_date) as recency_days,
    count(distinct purchase_date) as purchase_days,
    coalesce(sum(net_sales) filter (purchase_date > date '{AS_OF}' - 365), 0) as net_sales_365d,
    min(purchase_date) < date '2023-01-29' as is_left_truncated
from purchases group by customer_id order by customer_id""",
    PURCHASE_DAYS.folder: f"""
select distinct date '{AS_OF}' as as_of_date, customer_id, purchase_date from purchases order by all""",
    VALUE_MONTHS.folder: f"""
select date '{AS_OF}' as as_of_date, 'customer' as kind, customer_id as related_id,
    date_trunc('month', purchase_date)::date as month_start_date, sum(net_sales)::decimal(18, 4) as net_revenue,
    (sum(net_sales) * 0.4 - 2)::decimal(18, 4) as contribution, max(purchase_date) as last_purchase_date
from purchases group by customer_id, date_trunc('month', purchase_date) order by related_id, month_start_date""",
    SUBSCRIPTION_TERMS.folder: f"""
select date '{AS_OF}' as as_of_date, 's' || customer_id as subscription_id, customer_id,
    min(purchase_date) as start_date,
    case when hash(customer_id, 'end') % 2 = 0 and max(purchase_date) > min(purchase_date) then max(purchase_date) end
        as end_date, 1::bigint as period_months, null::bigint as period_days, 9.9::decimal(18, 4) as price
from purchases where hash(customer_id) % 50 = 0 group by customer_id order by subscription_id""",
}
RFM = f"""
select date '{AS_OF}' - max(purchase_date) as recency_days, len(list_distinct(list(purchase_date))) as purchase_days,
    coalesce(sum(net_sales) filter (purchase_date > date '{AS_OF}' - 365), 0)::double as net_sales_365d
from read_parquet(?) group by customer_id"""


def run() -> list[Row]:
    """Measure in a process of its own, whose memory is counted."""
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder))
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            seconds, reading, megabytes = pool.apply(_score, (folder,))
            ours, columns, functions = (
                pool.apply(each, (folder,)) for each in (_rfm, _rfm_by_columns, _rfm_by_customer)
            )
    name, rfm_name = f"segments.{CUSTOMERS}_customers_36_months", f"segments.rfm_{CUSTOMERS // PART}_customers"
    return [
        at_most(SECONDS, f"{name}_rfm_tiers_stages", seconds, "s", f"reading {reading:.1f} s"),
        at_most(MEGABYTES, f"{name}_memory", megabytes, "MB"),
        at_least(
            TIMES_PANDAS, f"{rfm_name}_times_pandas", functions / ours, "x", f"{ours:.2f} s; pandas {functions:.2f} s"
        ),
        at_least(
            TIMES_WHOLE_COLUMNS, f"{rfm_name}_times_pandas_by_columns", columns / ours, "x", f"pandas {columns:.2f} s"
        ),
    ]


def _write(folder: Path) -> None:
    """Write the files of features, and the purchases."""
    metadata = f"kv_metadata {{'{SOURCES_KEY.decode()}': '{SOURCE}', '{CURRENCY_KEY.decode()}': 'EUR'}}"
    with duckdb.connect() as connection:
        create, table = PURCHASES.split(";")
        connection.execute(create)
        connection.execute(table, {"customers": CUSTOMERS})
        some = f"select * from purchases where hash(customer_id) % {PART} = 0"
        connection.execute(f"copy ({some}) to '{folder}/purchases.parquet'")
        for name, query in FEATURES.items():
            path = folder / "features" / name
            path.mkdir(parents=True, exist_ok=True)
            connection.execute(f"copy ({query}) to '{path}/as_of={AS_OF}.parquet' (format parquet, {metadata})")


def _score(folder: str) -> tuple[float, float, float]:
    """Return the processor seconds of the scores and of reading the features, and the megabytes of the process."""
    settings = load_settings({"CRM_HOME": folder, "CRM_SOURCES": SOURCE})
    job = find_job("segments")
    began = time.process_time()
    features = job.read(settings, AS_OF, [SOURCE])
    read = time.process_time()
    with jobs.one_thread():
        frames = job.score(features, None, job.options(settings))
    scored = time.process_time()
    assert len(frames["segments"]) == CUSTOMERS
    return scored - read, read - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _rfm(folder: str) -> float:
    """Return the seconds from purchases to scores: sums in DuckDB, as a build has them, and the scores of the job."""
    began = time.perf_counter()
    with duckdb.connect() as connection:
        frame = connection.execute(RFM, [f"{folder}/purchases.parquet"]).df()
    assert len(rfm(frame)) == len(frame) > 0
    return time.perf_counter() - began


def _rfm_by_columns(folder: str) -> float:
    """Return the seconds of the same in pandas, by operations on whole columns."""
    began = time.perf_counter()
    rows, as_of = _purchases(folder), pd.Timestamp(AS_OF)
    by = rows.groupby("customer_id")
    frame = pd.DataFrame({
        "recency": -(as_of - by["purchase_date"].max()).dt.days,
        "frequency": by["purchase_date"].nunique(),
    })  # fmt: skip
    recent = rows[rows["purchase_date"] > as_of - pd.Timedelta(days=365)]
    frame["monetary"] = recent.groupby("customer_id")["net_sales"].sum().reindex(frame.index, fill_value=0.0)
    scores = (5 * (frame.rank(method="min") - 1) // len(frame) + 1).astype(int)
    assert len(scores) == len(frame) > 0
    return time.perf_counter() - began


def _rfm_by_customer(folder: str) -> float:
    """Return the seconds of pandas as RFM is usually written: a function of each customer's purchases, and `qcut`."""
    began = time.perf_counter()
    rows, as_of = _purchases(folder), pd.Timestamp(AS_OF)
    frame = rows.groupby("customer_id").agg(
        recency=("purchase_date", lambda days: (as_of - days.max()).days),
        frequency=("purchase_date", "nunique"),
        monetary=("net_sales", "sum"),
    )
    for name in frame:
        frame[f"{name}_score"] = pd.qcut(frame[name].rank(method="first"), 5, labels=False) + 1
    assert len(frame) > 0
    return time.perf_counter() - began


def _purchases(folder: str) -> pd.DataFrame:
    rows = pd.read_parquet(f"{folder}/purchases.parquet")
    rows["purchase_date"] = pd.to_datetime(rows["purchase_date"])
    rows["net_sales"] = rows["net_sales"].astype(float)
    return rows


if __name__ == "__main__":
    for measure in run():
        print(measure)
