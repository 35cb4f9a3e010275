"""Parquet files: columns and types as received."""

from pathlib import Path

import duckdb

from pipeline.duck import quote_literal
from pipeline.errors import UserError
from pipeline.landing.readers.base import Request, Rows, check_columns, no_rejects


def open_rows(connection: duckdb.DuckDBPyConnection, request: Request, scratch: Path) -> Rows:
    """Open Parquet files; several files of a glob are joined by column name."""
    for path in request.files:
        try:
            described = connection.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"{request.label}: {path} is not a whole Parquet file ({reason}). "
                "Copy it again, or correct `format` in the source's yml."
            ) from error
        check_columns(request, [row[0] for row in described], f"{request.label}: {path.name}")
    listed = ", ".join(quote_literal(str(path)) for path in request.files)
    relation = f"read_parquet([{listed}], union_by_name = true)"
    columns = [row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()]
    return Rows(columns=columns, relation=relation, rejects=no_rejects)
