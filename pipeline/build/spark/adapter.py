"""dbt's adapter of Spark, with what the project needs of it.

A model in Python is the same function as on DuckDB, on a DuckDB connection in dbt's process. What such a model reads
and makes is small beside the warehouse: pairs of records, not orders. Its tables come from their Parquet files and go
back to some.
"""

import os
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.base.impl import PythonJobHelper
from dbt.adapters.spark.connections import SparkConnectionMethod, SparkCredentials
from dbt.adapters.spark.impl import SparkAdapter

from pipeline.base.duck import connect, quote_literal
from pipeline.base.files import remove
from pipeline.base.settings import SPARK_TABLES
from pipeline.build.spark.session import MEANING, WRITTEN

METHOD = "dbt"
ANSI = "spark.sql.ansi.enabled"
# What the name of a setting begins with, so that a Thrift server gives it to Spark and not to Hive alone:
# HiveSessionImpl.configureSession and SparkSQLSessionManager.openSession of Spark.
OF_CONNECTION = "set:hiveconf:"


class InProcess(PythonJobHelper):
    """dbt's way to run the code of a model in Python."""

    def __init__(self, parsed_model: dict[str, Any], credential: Any) -> None:  # noqa: ARG002 - dbt gives it
        self._folder = Path(os.environ["CRM_HOME"]) / SPARK_TABLES
        self._prefix = os.environ["CRM_SCHEMA_PREFIX"]
        self._made = self._place(f"{parsed_model['schema']}.{parsed_model['alias']}")

    def submit(self, compiled_code: str) -> None:
        """Run the model, and write its Parquet files."""
        with connect() as connection:
            model: dict[str, Any] = {}
            exec(compiled_code, model)  # noqa: S102 - dbt compiles it of the project's own code

            def load(name: str) -> duckdb.DuckDBPyRelation:
                return connection.sql(f"from read_parquet({quote_literal(f'{self._place(name)}/*.parquet')})")

            made = model["model"](model["dbtObj"](load), connection)
            remove(self._made)
            self._made.mkdir(parents=True)
            made.write_parquet(str(self._made / "part-00000.parquet"), compression="zstd")
            (self._made / WRITTEN).touch()

    def _place(self, name: str) -> Path:
        """The folder of a table, by its name in the catalog."""
        return self._folder / Path(*name.replace("`", "").removeprefix(self._prefix).split("."))


def content_of(_: SparkAdapter, path: str) -> str:
    """Return the text of a file, for macros (dbt_project/macros/build.sql)."""
    return Path(path).read_text(encoding="utf-8")


def adapt() -> None:
    """Let dbt run models in Python so, and give its connections what SQL means. It turns ANSI SQL off in each."""
    SparkAdapter.content_of = content_of
    SparkAdapter._available_ |= {content_of.__name__}  # dbt collects them when its class is made
    SparkAdapter.python_submission_helpers = {METHOD: InProcess}
    SparkAdapter.default_python_submission_method = METHOD
    made = SparkCredentials.__post_init__

    def with_meaning(credentials: SparkCredentials) -> None:
        made(credentials)
        given = credentials.server_side_parameters
        given[ANSI] = MEANING[ANSI]
        if credentials.method == SparkConnectionMethod.THRIFT:
            for name, value in {**given, **MEANING}.items():
                given[OF_CONNECTION + name.removeprefix(OF_CONNECTION)] = value

    SparkCredentials.__post_init__ = with_meaning
