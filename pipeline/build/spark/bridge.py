"""`warehouse.duckdb` of a build on Spark: views over the Parquet files of its tables, so that readers need one engine.

Features, gate, reconciliation, publishing and the identity ledger read `warehouse.duckdb` as they do where DuckDB has
built it. What is published is copied out of the views.
"""

from contextlib import closing
from pathlib import Path

import duckdb

from pipeline.base.catalog import Column, Table, catalog, seeds
from pipeline.base.duck import connect, quote_identifier, quote_literal
from pipeline.base.files import atomic_path
from pipeline.base.settings import Settings
from pipeline.build.spark.session import WRITTEN

# Where a column has no type in the yml of its model: what dbt's tables on DuckDB have for a type of Spark's.
TYPES = {"TIMESTAMP WITH TIME ZONE": "timezone('UTC', {name})"}


def write_views(settings: Settings) -> None:
    """Write `warehouse.duckdb`, whole or not at all, with a view of each table that Spark has built."""
    with atomic_path(settings.warehouse) as temporary:
        with closing(connect(temporary)) as connection:
            connection.begin()  # every comment is a statement, and DuckDB waits for the disk at the end of each
            for table in [*seeds().values(), *catalog().values()]:
                folder = settings.spark_tables / table.schema / table.name
                if (folder / WRITTEN).exists():  # else a killed build has begun to write it
                    _write_view(connection, table, folder)
            connection.commit()
        temporary.chmod(0o600)


def _write_view(connection: duckdb.DuckDBPyConnection, table: Table, folder: Path) -> None:
    """Make the view of a table, with the types and comments that it has where DuckDB has built it."""
    files = f"read_parquet({quote_literal(str(folder / '*.parquet'))})"
    described = {column.name: column for column in table.columns}
    columns = connection.execute(f"describe from {files}").fetchall()
    selected = ", ".join(_selected(name, kind, described.get(name)) for name, kind, *_ in columns)
    view = f"{quote_identifier(table.schema)}.{quote_identifier(table.name)}"
    connection.execute(f"create schema if not exists {quote_identifier(table.schema)}")
    connection.execute(f"create view {view} as select {selected} from {files}")
    if table.is_published:
        connection.execute(f"comment on view {view} is {quote_literal(table.description)}")
        for name in [name for name, *_ in columns if name in described]:
            comment = quote_literal(described[name].description)
            connection.execute(f"comment on column {view}.{quote_identifier(name)} is {comment}")


def _selected(name: str, kind: str, described: Column | None) -> str:
    """SQL: a column as the yml of its model says."""
    quoted = quote_identifier(name)
    if described and described.data_type:
        return f"cast({quoted} as {described.data_type}) as {quoted}"
    return f"{TYPES[kind].format(name=quoted)} as {quoted}" if kind in TYPES else quoted
