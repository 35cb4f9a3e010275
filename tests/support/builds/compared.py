"""The tables of two warehouses, row by row: equal as multisets, doubles to a billionth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.base.duck import quote_identifier, quote_literal

CLOSE = 1e-9
SHOWN = 3
FLOATS = ("DOUBLE", "FLOAT")
TABLES = "select table_name from duckdb_tables() where database_name = 'local' and schema_name = $1"
VIEWS = "select view_name from duckdb_views() where database_name = 'local' and schema_name = $1"


@dataclass(frozen=True)
class Difference:
    """A table that is not the same in both, and why."""

    table: str
    said: str

    def __str__(self) -> str:
        """One line, and rows of each side."""
        return f"{self.table}: {self.said}"


def differences(warehouse: Path, folders: Path, schema: str, same: Mapping[str, str]) -> Iterator[Difference]:
    """Compare the tables of a DuckDB file with folders of Parquet, `<schema>/<table>/`.

    Parameters
    ----------
    warehouse
        The file.
    folders
        Where the schemas' folders are.
    schema
        The one that is compared: every table. What is a view in the file, and is made when it is read, may be a folder.
    same
        Texts of the folders, such as the id of the release, and what the file has in their place.
    """
    with duckdb.connect() as connection:
        connection.execute(f"set TimeZone = 'UTC'; attach {quote_literal(str(warehouse))} as local (read_only)")
        there, views = ({name for (name,) in connection.execute(each, [schema]).fetchall()} for each in (TABLES, VIEWS))
        other = {path.parent.name for path in (folders / schema).glob("*/_SUCCESS")} - views
        for name in sorted(there ^ other):
            yield Difference(f"{schema}.{name}", "only in the file" if name in there else "only in the folders")
        for name in sorted(there & other):
            said = _differs(connection, f"local.{schema}.{quote_identifier(name)}", folders / schema / name, same)
            if said:
                yield Difference(f"{schema}.{name}", said)


def _differs(connection: duckdb.DuckDBPyConnection, table: str, folder: Path, same: Mapping[str, str]) -> str:
    files = f"read_parquet({quote_literal(f'{folder}/*.parquet')}, hive_partitioning = false)"
    columns, found = (
        {name: kind for name, kind, *_ in connection.execute(f"describe from {each}").fetchall()}
        for each in (table, files)
    )
    if set(columns) != set(found):
        return f"columns {', '.join(sorted(set(columns) ^ set(found)))} in one of the two alone"
    ours = ", ".join(map(quote_identifier, columns))
    theirs = ", ".join(_of_type(name, kind, same) for name, kind in columns.items())
    connection.execute(f"create or replace temp table ours as select {ours} from {table}")
    connection.execute(f"create or replace temp table theirs as select {theirs} from {files}")
    connection.execute("create or replace temp table missing as from ours except all from theirs")
    connection.execute("create or replace temp table extra as from theirs except all from ours")
    rows, missing, extra = (
        connection.execute(f"select count(*) from {each}").fetchall()[0][0] for each in ("ours", "missing", "extra")
    )
    said = f"{rows} rows, {missing} only in the file, {extra} only in the folders"
    if missing != extra:
        return f"{said}{_shown(connection, columns)}"
    counted = ", ".join(f"count(case when {each} then 1 end)" for each in _apart(columns))
    apart = connection.execute(f"select {counted} from {_side_by_side(columns)}").fetchall()[0]
    differing = [f"{name} {number}" for name, number in zip(columns, apart, strict=True) if number]
    return f"{said}; differing: {', '.join(differing)}{_shown(connection, columns)}" if differing else ""


def _of_type(name: str, kind: str, same: Mapping[str, str]) -> str:
    """SQL: a column of the folders, with the type and the words of the file."""
    column = quote_identifier(name)
    value = f"cast({column} as {kind})"
    if kind == "VARCHAR":
        words = " ".join(f"when {quote_literal(one)} then {quote_literal(other)}" for one, other in same.items())
        value = f"case {value} {words} else {value} end" if words else value
    return f"{value} as {column}"


def _shown(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, str]) -> str:
    """Some rows of each side, a line each."""
    order = ", ".join(map(quote_identifier, columns))
    return "".join(
        f"\n  {side}: {row}"
        for side in ("missing", "extra")
        for row in connection.execute(f"from {side} order by {order} limit {SHOWN}").fetchall()
    )


def _apart(columns: Mapping[str, str]) -> list[str]:
    """For each column a condition: its values, side by side, differ."""
    conditions = []
    for column, kind in columns.items():
        one, other = f"missing.{quote_identifier(column)}", f"extra.{quote_identifier(column)}"
        apart = f"{one} is distinct from {other}"
        if kind in FLOATS:
            apart = f"({apart} and coalesce(abs({one} - {other}) > {CLOSE} * greatest(1, abs({one})), true))"
        conditions.append(apart)
    return conditions


def _side_by_side(columns: Mapping[str, str]) -> str:
    """The rows that are only in one of the two, those that are alike beside each other."""
    floats = [name for name, kind in columns.items() if kind in FLOATS]
    order = ", ".join(map(quote_identifier, [*(name for name in columns if name not in floats), *floats]))
    one, other = (
        f"(select row_number() over (order by {order}) as _number, * from {side}) as {side}"
        for side in ("missing", "extra")
    )
    return f"{one} inner join {other} using (_number)"
