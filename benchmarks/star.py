"""The star at size: a full build beside its own SQL in one DuckDB session, a day's build, and features of one date.

A company of 1 million customers, 10 million orders and 30 million lines; the day after touches 0.1 % of
each: half of it is new, half comes again with other content. `CRM_BENCH_CUSTOMERS` makes it smaller.
"""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import dashboards
from benchmarks.rows import at_most
from tests.support.builds.project import make_project, run_in

CUSTOMERS = int(os.environ.get("CRM_BENCH_CUSTOMERS", "1000000"))
DAILY_SHARE = 1000
MEMORY_MB = 8_192
CORE = "staging,intermediate,core"
SOURCE = """\
description: A large shop that sends a file of each table a day.
kind: files
location: ${SHOP}
schedule: "0 0 * * *"
currency: EUR
time_zone: UTC
history: complete
first_interval_start: 2022-01-01
tables:
"""
TABLE = "  {name}: {{file: '{name}*.parquet', format: parquet, load: append, volume: null, {options}}}\n"
TABLES = {
    "customers": "key: [id], cursor: changed_at, event_time: created_at",
    "products": "key: [sku]",
    "orders": "key: [id], cursor: changed_at, event_time: placed_at",
    "order_lines": "key: [order_id, line]",
    "returns": "key: [id], event_time: returned_at",
}
# Rows numbered from {first} to {last}, as they are on a day.
ROWS = {
    "customers": """
select
    n as id, 'customer' || n || '@example.org' as email, 'street ' || (n + {day_number}) as street,
    'city ' || n % 500 as city, 'DE' as country,
    timestamp '2022-01-01' + to_seconds((n * 7919) % {seconds}) as created_at, {day} as changed_at
from range({first}, {last}) as rows(n)""",
    "products": """
select
    'sku' || n as sku, 'product ' || n as name, 'category ' || n % 40 as category,
    ((n * 37) % 5000 / 100.0 + 1)::decimal(18, 2) as price, ((n * 37) % 5000 / 200.0)::decimal(18, 2) as cost
from range({first}, {last}) as rows(n)""",
    "orders": """
select
    n as id, hash(n) % {customers} as customer_id, ['web', 'shop', 'app'][1 + n % 3] as channel, 'sent' as status,
    case when n % 7 = 0 then 4.90 end::decimal(18, 2) as shipping,
    case when n % 11 = 0 then 1.50 end::decimal(18, 2) as discount,
    {placed} as placed_at, {day} as changed_at
from range({first}, {last}) as rows(n)""",
    "order_lines": """
select
    n as order_id, line, 'sku' || hash(n * 10 + line) % {products} as sku, 1 + (n + line) % 3 as quantity,
    ((n * 7 + line * 13) % 10000 / 100.0 + {day_number})::decimal(18, 2) as amount
from range({first}, {last}) as rows(n), unnest(range(1, 2 + n % {different})) as lines(line)""",
    "returns": """
select
    n as id, n * 25 as order_id, 1 as line, ((n * 175 + 13) % 10000 / 100.0)::decimal(18, 2) as amount,
    {returned} as returned_at
from range({first}, {last}) as rows(n)""",
}
COLUMNS = {
    "customers": {
        "source_customer_id": "id", "email": "email", "street": "street", "postcode": "city", "city": "city",
        "country": "country", "created_at": "created_at",
    },
    "products": {
        "product_id": "sku", "product_name": "name", "category": "category", "list_price": "price", "unit_cost": "cost"
    },
    "orders": {
        "order_id": "id", "source_customer_id": "customer_id", "channel": "channel", "status": "status",
        "shipping_amount": "shipping", "discount_amount": "discount", "ordered_at": "placed_at",
    },
    "order_lines": {
        "order_id": "order_id", "line_number": "line", "product_id": "sku", "quantity": "quantity",
        "net_amount": "amount",
    },
    "returns": {
        "return_id": "id", "order_id": "order_id", "line_number": "line", "refund_amount": "amount",
        "returned_at": "returned_at",
    },
}  # fmt: skip
# One process for the layers, without their tests: prints the seconds of each model.
BUILD = """
import datetime as dt, json, os, resource, sys, time
from dbt.cli.main import dbtRunner
from pipeline.build import dbt
from pipeline.build import increment
from pipeline.build.plan import make_plan
from pipeline.base.settings import DBT_PROJECT, load_settings
settings = load_settings()
plan = make_plan(settings)
folder = settings.home / "dbt"
layers = sys.argv[1].split(",")
variables = dbt.build_variables(settings, plan)
if "core" in layers:
    variables = increment.begin(settings, plan, variables)
options, environment = dbt.given(settings.build, variables)
os.environ.update(environment)
began, at = time.perf_counter(), dt.datetime.now(dt.UTC).replace(tzinfo=None)
done = dbtRunner().invoke([
    "--quiet", "build", "--resource-type", "model", "--resource-type", "seed", *sys.argv[2:],
    "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT),
    "--target-path", str(folder), "--log-path", str(folder), *options,
    "--select", *(path for layer in layers for path in dbt.selectors(settings, layer)),
])
assert done.success, done.exception or [(r.node.name, r.message) for r in done.result if r.status == "error"]
if "core" in layers:
    increment.complete(settings, plan, variables)
ended = time.perf_counter()
started = min(t.started_at for r in done.result.results for t in r.timing if t.name == "execute")
def statement(node):
    if node.resource_type == "seed":
        return f"from read_csv('{DBT_PROJECT / node.original_file_path}', header = true)"
    return node.compiled_code
print(json.dumps({
    "models": [
        [r.node.schema, r.node.name, r.node.config.materialized, statement(r.node), r.execution_time]
        for r in done.result.results
    ],
    "seconds": ended - began - (started - at).total_seconds(),
    "startup": (started - at).total_seconds(),
    "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""
# The same statements in one DuckDB session, in the order in which dbt has run them, with as much memory.
PLAIN = """
import json, sys, time
import duckdb
from pipeline.base.settings import load_settings
models = json.load(open(sys.argv[1]))
with duckdb.connect(sys.argv[2]) as connection:
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"set memory_limit = '{load_settings().memory_gb}GB'")
    began = time.perf_counter()
    for schema, name, kind, sql, _ in models:
        connection.execute(f"create schema if not exists {schema}")
        what = "view" if kind == "view" else "table"
        connection.execute(f'create or replace {what} {schema}."{name}" as {sql}')
    print(time.perf_counter() - began)
"""
LAND = """
import datetime as dt, sys
from pipeline.landing import land_source
from pipeline.base.settings import load_settings
land_source(load_settings(), "shop", dt.datetime.fromisoformat(sys.argv[1]))
"""


@dataclass(frozen=True)
class Shop:
    """The copy of the project, the folder of files, the home of the warehouse, and how many rows there are.

    An order has as many `lines` on average: one at least, and at most one less than twice as many.
    """

    folder: Path
    project: Path
    customers: int
    orders: int = 10
    lines: int = 3

    def count(self, table: str) -> int:
        """Rows of a table's first file; of lines, the orders they belong to."""
        orders = self.orders
        each = {"customers": 1, "products": 0.01, "orders": orders, "order_lines": orders, "returns": orders / 25}
        return int(each[table] * self.customers)

    def run(self, program: str, *arguments: str) -> str:
        """Run Python in the project."""
        home, files = self.folder / "home", self.folder / "files"
        return run_in(self.project, program, *arguments, CRM_HOME=home, SHOP=files, CRM_SOURCES="shop")

    def land(self, day: int) -> None:
        """Write the files of a day and land them; day 0 has all earlier rows."""
        (self.folder / "files").mkdir(exist_ok=True)
        for table in TABLES:
            for number, (first, last) in enumerate(self._ranges(table, day)):
                self._write(table, day, number, first, last)
        self.run(LAND, f"2025-01-{1 + day:02}T00:00:00+00:00")

    def _ranges(self, table: str, day: int) -> list[tuple[int, int]]:
        """Return all rows for day 0; later, the new rows and as many that are delivered again."""
        count = self.count(table)
        if day == 0:
            return [(0, count)]
        step = max(1, count // DAILY_SHARE // 2)
        new = (count + step * (day - 1), count + step * day)
        again = (step * day * 3, step * day * 4)
        return [new] if table == "returns" else [new, again]

    def _write(self, table: str, day: int, number: int, first: int, last: int) -> None:
        values = {
            "first": first,
            "last": last,
            "customers": self.customers,
            "different": 2 * self.lines - 1,
            "products": self.count("products"),
            "seconds": 1096 * 86_400,
            "day": f"timestamp '2025-01-01' + interval '{day} days' - interval '12 hours'",
            "day_number": day,
            "placed": _moment(self.count("orders"), day),
            "returned": _moment(self.count("returns"), day),
        }
        target = self.folder / "files" / f"{table}-{day}-{number}.parquet"
        duckdb.sql(f"copy ({ROWS[table].format(**values)}) to '{target}' (format parquet)")


def _moment(count: int, day: int) -> str:
    """When row n happened: the first ones spread over three years, new ones on their day."""
    spread = f"timestamp '2022-01-01' + to_seconds((n * 104729) % {1096 * 86_400})"
    return f"case when n < {count} then {spread} else timestamp '2024-12-31 09:00' + interval '{day} days' end"


def make_shop(folder: Path, customers: int, orders: int = 10, lines: int = 3) -> Shop:
    """Copy the project and add the shop; a customer has `orders`, and an order `lines` on average."""
    definition = SOURCE + "".join(TABLE.format(name=name, options=options) for name, options in TABLES.items())
    staging = {
        entity: f"with rows as (select * from {{{{ landed('{entity}') }}}})\n"
        f"{{{{ stage('{entity}', 'rows', columns={json.dumps({**columns})}) }}}}\n"
        for entity, columns in COLUMNS.items()
    }
    return Shop(folder, make_project(folder, "shop", definition, staging), customers, orders, lines)


def build(shop: Shop, layers: str, *options: str) -> dict[str, Any]:
    """Build layers; return the seconds of the models, of all, and the peak of the memory."""
    done: dict[str, Any] = json.loads(shop.run(BUILD, layers, *options).splitlines()[-1])
    return done


def plain(shop: Shop, built: dict[str, Any], database: Path) -> float:
    """Seconds of a build's statements in one DuckDB session on `database`."""
    statements = shop.folder / "statements.json"
    statements.write_text(json.dumps(built["models"]), encoding="utf-8")
    return float(shop.run(PLAIN, str(statements), str(database)).splitlines()[-1])


def run() -> list[dict[str, Any]]:
    """Build everything, then a day, then features of one date; each beside its own SQL."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
        shop = make_shop(Path(folder), CUSTOMERS)
        shop.land(0)
        full = build(shop, CORE)
        (Path(folder) / "plain").mkdir()
        bare = plain(shop, full, Path(folder) / "plain" / "warehouse.duckdb")
        shop.land(1)
        day = build(shop, CORE)
        features = build(shop, "features")
        bare_features = plain(shop, features, Path(folder) / "home" / "warehouse.duckdb")
        queries = dashboards.measure(Path(folder) / "home" / "warehouse.duckdb", Path(folder))
    size = f"{CUSTOMERS:,} customers"
    return [
        at_most(1.5, "star.full_build", full["seconds"] / bare, "times plain SQL", f"{size}: {_said(full, bare)}"),
        at_most(MEMORY_MB, "star.full_build_memory", full["megabytes"], "MB", size),
        at_most(
            0.1, "star.daily_build", day["seconds"] / full["seconds"], "of a full build",
            f"{size}: {day['seconds']:.1f} s, start-up {day['startup']:.1f} s aside",
        ),
        at_most(
            1.5, "star.features", features["seconds"] / bare_features, "times plain SQL",
            _said(features, bare_features),
        ),
        *queries,
    ]  # fmt: skip


def _said(built: dict[str, Any], bare: float) -> str:
    return f"{built['seconds']:.1f} s, start-up {built['startup']:.1f} s aside; plain {bare:.1f} s"


if __name__ == "__main__":
    for measure in run():
        print(measure)
