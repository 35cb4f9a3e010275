"""Parquet files: columns and types as received."""

import duckdb

from pipeline.duck import quote_literal
from pipeline.errors import UserError
from pipeline.landing.readers.base import Request, Rows, Session, check_columns


def open_rows(session: Session, request: Request) -> Rows:
    """Open Parquet files; several files of a glob are joined by column name."""
    for path in request.files:
        try:
            names = _columns(session, f"read_parquet({quote_literal(str(path))})")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"{request.label}: {path} is not a whole Parquet file ({reason}). "
                f"Copy it again, or correct `format` of {request.definition}."
            ) from error
        check_columns(request, names, f"{request.label}: {path.name}")
    listed = ", ".join(quote_literal(str(path)) for path in request.files)
    relation = f"read_parquet([{listed}], union_by_name = true)"
    return Rows(_columns(session, relation), relation)


def _columns(session: Session, relation: str) -> list[str]:
    return [row[0] for row in session.connection.execute(f"describe select * from {relation}").fetchall()]
