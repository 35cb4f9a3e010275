"""Databases read through connectorx; PostgreSQL stands for those that no test can start from a wheel."""

import datetime as dt
from functools import partial
from typing import Any

import duckdb
import pytest

from pipeline.base.errors import UserError
from pipeline.landing import land_source
from pipeline.landing.receipts import Receipt

ORDERS = {"query_table": "orders", "load": "upsert", "key": ["id"], "cursor": "updated_at", "look_back_hours": 0}
PEOPLE = {"query_table": 'pe"op;le', "load": "snapshot", "key": ["id"], "personal": ["email"]}


@pytest.fixture
def shop(postgres, database, define_source, make_settings):
    """The settings of a shop of kind sql, and what runs SQL in it."""
    define_source(
        "shop",
        kind="sql",
        location=None,
        connection="shop_db",
        schedule="0 0 * * *",
        time_zone="UTC",
        tables={"orders": {**ORDERS, "key_scan_days": 1}, "people": PEOPLE},
    )
    run = partial(postgres.run, database=database)
    run(
        "create table orders (id bigint primary key, amount numeric(38, 10), note text, updated_at timestamptz)",
        'create table "pe""op;le" (id int primary key, email text, "sel""ect" text)',
        f"alter database {database} set timezone to 'Asia/Kolkata'",
    )
    return make_settings(CRM_SOURCES="shop"), run


def rows(settings, receipt: Receipt | str, columns: str) -> list[tuple[Any, ...]]:
    assert not isinstance(receipt, str)
    return duckdb.sql(f"select {columns} from '{settings.home / receipt['file']}' order by _position").fetchall()


def test_rows_of_the_interval_arrive_and_gone_ones_are_deleted(shop) -> None:
    settings, run = shop
    text = "a \"quoted\" ;'text'\nof two lines, 中文, 🎉"
    run(
        f"insert into orders values (1, 1234567890123456789012345678.0123456789, $q${text}$q$, '2024-01-01 23:59:59Z'),"
        " (2, null, '', '2024-01-02 00:00:00.5Z')",
        """insert into "pe""op;le" values (1, 'ana@example.org', 'x'), (2, 'ben@example.org', 'y')""",
    )
    first = land_source(settings, "shop", dt.datetime(2024, 1, 2, tzinfo=dt.UTC))
    moment = "epoch_us(updated_at)"
    assert rows(settings, first["orders"], f"id, amount, note, {moment}") == [
        (1, "1234567890123456789012345678.0123456789", text, 1_704_153_599_000_000)
    ]
    assert rows(settings, first["people"], "* exclude (_interval, _generation, _op, _position)") == [(1, "x"), (2, "y")]

    run("delete from orders where id = 1", """update "pe""op;le" set email = 'new' where id = 2""")
    second = land_source(settings, "shop", dt.datetime(2024, 1, 3, tzinfo=dt.UTC))
    assert rows(settings, second["orders"], f"id, note, {moment}, _op") == [
        (2, "", 1_704_153_600_500_000, "upsert"),
        (1, text, 1_704_153_599_000_000, "delete"),
    ]
    assert rows(settings, second["people"], "id, _op") == [(2, "upsert")]


def test_a_cursor_that_is_not_a_time_is_named(shop) -> None:
    settings, run = shop
    run("alter table orders alter updated_at type text")
    with pytest.raises(UserError, match="cursor column 'updated_at' is of type text"):
        land_source(settings, "shop", dt.datetime(2024, 1, 2, tzinfo=dt.UTC))


def test_another_scheme_is_refused(shop, monkeypatch) -> None:
    settings, _ = shop
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", "bigquery://loader:secret@example.org/shop")
    with pytest.raises(UserError, match="kind sql reads mssql, mysql, oracle, postgresql, redshift") as error:
        land_source(settings, "shop", dt.datetime(2024, 1, 2, tzinfo=dt.UTC))
    assert "secret" not in str(error.value)
