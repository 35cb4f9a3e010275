"""A shop with a database that has had twenty orders a day, in a copy of the project that knows it."""

import datetime as dt
import os
from pathlib import Path

import yaml

from tests.support.builds.project import make_project
from tests.support.builds.quick import TABLES_ONLY
from tests.support.programs.airflow_up import free_port
from tests.support.programs.postgres import SHOP, Server

DAYS = 40
TODAY = dt.datetime.now(dt.UTC).date()
SOURCE = {
    **SHOP,
    "first_interval_start": str(TODAY - dt.timedelta(days=DAYS)),
    "tables": {
        "orders": {
            "query_table": "orders",
            "load": "upsert",
            "key": ["id"],
            "cursor": "updated_at",
            "key_scan_days": 0,
            "event_time": "updated_at",
        }
    },
}
ORDERS = """\
{{ stage('orders', landed('orders'), columns={
    'order_id': 'id', 'source_customer_id': 'customer', 'ordered_at': 'updated_at', 'total_amount': 'amount'
}) }}
"""


def night_shop(postgres: Server, folder: Path, **changes: str) -> dict[str, str]:
    """Make the database and the project, with changes to the source's yml; return the settings of its runs."""
    make_project(folder, "shop", yaml.safe_dump({**SOURCE, **changes}), {"orders": ORDERS})
    address = postgres.new_database("shop")
    postgres.run(
        "create table orders (id int primary key, customer int, amount numeric(12, 2), updated_at timestamptz)",
        f"insert into orders select n, n % 97, n % 50 + 1, '{TODAY - dt.timedelta(days=DAYS)}'::timestamptz"
        f" + n * interval '72 minutes' from generate_series(0, {DAYS * 20 - 1}) as n",
        database="shop",
    )
    return {
        **os.environ,
        "AIRFLOW_CONN_SHOP_DB": address,
        "CRM_HOME": str(folder / "home"),
        "CRM_SOURCES": "shop",
        "CRM_AIRFLOW_PORT": str(free_port()),
        "PYTHONPATH": str(folder / "project"),
        **TABLES_ONLY,
    }
