"""dbt's adapter of Spark, with what the project needs of it.

A model in Python is the same function as on DuckDB, on a DuckDB connection in the driver. What such a model reads and
makes is small beside the warehouse: pairs of records, not orders. Its tables come from their Parquet files and go back
to some.
"""

import os
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.base.impl import PythonJobHelper
from dbt.adapters.spark.connections import SparkCredentials
from dbt.adapters.spark.impl import SparkAdapter

from pipeline.base.duck import connect, quote_literal
from pipeline.base.files import remove
from pipeline.base.settings import SPARK_TABLES
from pipeline.build.spark.session import WRITTEN

METHOD = "driver"
ANSI = "spark.sql.ansi.enabled"


class InDriver(PythonJobHelper):
    """dbt's way to run the code of a model in Python."""

    def __init__(self, parsed_model: dict[str, Any], credential: Any) -> None:  # noqa: ARG002 - dbt gives it
        self._folder = Path(os.environ["CRM_HOME"]) / SPARK_TABLES
        self._made = self._folder / parsed_model["schema"] / parsed_model["alias"]

    def submit(self, compiled_code: str) -> None:
        """Run the model, and write its Parquet files."""
        with connect() as connection:
            model: dict[str, Any] = {}
            exec(compiled_code, model)  # noqa: S102 - dbt compiles it of the project's own code

            def load(name: str) -> duckdb.DuckDBPyRelation:
                place = self._folder / Path(*name.replace("`", "").split("."))
                return connection.sql(f"from read_parquet({quote_literal(f'{place}/*.parquet')})")

            made = model["model"](model["dbtObj"](load), connection)
            remove(self._made)
            self._made.mkdir(parents=True)
            made.write_parquet(str(self._made / "part-00000.parquet"), compression="zstd")
            (self._made / WRITTEN).touch()


def adapt() -> None:
    """Let dbt run models in Python so, and leave ANSI SQL on, which it turns off in each connection."""
    SparkAdapter.python_submission_helpers = {METHOD: InDriver}
    SparkAdapter.default_python_submission_method = METHOD
    made = SparkCredentials.__post_init__

    def with_ansi(credentials: SparkCredentials) -> None:
        made(credentials)
        credentials.server_side_parameters[ANSI] = "true"

    SparkCredentials.__post_init__ = with_ansi
