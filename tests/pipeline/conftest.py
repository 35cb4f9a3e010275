"""A source that reads a PostgreSQL database."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings import Settings
from tests.support.postgres import Server


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
