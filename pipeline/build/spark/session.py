"""The Spark session that dbt finds: one for a process, with what the project's SQL relies on.

`$CRM_HOME/warehouse/<schema>/<table>/` has the Parquet files of a table. The catalog is in the process's memory and
ends with it, so that what an earlier process built is registered again by its place.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base.duck import connect, quote_literal
from pipeline.base.settings import SPARK_TABLES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# DuckDB's names of types that Spark names otherwise.
TYPES = {"VARCHAR": "string", "INTEGER": "int", "TIMESTAMP": "timestamp_ntz"}
# What does not fit into memory. Not in `tmp`, where every user removes what others have left there.
SPILLED = Path("dbt", "spark")
# Written last into the folder of a table.
WRITTEN = "_SUCCESS"
# What SQL means: text that DuckDB reads is read by Spark in the same way.
MEANING = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.parser.escapedStringLiterals": "false",  # or two quotes in a literal would be two
    "spark.sql.legacy.consecutiveStringLiterals.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.mergeSchema": "true",  # of files that were written by several versions of a table
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.legacy.allowNonEmptyLocationInCTAS": "true",  # a table replaces what a process that was killed has left
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.analyzer.maxIterations": "1000",  # campaign_audience needs more than the default, 100
    "spark.sql.constraintPropagation.enabled": "false",  # minutes for fct_cost_allocation, and no query is faster by it
}
# What makes many small queries fast on one machine; a cluster's own configuration says otherwise.
LOCAL = {
    "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.ui.retainedExecutions": "1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # A query of 40 columns is compiled to long methods, which Java otherwise leaves to its interpreter.
    "spark.driver.extraJavaOptions": "-XX:-DontCompileHugeMethods",
}
# Of a small landing, Spark would compile each query for longer than it runs. Rows, since bytes say little: 140,000 rows
# may be 0.4 MB.
SMALL_ROWS = 300_000
SMALL = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
STATIC = {"spark.sql.catalogImplementation": "in-memory", "spark.app.name": "perennial"}


def start(home: Path, master: str, memory_gb: int) -> "SparkSession":
    """Start the session of this process.

    Parameters
    ----------
    home
        CRM_HOME.
    master
        As Spark names it: `local[2]`, `spark://host:7077`, `yarn`.
    memory_gb
        What the driver may take, in GB.
    """
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra, which a build on DuckDB does without

    settings = {
        **STATIC,
        **MEANING,
        **(LOCAL if master.startswith("local") else {}),
        **(SMALL if master.startswith("local") and is_small(home / "landing") else {}),
        "spark.driver.memory": f"{memory_gb}g",
        "spark.sql.warehouse.dir": str(home / SPARK_TABLES),
        "spark.local.dir": str(home / SPILLED),
    }
    session = SparkSession.builder.master(master).config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def is_small(landing: Path) -> bool:
    """Whether few rows have landed, as the files' own footers say."""
    files = [str(path) for path in landing.rglob("*.parquet")]
    if not files:
        return True
    with connect() as connection:
        counted = connection.execute("select sum(num_rows) from parquet_file_metadata($files)", {"files": files})
        return int((counted.fetchone() or [0])[0]) < SMALL_ROWS


def register_built(run: Callable[[str], Any], home: Path, prefix: str = "") -> None:
    """Register the tables that earlier processes have built, by their folders.

    Their columns are given: Spark would start a job for each table to find them.

    Parameters
    ----------
    run
        Runs a statement.
    home
        CRM_HOME.
    prefix
        What the names of the schemas begin with, and their folders do not.
    """
    with connect() as connection:
        for place in sorted((home / SPARK_TABLES).glob(f"*/*/{WRITTEN}")):
            table, schema = place.parent.name, prefix + place.parent.parent.name
            files = quote_literal(str(place.parent / "*.parquet"))
            described = connection.execute(f"describe from read_parquet({files}, hive_partitioning = false)").fetchall()
            columns = ", ".join(f"`{name}` {spark_type(kind)}" for name, kind, *_ in described)
            location = quote_literal(str(place.parent))
            run(create_schema(home, schema))
            run(f"create table if not exists `{schema}`.`{table}` ({columns}) using parquet location {location}")


def spark_type(kind: str) -> str:
    """Return Spark's name of a type that DuckDB reads in one of its Parquet files."""
    if kind.endswith("[]"):
        return f"array<{spark_type(kind.removesuffix('[]'))}>"
    return TYPES.get(kind, kind.lower())


def create_schema(home: Path, schema: str) -> str:
    """Return SQL that creates a schema. Its own folder stays empty, and may be dropped with it."""
    return f"create schema if not exists `{schema}` location {quote_literal(str(home / SPILLED / schema))}"


def begin(environment: Mapping[str, str]) -> None:
    """Start the session of dbt's process, by the environment that the process was given."""
    home = Path(environment["CRM_HOME"])
    shutil.rmtree(home / SPILLED, ignore_errors=True)  # of a killed process, whose Java may be ending
    session = start(home, environment["CRM_SPARK_MASTER"], int(environment["CRM_MEMORY_GB"]))
    register_built(session.sql, home)
