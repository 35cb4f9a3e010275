"""SQLite files: types, order, views, and what is said when they cannot be read."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.base.errors import UserError
from pipeline.landing.readers import Request, opened
from pipeline.landing.readers.databases.sqlite import SQLite
from pipeline.sources.definitions import load_source


def read(path: Path, **table):
    """Rows and rejects of a table of a file."""
    source = load_source("demo_shop")
    definition = {"query_table": "orders", "key": "position", "load": "snapshot", **table}
    request = Request(source, "orders", type(source.tables["orders"]).model_validate(definition), [])
    with SQLite(path, source.name).connection() as connection, opened(request, path.parent, connection) as (_, rows):
        assert rows.stream is not None
        batches = pa.Table.from_batches(rows.stream.batches, rows.stream.schema)
        return [tuple(row.values()) for row in batches.to_pylist()], rows.rejects.to_pylist()


def said(path: Path, **table) -> str:
    with pytest.raises(UserError) as error:
        read(path, **table)
    return str(error.value)


@pytest.fixture
def database(tmp_path):
    def make(*statements: str) -> Path:
        path = tmp_path / "shop.db"
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        return path

    return make


def test_sqlite_types_and_exact_decimals(database):
    path = database(
        "create table orders (id integer, price decimal(10,2), note text, weight real, at datetime, raw blob)",
        "insert into orders values (2, '19.10', 'ü', 1.5, '2024-01-02', x'00ff'), (1, 0.1, null, 2, null, null)",
    )
    rows, rejects = read(path, key=["id"])
    assert rows == [(1, "0.1", None, 2.0, None, None), (2, "19.1", "ü", 1.5, "2024-01-02", b"\x00\xff")]
    assert rejects == []


def test_sqlite_without_key_keeps_the_order_of_rows(database):
    path = database("create table orders (id int)", "insert into orders values (3), (1), (2)")
    assert read(path)[0] == [(3,), (1,), (2,)]


def test_sqlite_reads_views(database):
    path = database(
        "create table t (id int)",
        "insert into t values (2), (1)",
        "create view orders as select id from t where id > 0",
    )
    assert read(path)[0] == [(1,), (2,)]


def test_a_value_that_is_not_of_the_declared_type_is_an_unreadable_row(database):
    path = database("create table orders (id int, n int)", "insert into orders values (1, 5), (2, 'many'), (3, 7)")
    rows, rejects = read(path)
    assert rows == [(1, 5), (3, 7)]
    assert [(reject["line"], reject["error"]) for reject in rejects] == [
        (2, "column 'n' is declared int64 and holds a value of type str")
    ]


def test_sqlite_names_the_missing_table_and_column(database):
    path = database("create table sales (id int)", "create table returns (id int)")
    message = said(path)
    for word in ("shop.db", "no table 'orders'", "returns, sales", "`query_table`"):
        assert word in message
    message = said(path, query_table="sales", columns=["price"])
    for word in ("'sales' of shop.db", "'price'", "It has: id"):
        assert word in message


def test_what_is_not_a_sqlite_file_is_named(tmp_path):
    path = tmp_path / "shop.db"
    path.write_text("id,price\n" * 100, encoding="utf-8")
    message = said(path)
    for word in (str(path), "SQLite", "`location`"):
        assert word in message


def test_sqlite_text_in_another_encoding(database):
    path = database("create table orders (name text)", "insert into orders values (cast(x'4afc' as text))")
    message = said(path)
    for word in ("shop.db", "'orders'", "`encoding:`"):
        assert word in message
    assert read(path, encoding="latin-1")[0] == [("Jü",)]
