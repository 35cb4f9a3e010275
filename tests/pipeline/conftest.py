"""Sources: one that reads a PostgreSQL database, one of a file."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.settings import Settings
from tests.support.builds.loads import TWO_SALES
from tests.support.programs.postgres import Server


@pytest.fixture
def database(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of an empty database, whose address is in the environment as the connection `shop_db`."""
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", postgres.new_database("shop"))
    return "shop"


@pytest.fixture
def shop_of(define_source: Callable[..., Path], make_settings: Callable[..., Settings]) -> Callable[..., Settings]:
    """Define the source `shop` with tables of the database, and return its settings."""

    def define(schedule: str = "0 0 * * *", connections: int = 4, **tables: dict[str, Any]) -> Settings:
        define_source(
            "shop",
            kind="postgresql",
            location=None,
            connection="shop_db",
            schedule=schedule,
            time_zone="UTC",
            max_connections=connections,
            tables=tables,
        )
        return make_settings(CRM_SOURCES="shop")

    return define


@pytest.fixture
def orders(postgres: Server, database: str) -> Callable[..., None]:
    """Make a table of orders, and return what runs SQL in its database."""
    run = partial(postgres.run, database=database)
    run("create table orders (id bigint primary key, amount numeric(12, 2), updated_at timestamptz)")
    return run


@pytest.fixture
def shop(define_source: Callable[..., Path], make_settings: Callable[..., Settings]) -> tuple[Path, Settings]:
    """A source with one file of two sales: its folder, and its settings."""
    folder = define_source("shop", hint="ask the shop for its export")
    (folder / "sales.csv").write_text(TWO_SALES.replace("07 23:30", "07 22:30"), encoding="utf-8")
    return folder, make_settings(CRM_SOURCES="shop")
