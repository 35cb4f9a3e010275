"""The tables of a warehouse that DuckDB has built, as Spark would have left them: a folder of Parquet files each."""

from contextlib import closing

from pipeline.base.duck import connect, quote_literal
from pipeline.base.files import remove
from pipeline.base.settings import Settings


def as_of_spark(settings: Settings) -> None:
    """Write the tables of the warehouse into the folders of Spark's tables, in two files each, and remove it."""
    with closing(connect(settings.warehouse, read_only=True)) as connection:
        for schema, name in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall():
            folder = settings.spark_tables / schema / name
            folder.mkdir(parents=True)
            (folder / "_SUCCESS").touch()
            for part, end in enumerate(("limit 1", "offset 1")):
                to = quote_literal(str(folder / f"part-0000{part}-c000.zstd.parquet"))
                connection.execute(f'copy (select * from "{schema}"."{name}" {end}) to {to} (format parquet)')
    remove(settings.warehouse)
