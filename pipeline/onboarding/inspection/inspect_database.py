"""Inspects a database: its tables, their keys, and some of their rows."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import adbc_driver_manager as adbc
import duckdb
import pyarrow as pa

from pipeline.base.duck import connect, quote_identifier
from pipeline.base.errors import UserError
from pipeline.landing.connections import Address, address_of
from pipeline.landing.readers.base import Request
from pipeline.landing.readers.databases.database import Column, Connection, Database
from pipeline.landing.readers.databases.other_sql import OtherSQL
from pipeline.landing.readers.databases.postgresql import PostgreSQL
from pipeline.landing.readers.databases.sqlite import SQLite
from pipeline.landing.readers.rejects import Rejects
from pipeline.onboarding.draft.words import snake
from pipeline.onboarding.inspection.found import Found, Place
from pipeline.sources.schema import Source, Table

ROWS_LOOKED_AT = 200_000
TABLES = """
select namespace.nspname::text, relation.relname::text, relation.reltuples::bigint, coalesce((
    select string_agg(attribute.attname::text, chr(31) order by array_position(index.indkey::int2[], attribute.attnum))
    from pg_catalog.pg_index as index
    inner join pg_catalog.pg_attribute as attribute
        on attribute.attrelid = index.indrelid and attribute.attnum = any(index.indkey::int2[])
    where index.indrelid = relation.oid and index.indisprimary), ''), namespace.nspname = current_schema()
from pg_catalog.pg_class as relation
inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
where
    relation.relkind in ('r', 'p') and not relation.relispartition and namespace.nspname <> 'information_schema'
    and namespace.nspname not like 'pg~_%' escape '~'
    and has_schema_privilege(namespace.oid, 'usage') and has_table_privilege(relation.oid, 'select')
order by 1, 2
"""
# Foreign keys of one column, of tables that are found without their schema.
REFERENCES = """
select relation.relname::text, attribute.attname::text, target.relname::text, target_attribute.attname::text
from pg_catalog.pg_constraint as foreign_key
inner join pg_catalog.pg_class as relation on foreign_key.conrelid = relation.oid
inner join pg_catalog.pg_class as target on foreign_key.confrelid = target.oid
inner join pg_catalog.pg_attribute as attribute
    on attribute.attrelid = relation.oid and attribute.attnum = foreign_key.conkey[1]
inner join pg_catalog.pg_attribute as target_attribute
    on target_attribute.attrelid = target.oid and target_attribute.attnum = foreign_key.confkey[1]
where
    foreign_key.contype = 'f' and array_length(foreign_key.conkey, 1) = 1
    and pg_catalog.pg_table_is_visible(relation.oid) and pg_catalog.pg_table_is_visible(target.oid)
order by 1, 2
"""
FOREIGN_KEYS = 'select "from", "table", "to" from pragma_foreign_key_list(?)'
LIMITS = {
    "mssql": "select top ({rows}) {columns} from {table}",
    "oracle": "select {columns} from {table} fetch first {rows} rows only",
}
LIMIT = "select {columns} from {table} limit {rows}"

# schema (None: the one that the server takes by itself), name, key, rows
Listed = tuple[str | None, str, list[str], int | None]
# table: column, and the table and column that it refers to
References = dict[str, dict[str, tuple[str, str]]]


def inspect_server(name: str, login: str, env: Mapping[str, str]) -> Place:
    """Inspect the database of a server.

    Parameters
    ----------
    name
        Name of the source.
    login
        Id of the Airflow connection.
    env
        Where its address is looked up.

    Raises
    ------
    UserError
        It cannot be reached, or has no tables; the message has no password.
    """
    address = address_of(_stand_in(name, login), env)
    duck = connect()
    try:
        database = _open(address)
        with closing(database), database.connection() as connection:
            tables = _tables(duck, connection, _listed(connection, address), name, address.scheme)
            tables = _with_references(tables, _references(connection, address))
    except (adbc.Error, pa.ArrowException, duckdb.Error, OSError) as error:
        said = " ".join(address.without_secrets(str(error)).split())
        raise UserError(f"{address.label} could not answer ({said}). Nothing was written.") from None
    if not tables:
        raise UserError(f"{address.label} has no table that '{address.user}' may read: ask for the right.")
    kind = "postgresql" if address.scheme == "postgresql" else "sql"
    return Place(kind, duck, tables, login=login)


def _open(address: Address) -> Database:
    return PostgreSQL(address, 1) if address.scheme == "postgresql" else OtherSQL(address)


def _stand_in(name: str, login: str = "any") -> Source:
    """A definition for what asks for one, before there is one."""
    return Source(
        name=name,
        description="",
        kind="postgresql",
        connection=login,
        schedule="0 0 * * *",
        currency="EUR",
        time_zone="UTC",
        history="extract",
        first_interval_start=date(2000, 1, 1),
        tables={"any": Table(query_table="any", key="position", load="snapshot")},
    )


def inspect_sqlite(path: Path, location: str) -> Place:
    """Inspect a SQLite file."""
    query = "select name from sqlite_master where type = 'table' and name not like 'sqlite~_%' escape '~' order by 1"
    keys = "select name from pragma_table_info(?) where pk > 0 order by pk"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            names = [name for (name,) in file.execute(query)]
            listed: list[Listed] = [
                (
                    None,
                    name,
                    [key for (key,) in file.execute(keys, (name,))],
                    file.execute(f"select count(*) from {quote_identifier(name)}").fetchone()[0],
                )
                for name in names
            ]
            references = {
                name: {column: (to, key or "") for column, to, key in file.execute(FOREIGN_KEYS, (name,))}
                for name in names
            }
    except sqlite3.DatabaseError as error:
        raise UserError(f"FILE: {path} cannot be read as a SQLite database ({error}). Copy it again.") from error
    if not listed:
        raise UserError(f"FILE: {path} has no tables.")
    duck = connect()
    with SQLite(path, path.stem).connection() as connection:
        tables = _tables(duck, connection, listed, path.stem, "sqlite")
    return Place("sqlite", duck, _with_references(tables, references), location)


def _with_references(tables: Sequence[Found], references: References) -> list[Found]:
    """Give tables the foreign keys that their database declares."""
    called = {str(table.options["query_table"]): table.name for table in tables if "query_schema" not in table.options}
    return [replace(table, foreign_keys=_keys_of(table, references, called)) for table in tables]


def _keys_of(table: Found, references: References, called: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    name = str(table.options["query_table"])
    listed = references.get(name, {}) if called.get(name) == table.name else {}
    return {column: (called[to], key) for column, (to, key) in listed.items() if to in called}


def _listed(connection: Connection, address: Address) -> list[Listed]:
    if address.scheme != "postgresql":
        return [(None, name, [], None) for name in connection.tables(None)]
    ask: Callable[[str], Sequence[Any]] = connection.ask  # type: ignore[attr-defined]
    return [
        (None if is_here else schema, name, key.split("\x1f") if key else [], rows if rows >= 0 else None)
        for schema, name, rows, key, is_here in ask(TABLES)
    ]


def _references(connection: Connection, address: Address) -> References:
    if address.scheme != "postgresql":
        return {}
    ask: Callable[[str], Sequence[Any]] = connection.ask  # type: ignore[attr-defined]
    found: References = {}
    for table, column, to, key in ask(REFERENCES):
        found.setdefault(table, {})[column] = (to, key)
    return found


def _tables(
    duck: duckdb.DuckDBPyConnection, connection: Connection, listed: Sequence[Listed], source: str, scheme: str
) -> list[Found]:
    found: list[Found] = []
    for schema, name, key, rows in listed:
        taken = [table.name for table in found]
        called = snake(name) if snake(name) not in taken else snake(f"{schema}_{name}_{len(taken)}")
        found.append(_found(duck, connection, (schema, name, key, rows), called=called, source=source, scheme=scheme))
    return found


def _found(
    duck: duckdb.DuckDBPyConnection, connection: Connection, listed: Listed, *, called: str, source: str, scheme: str
) -> Found:
    schema, name, key, estimate = listed
    columns = connection.columns(name, schema)
    template = LIMITS.get(scheme, LIMIT)
    selected = ", ".join(f"{column.select} as {connection.quote(column.name)}" for column in columns)
    table = connection.name_of(name, schema)
    sql = template.format(columns=selected, table=table, rows=ROWS_LOOKED_AT)
    rows = _read(connection, sql, columns, source, (schema, name))
    relation = quote_identifier(f"found_{called}")
    duck.register("received", rows)
    duck.execute(f"create table {relation} as from received")
    duck.unregister("received")
    is_whole = rows.num_rows < ROWS_LOOKED_AT
    options = {"query_table": name, **({"query_schema": schema} if schema else {})}
    return Found(
        called,
        relation,
        options,
        primary_key=key,
        is_whole=is_whole,
        estimate=rows.num_rows if is_whole else estimate,
        earliest=None if is_whole else _earliest(connection, columns, table, source, (schema, name)),
    )


def _read(
    connection: Connection, sql: str, columns: Sequence[Column], source: str, place: tuple[str | None, str]
) -> pa.Table:
    schema, name = place
    table = Table(query_table=name, query_schema=schema, key=[columns[0].name], load="snapshot")
    request = Request(_stand_in(source), name, table, [])
    stream = connection.query(sql, columns, request, Rejects())
    return pa.Table.from_batches(list(stream.batches), stream.schema)


def _earliest(
    connection: Connection, columns: Sequence[Column], table: str, source: str, place: tuple[str | None, str]
) -> Callable[[str], Any]:
    """Ask for the first value of each time column now: the connection is closed later."""
    times = [column for column in columns if column.time]
    first = {
        column.name: _read(connection, f"select min({column.select}) from {table}", [column], source, place)
        for column in times
    }
    return lambda column: first[column].column(0)[0].as_py() if column in first else None
