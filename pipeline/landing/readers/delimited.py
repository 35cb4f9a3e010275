"""CSV and its relatives: every value as text, a broken line set aside with its number."""

import csv
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.duck import quote_literal
from pipeline.errors import UserError
from pipeline.landing.readers.base import REJECTS, Request, Rows, check_columns
from pipeline.landing.readers.text import utf8_file


def open_rows(connection: duckdb.DuckDBPyConnection, request: Request, scratch: Path) -> Rows:
    """Open delimited files. All files of a glob must have the same columns, in any order. An empty value is null."""
    texts = {path: utf8_file(path, request, scratch) for path in request.files}
    headers = {path: _header(path, text, request) for path, text in texts.items()}
    first_path, first = next(iter(headers.items()))
    for path, columns in headers.items():
        check_columns(request, columns, f"{request.label}: {path.name}")
        if set(columns) != set(first):
            odd = sorted(set(columns) ^ set(first))[0]
            raise UserError(
                f"{request.label}: {path.name} and {first_path.name} do not have the same columns: '{odd}' is in one "
                "of them only. Give them the same columns, or make them two tables."
            )
    parts = [_scan(texts[path], columns, request) for path, columns in headers.items()]
    relation = "(" + " union all by name ".join(f"select * from {part}" for part in parts) + ")"
    names = {str(text): path.name for path, text in texts.items()}
    return Rows(columns=first, relation=relation, rejects=lambda: _rejects(connection, names))


def _header(path: Path, text: Path, request: Request) -> list[str]:
    table = request.table
    if not table.header:
        return list(table.columns)
    with text.open(encoding="utf-8", newline="") as handle:
        for _ in range(table.skip_rows):
            handle.readline()
        names = next(csv.reader(handle, delimiter=table.delimiter), [])
    if not any(name.strip() for name in names):
        raise UserError(
            f"{request.label}: {path} has no header in line {table.skip_rows + 1}. Set `skip_rows`, or `header: false` "
            f"with `columns`, for table '{request.name}' in dags/sources/{request.source.name}.yml."
        )
    return [name.strip() or f"column_{number}" for number, name in enumerate(names, 1)]


def _scan(text: Path, columns: list[str], request: Request) -> str:
    table = request.table
    typed = ", ".join(f"{quote_literal(name)}: 'VARCHAR'" for name in columns)
    return (
        f"read_csv([{quote_literal(str(text))}], columns = {{{typed}}}, delim = {quote_literal(table.delimiter)}, "
        f"quote = '\"', escape = '\"', header = {str(table.header).lower()}, skip = {table.skip_rows}, "
        "auto_detect = false, strict_mode = true, store_rejects = true)"
    )


def _rejects(connection: duckdb.DuckDBPyConnection, names: dict[str, str]) -> pa.Table:
    if not connection.execute("from duckdb_tables() where table_name = 'reject_errors'").fetchall():
        return REJECTS.empty_table()
    found = connection.execute(
        """
        select distinct scan.file_path, error.line, error.error_message, error.csv_line
        from reject_errors as error
        inner join reject_scans as scan on scan.scan_id = error.scan_id and scan.file_id = error.file_id
        order by scan.file_path, error.line, error.error_message
        """
    ).fetchall()
    lines: dict[tuple[str, int], dict[str, object]] = {}
    for file, line, message, content in found:
        lines.setdefault((file, line), {"file": names[file], "line": line, "error": message, "content": content})
    return pa.Table.from_pylist(list(lines.values()), schema=REJECTS)
