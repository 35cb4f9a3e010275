"""A till and a desk in one street, which know the same people by different records: stories of identity.

It is built once, up to the star, and copied into a release without marts, as far as `perennial identity` reads it.
"""

import csv
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.base.duck import connect
from pipeline.base.settings import Settings, load_settings
from pipeline.serving.releases import (
    CONTACTS,
    DATABASE,
    attach_read_only,
    contact_tables,
    copy_table,
    new_database,
    point_current_at,
    published_tables,
    read_tables,
    releases_folder,
)
from tests.support.builds.project import make_project, run_in
from tests.support.builds.quick import TABLES_ONLY

COLUMNS = (
    *("number", "kind", "given", "family", "name", "email", "phone", "loyalty"),
    *("street", "postcode", "account", "born", "gone", "at"),
)
SOURCE = f"""\
description: A system of a shop.
kind: files
location: ${{SHOP}}/NAME
schedule: none
currency: SGD
time_zone: Asia/Singapore
history: complete
first_interval_start: 2024-03-01
tables:
  people:
    file: people.csv
    format: csv
    load: append
    key: [number]
    event_time: at
    cursor: at
    deleted: gone
    columns: [{", ".join(COLUMNS)}]
"""
SALES = """\
  sales:
    file: sales.csv
    format: csv
    load: append
    key: [receipt]
    event_time: at
    columns: [receipt, customer, at]
"""
PEOPLE = """\
{{ stage('customers', landed('people'), columns={
    'source_customer_id': 'number', 'kind': 'kind', 'given_name': 'given', 'family_name': 'family', 'full_name': 'name',
    'email': 'email', 'phone': 'phone', 'loyalty_id': 'loyalty', 'street': 'street', 'postcode': 'postcode',
    'account_ref': 'account', 'birth_date': 'born', 'created_at': '"at"',
}) }}
"""
ORDERS = """\
{{ stage('orders', landed('sales'), columns={
    'order_id': 'receipt', 'source_customer_id': 'customer', 'total_amount': "'10.00'", 'ordered_at': '"at"',
}) }}
"""
BUILD = """
from pipeline.base.settings import load_settings
from pipeline.build import dbt
from pipeline.build.plan import make_plan
from pipeline.landing import land_source

settings = load_settings()
for source in settings.sources:
    land_source(settings, source)
make_plan(settings)
dbt.run_layers(settings, "staging", "intermediate", "core")
"""
RELEASE = "2024-03-09-neighbours"
BANYAN = {"street": "Banyan Road 7 #02-11", "postcode": "018956"}
ORCHID = {"street": "12 Orchid Lane #05-03", "postcode": "238801"}
HOME = {"street": "Blk 3 Lotus Walk #09-01", "postcode": "560003"}

# `system:number` of each record, what it says, and the day in March 2024 on which it says so.
RECORDS = [
    # Ana has two e-mail addresses, and one loyalty card.
    ("till:ana", 4, {"given": "Ana", "family": "Silva", "email": "ana@old.example", "loyalty": "kr-1042"}),
    ("desk:ana", 5, {"name": "Ana Silva", "email": "ana@new.example", "loyalty": "KR 1042", "phone": "9000 1042"}),
    # Ben and Bob share a telephone, and nothing else.
    ("till:ben", 4, {"given": "Ben", "family": "Tan", "phone": "9123 4567"}),
    ("desk:ben", 5, {"name": "TAN, BEN", "phone": "+65 9123-4567"}),
    ("till:bob", 4, {"given": "Bob", "family": "Koh", "phone": "006591234567"}),
    # Li Wei writes her name in letters at the till, and in characters at the desk.
    ("till:wei", 4, {"given": "Wei", "family": "Li", "phone": "8111 2233"}),
    ("desk:wei", 5, {"name": "李伟", "phone": "8111 2233"}),
    # The twins Mia and Pia live in one flat, and were born on one day.
    ("till:mia", 4, {"given": "Mia", "family": "Nair", "born": "1999-05-06", "phone": "8222 7788", **BANYAN}),
    ("till:pia", 4, {"given": "Pia", "family": "Nair", "born": "1999-05-06", "phone": "8222 7788", **BANYAN}),
    (
        "desk:pia",
        5,
        {"name": "Pia Nair", "born": "1999-05-06", "street": "Banyan Road 7, #02-11", "postcode": "018956"},
    ),
    # Above them lives a family of the same name.
    ("till:ravi", 4, {"given": "Ravi", "family": "Nair", "street": "Banyan Road 7 #03-11", "postcode": "018956"}),
    # Kim buys for Jade Hotels, and at home for herself.
    ("desk:A-1", 4, {"kind": "organisation", "name": "Jade Hotels", "account": "A-1", "email": "office@jade.example"}),
    ("till:kim", 5, {"given": "Kim", "family": "Lee", "account": "a1", "email": "kim@jade.example"}),
    ("till:kim2", 5, {"given": "Kim", "family": "Lee", "email": "kim@home.example"}),
    # Dora has herself deleted, and registers again.
    ("desk:dora", 4, {"given": "Dora", "family": "Chua", "email": "dora@mail.example"}),
    ("desk:dora", 6, {"gone": "yes"}),
    ("desk:dora2", 8, {"given": "Dora", "family": "Chua", "email": "dora@mail.example"}),
    # Mei orders for her son Sam: the parcel's record has his name, and her e-mail address and phone.
    ("till:mei", 4, {"given": "Mei", "family": "Lim", "email": "mei@lim.example", "phone": "8333 4455", **ORCHID}),
    ("desk:sam", 5, {"given": "Sam", "family": "Lim", "email": "mei@lim.example", "phone": "8333 4455", **ORCHID}),
    # Two strangers of one name, at one address without a unit that is asked for.
    ("till:gil", 4, {"given": "Gil", "family": "Ho", "email": "n/a", **HOME}),
]
SOLD = [("1", "ana", 4), ("2", "mei", 5), ("3", "kim", 6), ("4", "kim2", 6)]


@dataclass(frozen=True)
class Neighbours:
    """The built company, and the folder of the definitions of its sources."""

    settings: Settings
    sources: Path

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Query the warehouse."""
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def customer(self, record: str) -> str:
        """Return the customer that a record is."""
        source, number = record.split(":")
        ((found,),) = self.ask(
            "select customer_id from core.customer_source_id"
            f" where source_system = '{source}' and source_customer_id = '{number}'"
        )
        return str(found)

    def records(self, record: str) -> list[str]:
        """Return all records of the customer that a record is."""
        found = self.ask(
            "select source_system || ':' || source_customer_id from core.customer_source_id"
            f" where customer_id = '{self.customer(record)}' order by 1"
        )
        return [str(name) for (name,) in found]

    def of(self, record: str, columns: str, table: str = "core.dim_customer_contact") -> tuple[object, ...]:
        """Return columns of the one row that a table has of the customer that a record is."""
        (row,) = self.ask(f"select {columns} from {table} where customer_id = '{self.customer(record)}'")
        return row


def make_neighbours(folder: Path) -> Neighbours:
    """Deliver the records, build up to the star, and publish what `perennial identity` reads."""
    models = {"customers": PEOPLE, "orders": ORDERS}
    project = make_project(folder, "till", (SOURCE + SALES).replace("NAME", "till"), models)
    (project / "dags" / "sources" / "desk.yml").write_text(SOURCE.replace("NAME", "desk"), encoding="utf-8")
    staging = project / "dbt_project" / "models" / "staging" / "desk"
    staging.mkdir()
    (staging / "stg_desk__customers.sql").write_text(PEOPLE, encoding="utf-8")
    for system in ("till", "desk"):
        rows = [
            {**said, "number": record.partition(":")[2], "at": f"2024-03-{day:02} 12:00:00"}
            for record, day, said in RECORDS
            if record.startswith(f"{system}:")
        ]
        _write(folder / "shop" / system / "people.csv", COLUMNS, rows)
    sold = [{"receipt": receipt, "customer": who, "at": f"2024-03-{day:02} 13:00:00"} for receipt, who, day in SOLD]
    _write(folder / "shop" / "till" / "sales.csv", ("receipt", "customer", "at"), sold)
    home = folder / "home"
    run_in(project, BUILD, SHOP=folder / "shop", CRM_HOME=home, CRM_SOURCES="till,desk", **TABLES_ONLY)
    settings = load_settings({"CRM_HOME": str(home), "CRM_SOURCES": "*"})
    _publish(settings)
    return Neighbours(settings, project / "dags")


def _write(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _publish(settings: Settings) -> None:
    folder = releases_folder(settings) / RELEASE
    folder.mkdir(parents=True)
    with closing(connect(settings.warehouse, read_only=True)) as warehouse:
        tables = read_tables(warehouse, "warehouse")
    for name, is_personal in ((DATABASE, False), (CONTACTS, True)):
        with new_database(folder / name) as connection:
            attach_read_only(connection, settings.warehouse, "warehouse")
            for table in tables if is_personal else published_tables(tables):
                if not is_personal or table.full_name in contact_tables():
                    copy_table(connection, "warehouse", table, "main" if is_personal else table.schema)
    point_current_at(settings, RELEASE)
