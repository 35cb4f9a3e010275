"""Who is who: a till and a service desk hold their own records of the same people."""

import csv
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from pipeline.base.settings import ROOT

SOURCE = """\
description: A system of a shop.
kind: files
location: ${SHOP}/NAME
schedule: none
currency: SGD
time_zone: Asia/Singapore
history: complete
first_interval_start: 2024-03-01
tables:
  people:
    file: "people_*.csv"
    format: csv
    load: append
    key: [number]
    event_time: at
    columns: [number, kind, given, family, name, email, phone, loyalty, street, postcode, account, at]
"""
STAGING = """\
{{ stage('customers', landed('people'), columns={
    'source_customer_id': 'number', 'kind': 'kind', 'given_name': 'given', 'family_name': 'family', 'full_name': 'name',
    'email': 'email', 'phone': 'phone', 'loyalty_id': 'loyalty', 'street': 'street', 'postcode': 'postcode',
    'account_ref': 'account', 'created_at': '"at"',
}) }}
"""
SALES = """\
  sales:
    file: sales.csv
    format: csv
    load: append
    key: [receipt]
    event_time: at
    columns: [receipt, at]
"""
ORDERS = """\
{{ stage('orders', landed('sales'), columns={
    'order_id': 'receipt', 'total_amount': "'1.00'", 'ordered_at': '"at"',
}) }}
"""
BUILD = """
import os
from dataclasses import replace

from pipeline.build import dbt
from pipeline.landing import land_source
from pipeline.build.plan import make_plan
from pipeline.base.settings import load_settings

settings = load_settings()
for source in settings.sources:
    land_source(settings, source)
plan = make_plan(settings)
if os.environ.get("AS_OF"):
    dbt.load_plan = lambda settings: replace(plan, as_of_date=os.environ["AS_OF"])
dbt.run_layers(settings, "staging", "intermediate")
"""
COLUMNS = (
    "number",
    "kind",
    "given",
    "family",
    "name",
    "email",
    "phone",
    "loyalty",
    "street",
    "postcode",
    "account",
    "at",
)
Record = dict[str, str]
Groups = list[list[str]]

# One group per customer; a record is `system:number`, what it says, and the hour of its day.
PEOPLE: dict[str, list[Record]] = {
    "Ana has two e-mail addresses; her loyalty card joins them": [
        {"id": "till:ana", "given": "Ana", "family": "Silva", "email": "ana@old.example", "loyalty": "kr-1042"},
        {"id": "desk:ana", "name": "Ana Silva", "email": "ana@new.example", "loyalty": "KR 1042"},
        {"id": "till:ana2", "given": "Ana", "family": "Silva", "email": " Ana+shop@NEW.example"},
    ],
    "Ben shares a telephone with Bea": [
        {"id": "till:ben", "given": "Ben", "family": "Tan", "phone": "9123 4567"},
        {"id": "desk:ben", "name": "TAN, BEN", "phone": "+65 9123-4567"},
    ],
    "Bea shares a telephone with Ben": [
        {"id": "till:bea", "given": "Bea", "family": "Tan", "phone": "006591234567"},
        {"id": "desk:bea", "name": "Beatrice Tan", "phone": "65 91234567"},
    ],
    "B. Tan on that telephone is Ben or Bea": [{"id": "desk:b", "name": "B. Tan", "phone": "91234567"}],
    "who gave no name there is anybody": [{"id": "desk:nameless", "phone": "91234567"}],
    "Cleo's e-mail is n/a": [{"id": "till:cleo", "name": "Cleo Wu", "email": "n/a", "phone": "00000000"}],
    "so is Cleo's of another street": [{"id": "desk:cleo", "name": "Cleo Wu", "email": "N/A", "phone": "0000 0000"}],
    "test is nobody": [{"id": "till:t1", "name": "Cleo Wu", "email": "test@mail.example", "loyalty": "000000"}],
    "nor is test again": [{"id": "desk:t2", "name": "Cleo Wu", "email": "test@mail.example", "loyalty": "000000"}],
    "a marketplace masks Dan": [{"id": "till:dan", "name": "Dan Wee", "email": "m17@relay.marketplace.example"}],
    "and masks Dan again": [{"id": "desk:dan", "name": "Dan Wee", "email": "m17@relay.marketplace.example"}],
    "Eve married: the loyalty card stays": [
        {"id": "till:eve", "given": "Eve", "family": "Low", "loyalty": "KR-77001"},
        {"id": "desk:eve", "name": "Eve Schneider", "loyalty": "KR-77001"},
    ],
    "Fay married: her address and her given name stay": [
        {"id": "till:fay", "given": "Fay", "family": "Low", "email": "fay@mail.example"},
        {"id": "desk:fay", "name": "Fay Dubois", "email": "fay@mail.example"},
    ],
    "Gil's father of the same name moved in": [
        {"id": "till:gil", "given": "Gil", "family": "Nair", "street": "Banyan Road 7 #02-11", "postcode": "018956"},
        {"id": "desk:gil", "name": "Nair Gil", "street": "Banyan Road 7, #02-11", "postcode": "018956"},
    ],
    "Hana lives there too": [
        {"id": "till:hana", "given": "Hana", "family": "Nair", "street": "Banyan Road 7 #02-11", "postcode": "018956"}
    ],
    "Jun's address has both of his given names": [
        {"id": "till:jun", "given": "Jun Peng", "family": "Yeo", "email": "jun.peng.yeo@mail.example"},
        {"id": "desk:jun", "name": "Yeo Jun", "email": "jun.peng.yeo@mail.example"},
    ],
    "Lian has an address of a family": [
        {"id": "till:lian", "given": "Lian Xiu", "family": "Sim", "email": "the.sims@mail.example"},
    ],
    "another Lian may have it too": [{"id": "desk:lian", "name": "Lian Sim", "email": "the.sims@mail.example"}],
    "Alex and Alexandra are a couple": [
        {"id": "till:alex", "given": "Alex", "family": "Iyer", "street": "Kallang Walk 9", "postcode": "018957"},
    ],
    "of one home": [
        {"id": "desk:alex", "given": "Alexandra", "family": "Iyer", "street": "Kallang Walk 9", "postcode": "018957"}
    ],
    "a number that looks the same abroad": [{"id": "till:ida", "name": "Ida Foo", "phone": "+49 9345 6712"}],
    "and at home": [{"id": "desk:ida", "name": "Ida Foo", "phone": "9345 6712"}],
    "Jade Hotels buys through Kim": [
        {
            "id": "desk:A-1",
            "kind": "organisation",
            "name": "Jade Hotels",
            "account": "A-1",
            "email": "kim@jade.example",
        },
        {"id": "till:kim", "given": "Kim", "family": "Lee", "account": "a1", "email": "kim@home.example"},
        {"id": "desk:kim", "name": "Kim Lee", "email": "kim@home.example"},
    ],
    "a person with the company's address is not the company": [
        {"id": "till:jade", "name": "Jade Hotels", "email": "kim@jade.example"}
    ],
}
SAME = [
    ("Wei Ming Tan", "Tan Wei Ming"),
    ("Tan Weiming", "Chen Wei Ming"),
    ("陈伟明", "Tan Wei Ming"),
    ("W. M. Tan", "Tan Wei Ming"),
    ("Liz O'Brien", "Elizabeth OBrien"),
    ("Mr José Gómez", "Jose GOMEZ"),
    ("Elizabeth Smith", "Elizabteh Smith"),
    ("Sewe Kai Wong", "Swee Kai Wong"),
]
OTHER = [
    ("Wei Ling Tan", "Mei Ling Tan"),
    ("Hui Yi Foo", "Hock Yi Foo"),
    ("Ben Tan", "Bea Tan"),
    ("Jane Doe", "John Doe"),
    ("James Brown", "James Green"),
    ("James Michael Brown", "James Brown"),
    ("Jane", "Jane Doe"),
    ("Tan Mei Teck", "Teck Mei Tan"),
    ("Mei Mei Tan", "Mei Fang Tan"),
    ("陈伟明", "Tan Mei Ling"),
    ("𠀀伟明", "Tan Wei Ming"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that knows the till and the desk."""
    folder = tmp_path_factory.mktemp("project")
    for room in ("dags", "dbt_project", "mining", "pipeline"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
    (folder / "requirements.lock").touch()
    for name in ("till", "desk"):
        (folder / "dags" / "sources" / f"{name}.yml").write_text(
            SOURCE.replace("NAME", name) + SALES * (name == "till"), encoding="utf-8"
        )
        staging = folder / "dbt_project" / "models" / "staging" / name
        staging.mkdir()
        (staging / f"stg_{name}__customers.sql").write_text(STAGING, encoding="utf-8")
    (folder / "dbt_project" / "models" / "staging" / "till" / "stg_till__orders.sql").write_text(
        ORDERS, encoding="utf-8"
    )
    return folder


@pytest.fixture
def identify(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Groups]:
    """Deliver files of records, build as of a day, and return the groups of records that are one customer, sorted."""

    def build(files: dict[str, list[Record]], *, as_of: str = "", home: str = "home") -> Groups:
        for day, records in files.items():
            for system in ("till", "desk"):
                rows = [record for record in records if record["id"].startswith(f"{system}:")]
                path = tmp_path / home / "shop" / system / f"people_{day}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("w", encoding="utf-8", newline="") as file:
                    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
                    writer.writeheader()
                    writer.writerows(
                        {"at": f"{day} 12:00:00", **row, "number": row["id"].split(":")[1]} for row in rows
                    )
        sales = tmp_path / home / "shop" / "till" / "sales.csv"
        sales.write_text("receipt,at\n1,2024-03-04 12:00:00\n", encoding="utf-8")
        variables = {"SHOP": tmp_path / home / "shop", "CRM_HOME": tmp_path / home, "CRM_SOURCES": "till,desk"}
        for name, value in {**variables, "PYTHONPATH": project, "AS_OF": as_of}.items():
            monkeypatch.setenv(name, str(value))
        done = subprocess.run([sys.executable, "-c", BUILD], cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return groups(tmp_path / home / "warehouse.duckdb")

    return build


def ask(warehouse: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def groups(warehouse: Path) -> Groups:
    found: dict[object, list[str]] = {}
    for customer, record in ask(
        warehouse,
        "select customer_id, source_system || ':' || source_customer_id from intermediate.int_source_customers",
    ):
        found.setdefault(customer, []).append(str(record))
    return sorted(sorted(group) for group in found.values())


def people() -> list[Record]:
    """All people, each record an hour after the one before."""
    records = [record for group in PEOPLE.values() for record in group]
    return [
        {**record, "at": f"2024-03-0{4 + place // 20} {place % 20:02}:00:00"} for place, record in enumerate(records)
    ]


def expected() -> Groups:
    return sorted(sorted(record["id"] for record in group) for group in PEOPLE.values())


def namesakes() -> list[Record]:
    """Two records per pair of names, which share a telephone number with each other and with nobody else."""
    return [
        {"id": f"{system}:{place}", "name": name, "phone": f"81{place:02} 3915"}
        for place, names in enumerate([*SAME, *OTHER])
        for system, name in zip(("till", "desk"), names, strict=True)
    ]


def test_who_is_who(identify: Callable[..., Groups], tmp_path: Path) -> None:
    """All people above, and people whose names agree or contradict; then the evidence for it."""
    crowd = [{"id": f"desk:office{number}", "name": "Ola Berg", "phone": "62201953"} for number in range(21)]
    found = identify({"2024-03-04": [*people(), *namesakes(), *crowd]})
    pairs = [group for group in found if len(group) == 2 and group[0].split(":")[1].isdigit()]
    assert [group[0] for group in pairs] == sorted(f"desk:{place}" for place in range(len(SAME)))
    assert [group for group in found if not group[0].split(":")[1].isdigit() and "office" not in group[0]] == expected()
    assert [group for group in found if "office" in group[0] and len(group) > 1] == []

    warehouse = tmp_path / "home" / "warehouse.duckdb"
    rules = ask(
        warehouse,
        "select source_system || ':' || source_customer_id, match_rule from intermediate.int_source_customers"
        " where source_customer_id in ('ana', 'ana2', 'fay', 'gil', 'kim', 'A-1') order by 1",
    )
    assert rules == [
        ("desk:A-1", "own_record"),
        ("desk:ana", "loyalty_id"),
        ("desk:fay", "email"),
        ("desk:gil", "address"),
        ("desk:kim", "email"),
        ("till:ana", "own_record"),
        ("till:ana2", "email"),
        ("till:fay", "own_record"),
        ("till:gil", "own_record"),
        ("till:kim", "account"),
    ]
    founders = ask(
        warehouse,
        "select distinct customer_id = 'c_' || substr(md5('till|ana'), 1, 16)"
        " from intermediate.int_source_customers where source_customer_id like 'ana%'",
    )
    assert founders == [(True,)], "a customer has the id of the record that was seen first"
    verdicts = ask(
        warehouse,
        "select verdict, count(*) from intermediate.int_customer_identifiers where verdict <> 'identifies' group by 1"
        " order by 1",
    )
    assert verdicts == [("held by too many", 21), ("placeholder", 6), ("unreadable", 4)]


def test_neither_the_order_of_rows_nor_the_next_day_moves_anybody(
    identify: Callable[..., Groups], tmp_path: Path
) -> None:
    """The day after, Ben's number has a new record, Ana has a new card, and one newcomer joins two strangers."""
    first = [*people(), {"id": "till:olga", "name": "Olga Lim", "email": "olga@a.example", "phone": "87651290"}]
    first += [{"id": "desk:olga", "name": "Olga Lim", "email": "olga@b.example", "phone": "87651991"}]
    plain = identify({"2024-03-04": first})
    shuffled = random.Random(7).sample(first, len(first))
    assert identify({"2024-03-04": shuffled}, home="shuffled") == plain
    content = "select * from intermediate.int_source_customers order by all"
    assert ask(tmp_path / "home" / "warehouse.duckdb", content) == ask(
        tmp_path / "shuffled" / "warehouse.duckdb", content
    )

    later = [
        {"id": "till:olga2", "name": "Olga Lim", "email": "olga@a.example", "phone": "87651991"},
        {"id": "till:ana", "given": "Ana", "family": "Silva", "email": "test@mail.example", "loyalty": "KR-5555"},
        {"id": "desk:ben2", "name": "Ben Tan", "phone": "91234567"},
    ]
    new = [record["id"] for record in later if record["id"] != "till:ana"]
    as_of = identify({"2024-03-06": later}, as_of="2024-03-05")
    assert [group for group in as_of if group not in plain] == sorted([name] for name in new)
    assert [group for group in plain if group not in as_of] == []
    a_day_later = identify({}, as_of="2024-03-06")
    assert ["desk:olga", "till:olga", "till:olga2"] in a_day_later
    assert ["desk:ana", "till:ana", "till:ana2"] in a_day_later, "the card that Ana had still says who she is"
