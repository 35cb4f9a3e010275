"""Loads that are killed at any moment: the next one completes, and no row is lost or doubled."""

import datetime as dt
import random
import shutil
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgresql
import duckdb
import pyarrow as pa
import pytest
import yaml

from pipeline.base.settings import ROOT, Settings, load_settings
from pipeline.landing.receipts import read_receipts
from tests.support.programs.forked import fork_server
from tests.support.programs.postgres import SHOP, Server

pytestmark = pytest.mark.slow
KILLS = 50
SEED = 20240531
ROWS_A_DAY = 20_000
FIRST = dt.date(2024, 1, 2)
IMPORTS = """
import adbc_driver_postgresql.dbapi
import datetime as dt
from pipeline.base.settings import load_settings
from pipeline.landing import land_source
"""
LAND = """
from __main__ import *
land_source(load_settings(), "shop", dt.datetime.fromisoformat("{end}T00:00:00+00:00"))
"""
SOURCE = {
    **SHOP,
    "first_interval_start": "2024-01-01",
    "tables": {
        "orders": {
            "query_table": "orders",
            "load": "upsert",
            "key": ["id"],
            "cursor": "updated_at",
            "look_back_hours": 0,
            "key_scan_days": 3,
            "personal": ["note"],
        },
        "people": {"query_table": "people", "load": "snapshot", "key": ["id"], "personal": ["email"]},
    },
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the code that knows the shop."""
    folder = tmp_path / "project"
    for room in ("pipeline", "dbt_project"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
    (folder / "dags" / "sources").mkdir(parents=True)
    (folder / "dags" / "sources" / "shop.yml").write_text(yaml.safe_dump(SOURCE), encoding="utf-8")
    return folder


def fill(postgres: Server, day: int) -> None:
    """A day of the shop: new orders, some changed, some deleted; people who move, leave and come."""
    moment = f"'2024-01-01'::timestamptz + interval '{day} days'"
    first = day * ROWS_A_DAY
    postgres.run(
        f"insert into orders select n, n, repeat(n::text, 5), {moment} + n % 80000 * interval '1 second'"
        f" from generate_series({first}, {first + ROWS_A_DAY - 1}) as n",
        f"update orders set amount = amount + 1, updated_at = {moment} where id % 97 = {day} and id < {first}",
        f"delete from orders where id % 1009 = {day}",
        "insert into people select n, 'city ' || n, n || '@example.org'"
        f" from generate_series({first}, {first + 999}) as n",
        f"update people set email = {day} || email where id % 7 = {day % 7}",
        f"delete from people where id % 101 = {day}",
        database="shop",
    )


def state(settings: Settings, table: str, columns: str) -> str:
    """SQL of what a table is, folded from all that has landed."""
    receipts = read_receipts(settings, "shop", table)
    main = [str(settings.home / receipt["file"]) for receipt in receipts]
    siblings = [str(settings.home / receipt["personal"]) for receipt in receipts]
    return f"""
        select {columns} from read_parquet({main}, filename = true) as main
        inner join read_parquet({siblings}, filename = true) as sibling
            on main._position = sibling._position
            and replace(main.filename, '.parquet', '.personal.parquet') = sibling.filename
        qualify row_number() over (
            partition by id order by split_part(_interval, '_', 2) desc, _generation desc, main._position desc) = 1
            and _op <> 'delete'
    """


def test_fifty_kills_lose_and_double_nothing(postgres: Server, project: Path, tmp_path: Path) -> None:
    address = postgres.new_database("shop")
    postgres.run(
        "create table orders (id bigint primary key, amount numeric(12, 2), note text, updated_at timestamptz)",
        "create table people (id bigint primary key, city text, email text)",
        database="shop",
    )
    home = tmp_path / "home"
    env = {"AIRFLOW_CONN_SHOP_DB": address, "CRM_HOME": str(home), "CRM_SOURCES": "shop", "PYTHONPATH": str(project)}
    settings = load_settings({"CRM_HOME": str(home), "CRM_SOURCES": "*"})

    moments = random.Random(SEED)
    seconds, killed, day = 1.0, 0, 0
    with fork_server(IMPORTS, project, tmp_path / "log", env) as server:
        while killed < KILLS or not read_receipts(settings, "shop", "orders")[-1]["is_scanned"]:
            fill(postgres, day)
            land = LAND.format(end=FIRST + dt.timedelta(days=day))
            for _ in range(10 if day and killed < KILLS else 0):
                killed += server.start(land).kill(moments.uniform(0, seconds))
            seconds = server.start(land).finish()
            day += 1

    for table, columns in (("orders", "id, amount, note"), ("people", "id, city, email")):
        landed = duckdb.sql(state(settings, table, columns))
        truth = postgres_table(postgres, f"select {columns.replace('amount', 'amount::text as amount')} from {table}")
        expected = duckdb.sql(f"select {columns.replace('amount', 'amount::decimal(12, 2)')} from truth")
        assert truth.num_rows > ROWS_A_DAY // 100
        assert landed.count("*").fetchall() == expected.count("*").fetchall()
        assert landed.except_(expected).fetchall() == []
        assert expected.except_(landed).fetchall() == []
        assert len(read_receipts(settings, "shop", table)) == day  # one load an interval, however often it was begun
    leftovers = [path.name for path in settings.landing.rglob("*") if path.name.startswith(".tmp-")]
    assert leftovers == []


def postgres_table(postgres: Server, query: str) -> pa.Table:
    uri = postgres.socket_uri.replace("/postgres?", "/shop?")
    with postgresql.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetch_arrow_table()
