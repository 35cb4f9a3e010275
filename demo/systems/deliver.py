"""Writing what the systems deliver: daily CSV and JSONL files, and the shop's SQLite database."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from demo.systems.trouble import troubled
from demo.world.company import Company, text
from demo.world.laws import START
from pipeline.base.errors import UserError

# Columns that can hold a comma or a quote.
FREE_TEXT = ("name", "company", "contact_name", "comment", "offer", "topic")
INTEGERS = ("line_no", "prices_include_tax")
LINES_AT_ONCE = 1_000_000
CUT_LINE_LENGTH = 9  # no comma yet, and no whole JSON
ROWS_AT_ONCE = 100_000


def publish(company: Company, table: str, select: str) -> None:
    """Plant a table's trouble and keep the rows that are delivered by the last day, as table `<source>__<table>`.

    Parameters
    ----------
    table : str
        '<source>.<table>'.
    select : str
        Query of the right rows, with the columns that `demo.trouble.troubled` asks for.
    """
    company.table(table.replace(".", "__"), _delivered(company, table, select))


def publish_parquet(company: Company, table: str, select: str) -> None:
    """As `publish`, but into the Parquet file that `write_sqlite` reads, in order of keys; the name is a view of it."""
    target = company.scratch / "parquet" / f"{table.split('.')[1]}.parquet"
    rows = _delivered(company, table, select)
    company.run(f"copy ({rows} order by _key, _copy) to {text(target)} (format parquet, compression snappy)")
    company.run(f"create view {table.replace('.', '__')} as select * from read_parquet({text(target)})")


def _delivered(company: Company, table: str, select: str) -> str:
    rows = troubled(table, select, company.options.corruption)
    return f"select * from ({rows}) where _day between 0 and {company.options.days - 1}"


def delivered_columns(company: Company, table: str) -> list[str]:
    """Columns of a published table without the generator's own."""
    described = company.con.execute(f"describe {table.replace('.', '__')}").fetchall()
    return [row[0] for row in described if not row[0].startswith("_")]


def _csv_line(columns: Sequence[str]) -> str:
    def value(column: str) -> str:
        if column not in FREE_TEXT:
            return f"coalesce({column}, '')"
        quoted = f"'\"' || replace({column}, '\"', '\"\"') || '\"'"
        return f"coalesce(case when regexp_matches({column}, '[,\"]') then {quoted} else {column} end, '')"

    return " || ',' || ".join(value(column) for column in columns)


def _json_line(columns: Sequence[str]) -> str:
    return "cast(to_json({" + ", ".join(f"'{column}': {column}" for column in columns) + "}) as varchar)"


def write_days(company: Company, table: str, folder: Path, kind: str) -> None:
    """Write a table's daily files, `<folder>/<table>/<day>.<csv or jsonl>`; of a table without rows the first day's."""
    columns = delivered_columns(company, table)
    target = folder / table.split(".")[1]
    target.mkdir(parents=True)
    line = _csv_line(columns) if kind == "csv" else _json_line(columns)
    header = (",".join(columns) + "\n").encode() if kind == "csv" else b""
    (lines,) = company.con.sql(f"select count(*) from {table.replace('.', '__')}").fetchall()[0]
    at_once = max(1, company.options.days * LINES_AT_ONCE // max(lines, LINES_AT_ONCE))
    for first in range(0, company.options.days, at_once):
        batch = company.con.sql(f"""
            select _day, case when _is_cut then left(line, {CUT_LINE_LENGTH}) else line end || chr(10) as line
            from (select _day, _key, _version_s, _copy, _is_cut, {line} as line from {table.replace(".", "__")}
                where _day between {first} and {first + at_once - 1})
            order by _day, _key, _version_s, _copy
        """).to_arrow_table()
        if batch.num_rows:
            _write_lines(batch, target, header, kind)
    if not any(target.iterdir()):
        (target / f"{START.isoformat()}.{kind}").write_bytes(header)


def _write_lines(batch: pa.Table, target: Path, header: bytes, kind: str) -> None:
    """Cut the text of all lines, which lies in one piece of memory, at the borders of the days."""
    days = batch.column("_day").to_numpy()
    lines = batch.column("line").cast(pa.large_string()).combine_chunks()
    if isinstance(lines, pa.ChunkedArray):
        lines = lines.chunk(0)
    _, offsets_buffer, text = lines.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[lines.offset : lines.offset + len(lines) + 1]
    borders = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
    whole = memoryview(text)
    for begin, end in pairwise(borders):
        day = START + timedelta(days=int(days[begin]))
        with (target / f"{day.isoformat()}.{kind}").open("wb") as handle:
            handle.write(header)
            handle.write(whole[int(offsets[begin]) : int(offsets[end])])


def write_sqlite(parquet: Path, target: Path, tables: Sequence[str]) -> None:
    """Write Parquet files `<parquet>/<table>.parquet` as tables of a SQLite database."""
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as database, duckdb.connect() as reader:
            reader.execute("set threads = 1")
            reader.execute("set enable_progress_bar = false")
            database.execute("pragma page_size = 16384")
            database.execute("pragma journal_mode = off")
            database.execute("pragma synchronous = off")
            database.execute("begin")
            for table in tables:
                _write_table(reader, database, parquet / f"{table}.parquet", table)
            database.execute("commit")
    except sqlite3.OperationalError as error:
        raise UserError(f"{target} cannot be written ({error}). Is the disk full? Make room and run again.") from error


def _write_table(reader: duckdb.DuckDBPyConnection, database: sqlite3.Connection, source: Path, table: str) -> None:
    named = reader.execute("select column_name from (describe select * from read_parquet(?))", [str(source)]).fetchall()
    columns = [name for (name,) in named if not name.startswith("_")]
    rows = reader.execute(f"select {', '.join(columns)} from read_parquet(?)", [str(source)])
    declared = ", ".join(f"{name} {'INTEGER' if name in INTEGERS else 'TEXT'}" for name in columns)
    database.execute(f"create table {table} ({declared})")
    insert = f"insert into {table} values ({', '.join('?' * len(columns))})"
    while batch := rows.fetchmany(ROWS_AT_ONCE):
        database.executemany(insert, batch)
