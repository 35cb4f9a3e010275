"""Both engines at size: the star and the features of a shop, built whole by each, and what Spark shuffles for it.

A customer has 2 orders of 2 lines, unless `CRM_BENCH_SHAPE` says otherwise (`10,3`). `CRM_BENCH_SIZES` says how many
customers there are, and `CRM_SPARK_MASTER` where Spark computes. It needs `make spark`. docs/scale.md has the table,
and what follows from it.
"""

import json
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.process_tree import measured
from benchmarks.rows import at_most
from benchmarks.star import Shop, make_shop
from pipeline.base.settings import every_source, load_settings
from pipeline.build.spark.ready import check_ready

SIZES = tuple(int(size) for size in os.environ.get("CRM_BENCH_SIZES", "100000,300000,1000000").split(","))
ORDERS, LINES = (int(each) for each in os.environ.get("CRM_BENCH_SHAPE", "2,2").split(","))
MASTER = os.environ.get("CRM_SPARK_MASTER") or "local[2]"
# How much more CPU Spark may take than DuckDB: 11 times for 20,000 customers, two thirds of it for plans of queries.
TIMES_DUCKDB = 15
BYTES_OF_A_CUSTOMER = 10_000  # 4,400 were measured for 20,000 customers; joins that are broadcast there are not above
LARGEST = 15
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

# The columns of an exchange in a plan, before the number of partitions; `#123L` tells columns of one name apart.
KEYS = re.compile(r"Arguments: hashpartitioning\((.*), \d+\), ")
COLUMN_NUMBER = re.compile(r"#\d+L?")


@dataclass(frozen=True)
class Build:
    """What a build took, with all processes that it started."""

    seconds: float
    cpu_seconds: float
    peak_mb: float

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s, {self.cpu_seconds:.0f} s of CPU, {self.peak_mb:,.0f} MB"


@dataclass
class Step:
    """What the tasks of one table took: seconds of CPU, bytes that they wrote for others, and how many there were.

    `keys` are those by which its plan shuffles.
    """

    cpu_seconds: float = 0.0
    shuffled: int = 0
    tasks: int = 0
    keys: dict[str, None] = field(default_factory=dict)

    def __add__(self, other: "Step") -> "Step":
        return Step(self.cpu_seconds + other.cpu_seconds, self.shuffled + other.shuffled, self.tasks + other.tasks)

    def __str__(self) -> str:
        return f"{self.cpu_seconds:7.1f} s of CPU, {self.shuffled / 2**20:7.1f} MB shuffled, {self.tasks:5} tasks:"


def run() -> list[dict[str, Any]]:
    """Build each size on both engines, without tests of data."""
    check_ready(load_settings(every_source({**os.environ, "CRM_ENGINE": "spark", "CRM_SPARK_MASTER": MASTER})))
    return [{**row, "command": "python -m benchmarks spark"} for size in SIZES for row in _of_size(size)]


def _of_size(customers: int) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
        shop = make_shop(Path(folder), customers, ORDERS, LINES)
        shop.land(0)
        conf, events = Path(folder) / "conf", Path(folder) / "events"
        conf.mkdir()
        events.mkdir()
        (conf / "spark-defaults.conf").write_text(EVENTS.format(folder=events), encoding="utf-8")
        on_duckdb = _build(shop, CRM_ENGINE="duckdb")
        _print("DuckDB", shop, on_duckdb)
        try:
            on_spark = _build(shop, CRM_ENGINE="spark", CRM_SPARK_MASTER=MASTER, SPARK_CONF_DIR=str(conf))
        finally:  # also of a build that failed or was stopped: what it did until then
            steps = _steps(events)
            _print_steps(steps)
        _print(f"Spark, {MASTER}", shop, on_spark)
        said = f"{customers:,} customers, {MASTER}: {on_spark}; DuckDB {on_duckdb}"
        yield at_most(
            TIMES_DUCKDB,
            f"spark.build.{customers}",
            on_spark.cpu_seconds / on_duckdb.cpu_seconds,
            "times DuckDB's CPU",
            said,
        )
        each = sum(step.shuffled for step in steps.values()) / customers
        most = sorted(steps, key=lambda name: -steps[name].shuffled)[:3]
        yield at_most(BYTES_OF_A_CUSTOMER, f"spark.shuffle.{customers}", each, "bytes per customer", ", ".join(most))


def _build(shop: Shop, **environment: str) -> Build:
    """What the layers that are built before mining take, dbt's start-up among them."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update({**environment, "DBT_EXCLUDE_RESOURCE_TYPES": "test unit_test"})
    try:
        with measured() as used:
            seconds = float(shop.run(BUILD).splitlines()[-1])
        return Build(seconds, used.cpu_seconds, used.peak_mb)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _print(engine: str, shop: Shop, build: Build) -> None:
    print(f"{shop.customers:,} customers, {engine}: {build}; longest {_longest(shop)}", flush=True)


def _print_steps(steps: dict[str, Step]) -> None:
    """Print what took most CPU, what was shuffled most and by which keys, and the sum of all."""
    for name, step in sorted(steps.items(), key=lambda item: -item[1].cpu_seconds)[:LARGEST]:
        print(f"    {step} {name}")
    print(f"    {sum(steps.values(), Step())} all")
    for name, step in sorted(steps.items(), key=lambda item: -item[1].shuffled)[:LARGEST]:
        print(f"    {step.shuffled / 2**20:7.1f} MB shuffled: {name} by {'; '.join(step.keys)}")
    print(flush=True)


def _longest(shop: Shop) -> str:
    """The models that took longest in the last build, with their seconds."""
    path = shop.folder / "home" / "dbt" / "target" / "run_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    listed = sorted(((each["execution_time"], each["unique_id"].split(".")[-1]) for each in results), reverse=True)
    return _listed({name: f"{seconds:.0f} s" for seconds, name in listed[:LARGEST]})


def _listed(found: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())


def _steps(events: Path) -> dict[str, Step]:
    """What tasks took and wrote for others to read, by the table that they were run for."""
    tables: dict[str, str] = {}
    queries: dict[int, str] = {}
    steps: dict[str, Step] = defaultdict(Step)
    for path in events.iterdir():
        with path.open(encoding="utf-8") as lines:
            for event in (json.loads(line) for line in lines if line.endswith("\n")):  # the last may be cut off
                kind = event["Event"].rpartition(".")[2]
                if kind == "SparkListenerSQLExecutionStart":
                    plan = event["physicalPlanDescription"]
                    if target := TARGET.search(plan):
                        name = tables[str(event["executionId"])] = ".".join(target.groups())
                        steps[name].keys |= dict.fromkeys(COLUMN_NUMBER.sub("", keys) for keys in KEYS.findall(plan))
                elif kind == "SparkListenerJobStart":
                    query = event["Properties"].get("spark.sql.execution.id", "")
                    queries |= dict.fromkeys(event["Stage IDs"], query)
                elif kind == "SparkListenerTaskEnd" and "Task Metrics" in event:
                    metrics = event["Task Metrics"]
                    step = steps[tables.get(queries.get(event["Stage ID"], ""), "checks of contracts")]
                    step.shuffled += metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
                    step.cpu_seconds += metrics["Executor CPU Time"] / 1e9
                    step.tasks += 1
    return steps
