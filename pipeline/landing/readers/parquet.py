"""Parquet files: columns and types as received."""

from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.base.errors import UserError
from pipeline.landing.readers.base import Request, Rows, Session, check_columns, list_of_files
from pipeline.landing.readers.far_times import without_far_times


def open_rows(session: Session, request: Request) -> Rows:
    """Open Parquet files; several files of a glob are joined by column name."""
    rejects = session.new_rejects()
    sound: list[Path] = []
    for path in request.files:
        try:
            names = _columns(session, list_of_files("read_parquet", [path]))
            sound.append(without_far_times(path, session, rejects))
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"{request.label}: {path} is not a whole Parquet file ({reason}). "
                f"Copy it again, or correct `format` of {request.definition}."
            ) from error
        check_columns(request, names, f"{request.label}: {path.name}")
    relation = list_of_files("read_parquet", sound, "union_by_name = true")
    return Rows(_columns(session, relation), relation, rejects)


def _columns(session: Session, relation: str) -> list[str]:
    return [row[0] for row in session.connection.execute(f"describe select * from {relation}").fetchall()]
