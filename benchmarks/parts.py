"""Lifetime value and churn by parts: what 0.2 and 1 million customers take of memory, and what a sample costs a model.

`CRM_BENCH_SIZES` says for how many customers. A customer buys at an own rate until leaving at an own time; the features
are those of the as-of day and of twelve cut-offs, 28 days apart. `python -m benchmarks.parts loss` measures models that
learned from samples beside one that learned from everybody, on the 28 days after: all score the same customers.
"""

import datetime as dt
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq

from benchmarks.rows import Row, at_most
from mining import jobs, protocol
from mining.registry import find_job
from mining.store import CURRENCY_KEY, EVENT_DAYS, PURCHASE_CALENDAR, SOURCES_KEY
from pipeline.base.files import read_sealed
from pipeline.base.model_files import write_model
from pipeline.base.settings import Settings, load_settings

SIZES = tuple(map(int, os.environ.get("CRM_BENCH_SIZES", "200000,1000000").split(",")))
AS_OF, CUT_OFFS, HORIZON = dt.date(2025, 12, 3), 12, 28
SOURCE = "cdnow"
JOBS = ("clv", "churn")
MEGABYTES, GROWTH = 4096.0, 1.5
LEARNED_FROM = 10_000
"""Customers of the company whose models score, and of the one of which samples are taken."""
LOSS_SHARES = (0.5, 0.25)
# What a customer does follows from hashes of the customer's number: the same in any order.
PURCHASES = f"""
create macro draw(n, what) as (hash(n, what) % 1000003 + 1) / 1000004.0;
create table purchases as
select distinct on (customer_id, day) customer_id, day, amount
from (
    select
        'c_' || lpad(to_hex(hash(n)), 16, '0') as customer_id,
        date '{AS_OF}' + {HORIZON} - cast(begins - step * gap * (0.3 + 1.4 * draw(n, step)) as int) as day,
        round(exp(2.3 + 2 * draw(n, 'level') * draw(n + step, 'amount')), 2)::decimal(18, 4) as amount,
        date '{AS_OF}' + {HORIZON} - cast(begins - life as int) as leaves
    from (
        select
            n,
            760 * draw(n, 'begins') + 2 as begins,
            -ln(draw(n, 'life')) * 500 as life,
            8 - ln(draw(n, 'gap')) * 70 as gap
        from range($customers) as people(n)
    ), range(60) as steps(step)
)
where day <= least(leaves, date '{AS_OF}' + {HORIZON})
order by all"""
AT = """
with known as (select * from purchases where day <= $day),
gaps as (
    select customer_id, day - lag(day) over (partition by customer_id order by day) as gap from known
),
gap as (select customer_id, avg(gap) as gap_mean_days, stddev_samp(gap) as gap_stddev_days from gaps group by all),
facts as (
    select
        customer_id, min(day) as first_purchase_date, max(day) as last_purchase_date, count(*) as purchase_days,
        $day::date - max(day) as recency_days, $day::date - min(day) as tenure_days,
        sum(amount) as net_sales, count(*) as spend_days, sum(amount) as spend_amount,
        count(*) - 1 as repeat_spend_days, sum(amount) - min_by(amount, day) as repeat_spend_amount,
        count(*) filter (day > $day::date - 28) as purchase_days_28d,
        count(*) filter (day > $day::date - 84) as purchase_days_84d,
        coalesce(sum(amount) filter (day > $day::date - 28), 0) as net_sales_28d,
        coalesce(sum(amount) filter (day > $day::date - 84), 0) as net_sales_84d,
        coalesce(sum(amount) filter (day > $day::date - 365), 0) as net_sales_365d,
        min(day) < date '2023-12-15' as is_left_truncated
    from known group by customer_id
)
insert into features by name
select $day::date as as_of_date, facts.*, gap.* exclude (customer_id) from facts join gap using (customer_id)
"""
CALENDAR = """
select day as purchase_date, count(*) filter (day = first) as first_purchases,
    count(*) filter (day > first) as repeat_purchases
from (select day, min(day) over (partition by customer_id) as first from purchases)
where day <= {day} group by day"""


def run() -> list[Row]:
    """Measure scoring in processes of their own, whose memory is counted, with models of an earlier day."""
    found = {size: _measured(size) for size in SIZES}
    rows = []
    for job in JOBS:
        peaks = {size: figures[job]["megabytes"] for size, figures in found.items()}
        for size, peak in peaks.items():
            said = f"{found[size][job]['seconds']:.0f} CPU seconds"
            rows.append(at_most(MEGABYTES, f"parts.{job}_scored_{size}_customers_memory", peak, "MB", said))
        growth = peaks[max(peaks)] / peaks[min(peaks)]
        rows.append(at_most(GROWTH, f"parts.{job}_memory_{max(peaks)}_over_{min(peaks)}_customers", growth, "x"))
    return rows


def _measured(size: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as folder:
        for step, home, customers in (
            (_write, small, LEARNED_FROM),
            (_train, small, LEARNED_FROM),
            (_write, folder, size),
        ):
            _apart(step, home, customers)
        _take_models(small, folder)
        return {job: _apart(_score, folder, job) for job in JOBS}


def _take_models(small: str, folder: str) -> None:
    """Give a company the models of another one, as if they were its own of the day before: no model is trained then."""
    for job in JOBS:
        (path,) = (Path(small) / "models" / job).glob("*.json")
        day = (AS_OF - dt.timedelta(days=1)).isoformat()
        model = read_sealed(path, "train it again")
        version = f"{job}-{day}-small"
        write_model(_settings(folder), {**model, "as_of_date": day, "model_version": version})


def _apart(step: Any, *arguments: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.apply(step, arguments)


def _settings(folder: str) -> Settings:
    named = {"CRM_HOME": folder, "CRM_SOURCES": SOURCE}
    return load_settings({**named, "CRM_CLV_HORIZON_DAYS": str(HORIZON), "CRM_CHURN_HORIZON_DAYS": str(HORIZON)})


def _write(folder: str, customers: int) -> None:
    """Write the files of features: what the jobs read and no source brings is null."""
    metadata = f"kv_metadata {{'{SOURCES_KEY.decode()}': '{SOURCE}', '{CURRENCY_KEY.decode()}': 'EUR'}}"
    features = Path(folder) / "features"
    with duckdb.connect(f"{folder}/bench.duckdb", config={"memory_limit": "3GB", "threads": 2}) as connection:
        macro, table = PURCHASES.split(";")
        connection.execute(macro)
        connection.execute(table, {"customers": customers})
        columns = _columns(connection)
        connection.execute(f"create table features ({', '.join(columns)})")
        days = [AS_OF - dt.timedelta(days=HORIZON * back) for back in range(CUT_OFFS + 1)]
        for day in sorted(days):
            connection.execute(AT.replace("$day", f"date '{day}'"))
        calendar = " union all ".join(
            f"select date '{day}' as as_of_date, * from ({CALENDAR.format(day=repr(str(day)) + '::date')})"
            for day in days
        )
        files = {
            "": "select * from features order by as_of_date, customer_id",
            PURCHASE_CALENDAR.folder: f"select * from ({calendar}) order by as_of_date, purchase_date",
            EVENT_DAYS.folder: "select null::date as as_of_date, null::text as event, null::date as starts_on, "
            "null::date as ends_on where false",
        }
        for name, query in files.items():
            path = features / name / f"as_of={AS_OF}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            connection.execute(f"copy ({query}) to '{path}' (format parquet, compression zstd, {metadata})")


def _columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the columns of features with their types: those that are computed, and what else the jobs read."""
    query = AT.replace("$day", f"date '{AS_OF}'").replace("insert into features by name", "")
    described = connection.execute(f"describe {query}").fetchall()
    known: Mapping[str, str] = {name: kind for name, kind, *_ in described}
    others = sorted(set().union(*(find_job(job).reads for job in JOBS)) - {*known})
    return [*(f"{name} {kind}" for name, kind in known.items()), *(f"{name} double" for name in others)]


def _train(folder: str, _: int) -> None:
    for job in JOBS:
        result = jobs.score(job, _settings(folder), as_of=AS_OF, sources=[SOURCE])
        assert result["model_version"], result["decision"]


def _score(folder: str, job: str) -> dict[str, float]:
    began = time.process_time()
    result = jobs.score(job, _settings(folder), as_of=AS_OF, sources=[SOURCE])
    assert result["scored"] > 0 and result["model_version"].endswith("-small")
    return {
        "seconds": time.process_time() - began,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def loss(customers: int = LEARNED_FROM) -> dict[str, dict[str, float]]:
    """Errors over the 28 days after the as-of day of models that learned from everybody, and from samples.

    Returns
    -------
    dict
        By share: `churn`, the log loss of the probability of no purchase; `clv`, the root mean squared error of the
        expected purchase days; `rows` that were learned from.
    """
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        _apart(_write, folder, customers)
        rows = pq.ParquetFile(f"{folder}/features/as_of={AS_OF}.parquet").metadata.num_rows
        for share in (1.0, *LOSS_SHARES):
            found[f"{share:g}"] = _apart(_errors, folder, round(share * rows))
    return found


def _errors(folder: str, most_rows: int) -> dict[str, float]:
    protocol.TRAINING_ROWS = most_rows
    for path in Path(folder).glob("models/*/*"):
        path.unlink()
    files = {}
    for job in JOBS:
        result = jobs.score(job, _settings(folder), as_of=AS_OF, sources=[SOURCE])
        assert result["model_version"], result["decision"]
        files[job] = result["files"][job]
    return {"rows": most_rows, **_graded(folder, files)}


def _graded(folder: str, files: Mapping[str, str]) -> dict[str, float]:
    with duckdb.connect(f"{folder}/bench.duckdb", read_only=True) as connection:
        bought = f"select customer_id, count(*) as days from purchases where day > date '{AS_OF}' group by customer_id"
        query = (
            "select {}, coalesce(days, 0) from read_parquet(?) left join ({}) using (customer_id) where {} is not null"
        )
        pairs = {
            job: connection.execute(query.format(column, bought, column), [files[job]]).fetchnumpy().values()
            for job, column in (("clv", "expected_purchases"), ("churn", "churn_probability"))
        }
    expected, days = map(np.asarray, pairs["clv"])
    probability, later = map(np.asarray, pairs["churn"])
    is_right = np.where(later == 0, probability, 1 - probability)
    return {
        "clv": round(float(np.sqrt(np.mean((expected - days) ** 2))), 6),
        "churn": round(float(-np.mean(np.log(is_right))), 6),
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["loss"]:
        print(json.dumps(loss(), indent=1))
    else:
        for measure in run():
            print(measure)
