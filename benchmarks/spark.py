"""Both engines at size: the star and the features of a shop, built whole by each, and what Spark shuffles for it.

A customer has 10 orders of 3 lines (`benchmarks.star`). `CRM_BENCH_SIZES` says how many customers there are, and
`CRM_SPARK_MASTER` where Spark computes. It needs `make spark`. docs/scale.md has the table, and what follows from it.
"""

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.rows import at_most
from benchmarks.star import Shop, make_shop
from pipeline.base.settings import every_source, load_settings
from pipeline.build.spark.ready import check_ready

SIZES = tuple(int(size) for size in os.environ.get("CRM_BENCH_SIZES", "100000,300000,1000000").split(","))
MASTER = os.environ.get("CRM_SPARK_MASTER") or "local[2]"
# How much longer Spark may take than DuckDB on the same two cores. It starts a job for each of 200 tables.
TIMES_DUCKDB = 10
BYTES_OF_A_CUSTOMER = 50_000
LARGEST = 8
BUILD = """
import json, time
from pipeline.base.settings import load_settings
from pipeline.build import dbt
from pipeline.build.plan import make_plan
settings = load_settings()
make_plan(settings)
began = time.perf_counter()
dbt.run_layers(settings, *dbt.BEFORE_MINING)
print(json.dumps(time.perf_counter() - began))
"""
# Spark writes what it does into one plain file (https://spark.apache.org/docs/latest/monitoring.html).
EVENTS = """
spark.eventLog.enabled true
spark.eventLog.rolling.enabled false
spark.eventLog.compress false
spark.eventLog.dir file://{folder}
"""
TARGET = re.compile(
    r"InsertIntoHadoopFsRelationCommand\n(?:Input.*\n)?Arguments: file:\S*/warehouse/([^/\s]+)/([^/\s,]+)"
)


def run() -> list[dict[str, Any]]:
    """Build each size on both engines, without tests of data."""
    check_ready(load_settings(every_source({**os.environ, "CRM_ENGINE": "spark", "CRM_SPARK_MASTER": MASTER})))
    return [{**row, "command": "python -m benchmarks spark"} for size in SIZES for row in _of_size(size)]


def _of_size(customers: int) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
        shop = make_shop(Path(folder), customers)
        shop.land(0)
        conf, events = Path(folder) / "conf", Path(folder) / "events"
        conf.mkdir()
        events.mkdir()
        (conf / "spark-defaults.conf").write_text(EVENTS.format(folder=events), encoding="utf-8")
        on_duckdb = _build(shop, CRM_ENGINE="duckdb")
        longest = _longest(shop)
        on_spark = _build(shop, CRM_ENGINE="spark", CRM_SPARK_MASTER=MASTER, SPARK_CONF_DIR=str(conf))
        shuffled, seconds = _shuffled(events)
        said = f"{customers:,} customers, {MASTER}: {on_spark:.0f} s, {seconds:.0f} s of CPU; DuckDB {on_duckdb:.0f} s"
        print(f"{said}; longest on DuckDB {longest}; on Spark {_longest(shop)}", flush=True)
        print(_listed({name: f"{size / 2**20:.1f} MB" for name, size in shuffled.most_common(LARGEST)}), flush=True)
        yield at_most(TIMES_DUCKDB, f"spark.build.{customers}", on_spark / on_duckdb, "times DuckDB", said)
        each = shuffled.total() / customers
        yield at_most(
            10_000, f"spark.shuffle.{customers}", each, "bytes per customer", _listed(dict(shuffled.most_common(3)))
        )


def _build(shop: Shop, **environment: str) -> float:
    """Seconds of the layers that are built before mining, dbt's start-up among them."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update({**environment, "DBT_EXCLUDE_RESOURCE_TYPES": "test unit_test"})
    try:
        return float(shop.run(BUILD).splitlines()[-1])
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _longest(shop: Shop) -> str:
    """The models that took longest in the last build, with their seconds."""
    path = shop.folder / "home" / "dbt" / "target" / "run_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    listed = sorted(((each["execution_time"], each["unique_id"].split(".")[-1]) for each in results), reverse=True)
    return _listed({name: f"{seconds:.0f} s" for seconds, name in listed[:LARGEST]})


def _listed(found: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())


def _shuffled(events: Path) -> tuple[Counter[str], float]:
    """Bytes that tasks wrote for others to read, by the table that they were written for; CPU seconds of all tasks."""
    tables: dict[str, str] = {}
    queries: dict[int, str] = {}
    shuffled: Counter[str] = Counter()
    seconds = 0.0
    for path in events.iterdir():
        for line in path.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            kind = event["Event"].rpartition(".")[2]
            if kind == "SparkListenerSQLExecutionStart":
                if target := TARGET.search(event["physicalPlanDescription"]):
                    tables[str(event["executionId"])] = ".".join(target.groups())
            elif kind == "SparkListenerJobStart":
                query = event["Properties"].get("spark.sql.execution.id", "")
                queries |= dict.fromkeys(event["Stage IDs"], query)
            elif kind == "SparkListenerTaskEnd" and "Task Metrics" in event:
                metrics = event["Task Metrics"]
                table = tables.get(queries.get(event["Stage ID"], ""), "checks of contracts")
                shuffled[table] += metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
                seconds += metrics["Executor CPU Time"] / 1e9
    return shuffled, seconds
