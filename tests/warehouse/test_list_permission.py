"""What an export asks the landing: words at an address, deletions, and customers who have left the newest copy."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

from tests.support.builds.project import make_project, run_in

SOURCE = """\
description: A shop that sends its customers whole, and a newsletter tool that sends what is new.
kind: files
location: ${SHOP}
schedule: none
currency: EUR
time_zone: UTC
history: complete
first_interval_start: 2024-01-01
tables:
  customers: {file: customers.csv, format: csv, load: snapshot, key: [cid], event_time: at}
  readers: {file: 'readers*.csv', format: csv, load: append, key: [rid], cursor: at, event_time: at, volume: null}
  orders: {file: orders.csv, format: csv, load: snapshot, key: [oid], event_time: at}
  consents: {file: 'consents*.csv', format: csv, load: append, key: [cid, channel, at], event_time: at, volume: null}
"""
STAGING = {
    "customers": """{{ stage('customers', landed('customers'), columns={
        'source_customer_id': 'cid', 'email': 'email', 'created_at': '"at"'
    }) }}
union all
{{ stage('customers', landed('readers'), columns={
        'source_customer_id': "'r-' || rid", 'email': 'email', 'created_at': '"at"'
    }) }}""",
    "orders": """{{ stage('orders', landed('orders'), columns={
        'order_id': 'oid', 'source_customer_id': 'cid', 'total_amount': 'amount', 'ordered_at': '"at"'
    }) }}""",
    "consents": """{{ stage('consents', landed('consents'), columns={
        'source_customer_id': 'cid', 'channel': 'channel', 'purpose': "'marketing'", 'status': 'status',
        'changed_at': '"at"'
    }) }}""",
}
ASK = """
import sys
from pathlib import Path
from pipeline.base.duck import connect
from pipeline.landing import land_source
from pipeline.outputs.lists.permissions import landed_permissions, plan_of_landing
from pipeline.base.settings import load_settings

settings, release = load_settings(), Path(sys.argv[1])
land_source(settings, "shop")
plan = plan_of_landing(settings, release)
with connect() as connection, landed_permissions(settings, plan, release, connection) as found:
    connection.execute(f"copy now.customer_permission to '{sys.argv[2]}' (format parquet)")
print(found.has_consents, found.unreadable_rows)
"""
# Customers of the release: number of each record, and the address.
RELEASED = {
    "ana": ("ana", "ana@mail.example"),
    "ben": ("ben", "ben@mail.example"),
    "cleo": ("cleo", "cleo@mail.example"),
    "dan": ("dan", "shared@mail.example"),
    "eve": ("eve", "Shared+news@mail.example"),
    "fay": ("fay", "fay@mail.example"),
    "gil": ("gil", "gil@mail.example"),
    "hal": ("hal", "couple@mail.example"),
    "ida": ("ida", "couple@mail.example"),
}


def write(path: Path, header: str, rows: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(), *(row.split(",") for row in rows)])


@pytest.fixture(scope="module")
def permissions(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Reason by customer and channel, as of everything that has landed after the release."""
    folder = tmp_path_factory.mktemp("permission")
    project, shop, release = make_project(folder, "shop", SOURCE, STAGING), folder / "shop", folder / "release"
    granted = [f"{name},email,granted,2024-01-02 10:00:00" for name in RELEASED]
    # Fay has left the copy of all customers. Ben withdraws after the release; somebody at Cleo's address says no.
    customers = [f"{number},{email},2024-01-01 10:00:00" for number, email in RELEASED.values() if number != "fay"]
    write(shop / "customers.csv", "cid email at", customers)
    write(shop / "readers1.csv", "rid email at", ["1,CLEO@mail.example,2024-03-01 10:00:00"])
    write(shop / "readers2.csv", "rid email at", ["2,ana@mail.example,2024-03-01 10:00:00"])
    write(shop / "orders.csv", "oid cid amount at", [f"{n},{n},5.00,2024-01-05 10:00:00" for n in RELEASED])
    write(
        shop / "consents.csv",
        "cid channel status at",
        [
            *granted,
            "ben,e-mail,Withdrawn,2024-06-01 10:00:00",
            "r-1,email,revoked,2024-03-01 10:00:00",
            "r-2,email,revoked,2024-02-01 10:00:00",
            "r-2,email,granted,2024-03-02 10:00:00",
            "dan,email,withdrawn,2024-05-01 10:00:00",
            "eve,email,granted,2024-06-01 10:00:00",
            "gil,email,Do not contact,2024-06-01 10:00:00",
            "hal,e-mail,Deceased,2024-06-01 10:00:00",
        ],
    )
    release.mkdir()
    with duckdb.connect(str(release / "contacts.duckdb")) as contacts:
        contacts.execute(
            "create table customer_source_id (customer_id text, source_system text, source_customer_id text)"
        )
        contacts.execute("create table dim_customer_contact (customer_id text, email text, phone text)")
        for name, (number, email) in RELEASED.items():
            contacts.execute("insert into customer_source_id values (?, 'shop', ?)", [name, number])
            contacts.execute("insert into dim_customer_contact values (?, ?, null)", [name, email])
    manifest = {"release_id": "r", "as_of_date": "2024-01-31", "input_hash": "", "tables": {}, "sources": ["shop"]}
    run_in(
        project,
        "import json, sys; from pathlib import Path; from pipeline.base.files import write_sealed;"
        " write_sealed(Path(sys.argv[1]) / 'release.json', json.loads(sys.argv[2]))",
        str(release),
        json.dumps(manifest),
    )
    target = folder / "permission.parquet"
    said = run_in(project, ASK, str(release), str(target), SHOP=shop, CRM_HOME=folder / "home", CRM_SOURCES="shop")
    assert said.split() == ["True", "0"]
    rows = duckdb.sql(f"select customer_id, channel, reason from '{target}'").fetchall()
    return {(customer, channel): reason for customer, channel, reason in rows}


@pytest.mark.parametrize(
    ("customer", "reason"),
    [
        ("ana", "granted"),  # who said no at her address has said yes since
        ("ben", "withdrawn"),
        ("cleo", "withdrawn"),  # by a record that the release does not know
        ("dan", "withdrawn"),  # whatever Eve says later of the address
        ("eve", "granted"),  # later than Dan's no
        ("fay", "deleted at the source"),
        ("gil", "suppressed"),
        ("hal", "deceased"),
        ("ida", "withdrawn"),  # the address of who has died is closed
    ],
)
def test_the_last_word_of_a_customer_and_of_the_address_counts(permissions, customer, reason):
    assert permissions[customer, "email"] == reason


def test_a_channel_that_nobody_spoke_of_is_closed(permissions):
    assert permissions["ana", "sms"] == "never asked"
