"""A PostgreSQL source that cannot be loaded: what is said."""

import datetime as dt
import json
import logging

import pytest

from pipeline.landing import land_source, land_table
from pipeline.landing.readers.databases.faults import UnavailableError
from pipeline.landing.receipts import read_receipts
from tests.support.builds.loads import day, said
from tests.support.programs.postgres import ORDERS, PASSWORD


def test_a_connection_that_is_not_set_is_named(shop_of, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_SHOP_DB", raising=False)
    settings = shop_of(orders=ORDERS)
    message = said(land_source, settings, "shop", day(9))
    for word in ("'shop'", "'shop_db'", "not set", "AIRFLOW_CONN_SHOP_DB"):
        assert word in message


def test_wrong_credentials_are_named_and_not_shown(postgres, database, shop_of, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", postgres.uri(database, password="s3cr3t"))
    message = said(land_source, shop_of(orders=ORDERS), "shop", day(9))
    for word in ("127.0.0.1", "/shop", "refused the login", "'loader'", "Correct user and password"):
        assert word in message
    assert "s3cr3t" not in message


def test_an_unreachable_host_is_named_and_may_be_tried_again(shop_of, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", "postgresql://loader:s3cr3t@127.0.0.1:1/shop")
    with pytest.raises(UnavailableError) as error:
        land_source(shop_of(orders=ORDERS), "shop", day(9))
    for word in ("postgresql://127.0.0.1:1/shop", "cannot be reached", "Connection refused", "host and port"):
        assert word in str(error.value)
    assert "s3cr3t" not in str(error.value)


def test_a_broken_address_is_not_shown(shop_of, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", "postgresql://loader:s3cr3t@127.0.0.1:port/shop")
    message = said(land_source, shop_of(orders=ORDERS), "shop", day(9))
    assert "is not an address" in message
    assert "s3cr3t" not in message


def test_the_connection_may_be_airflows_json(postgres, orders, database, shop_of, monkeypatch):
    login = {"conn_type": "postgres", "login": "loader", "password": PASSWORD, "host": "127.0.0.1", "schema": database}
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", json.dumps({**login, "port": postgres.port}))
    orders("insert into orders values (1, 10, '2024-01-05')")
    assert land_source(shop_of(orders=ORDERS), "shop", day(9))["orders"]["received"] == 1


def test_a_missing_table_is_named_and_the_others_land(orders, shop_of):
    orders("insert into orders values (1, 10, '2024-01-05')")
    settings = shop_of(orders=ORDERS, sales={**ORDERS, "query_table": "sales"})
    message = said(land_source, settings, "shop", day(9))
    for word in ("shop.sales", "no table 'sales'", "It has: orders", "`query_table`", "dags/sources/shop.yml"):
        assert word in message
    assert len(read_receipts(settings, "shop", "orders")) == 1


def test_a_table_that_may_not_be_read_is_named(orders, database, shop_of):
    orders("revoke select on orders from loader")
    message = said(land_source, shop_of(orders=ORDERS), "shop", day(9))
    for word in ("shop.orders", "'loader'", "permission denied", "right to select"):
        assert word in message


def test_a_missing_column_is_named(orders, shop_of):
    message = said(land_source, shop_of(orders={**ORDERS, "columns": ["id", "updated_at", "price"]}), "shop", day(9))
    for word in ("shop.orders", "'price'", "It has: id, amount, updated_at", "dags/sources/shop.yml"):
        assert word in message


def test_a_cursor_that_is_not_a_time_is_named(orders, shop_of):
    message = said(land_source, shop_of(orders={**ORDERS, "cursor": "amount"}), "shop", day(9))
    for word in ("shop.orders", "'amount'", "numeric(12,2)", "timestamp", "`load: snapshot`"):
        assert word in message


def test_an_interval_that_ends_before_it_begins_is_named(orders, shop_of):
    settings = shop_of(orders=ORDERS)
    message = said(land_table, settings, "shop", "orders", interval_start=day(9), interval_end=day(8), force=True)
    for word in ("'shop'", "2024-01-08T00:00:00Z", "before it begins", "2024-01-09T00:00:00Z"):
        assert word in message
    early = said(
        land_source, settings, "shop", day(9), interval_start=dt.datetime(2023, 5, 1, tzinfo=dt.UTC), force=True
    )
    assert "`first_interval_start`" in early


def test_a_full_disk_is_named(orders, shop_of, monkeypatch):
    orders("insert into orders values (1, 10, '2024-01-05')")
    settings = shop_of(orders=ORDERS)

    def on_the_full_disk(folder):
        (folder / f".tmp-{__import__('os').getpid()}.parquet").symlink_to("/dev/full")

    monkeypatch.setattr("pipeline.landing.land.remove_leftovers", on_the_full_disk)
    message = said(land_source, settings, "shop", day(9))
    for word in (f"The disk of {settings.home} is full", "Nothing of the load has landed"):
        assert word in message
    assert read_receipts(settings, "shop", "orders") == []


def test_the_password_is_in_no_file_and_no_log(postgres, orders, shop_of, caplog):
    orders("insert into orders values (1, 10, '2024-01-05')")
    settings = shop_of(orders=ORDERS)
    with caplog.at_level(logging.DEBUG):
        land_source(settings, "shop", day(9))
    kept = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file())
    for secret in (PASSWORD, "p%40ss%3Aword"):
        assert secret.encode() not in kept
        assert secret not in caplog.text
