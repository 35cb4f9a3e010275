"""The first draft of a source: what it guesses, what it says, and that the draft publishes."""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb
import pytest

from cli.main import main
from pipeline.base import settings as project
from pipeline.base.catalog import input_contract
from pipeline.base.errors import UserError
from pipeline.onboarding.command import draft
from pipeline.onboarding.draft.words import snake, words_of
from pipeline.onboarding.inspection.inspect_database import inspect_server
from pipeline.onboarding.inspection.layout import layout_of
from pipeline.sources.definitions import load_source
from tests.lint import dbt_stubs
from tests.support.builds.guide import read_walk
from tests.support.programs.perennial import PERENNIAL
from tests.support.programs.postgres import ROLE, Server

SHOP = """
create table clients (client_no text primary key, first_name text, surname text, mail text, modified_at text);
create table orders (
    order_no integer primary key, client_no text, status text, placed_at text, modified_at text, is_deleted boolean
);
create table order_items (
    order_no integer, line_no integer, sku text, qty integer, unit_price numeric, amount numeric, tax numeric,
    primary key (order_no, line_no)
);
create table articles (sku text primary key, title text, category text);
create table "x ""y"" {{ z }}" (id integer primary key, "a {{ b }}" text);
insert into clients values ('K1', 'Ana', 'Berg', 'ana@x.example', '2024-01-05 10:00:00');
insert into orders values (7, 'K1', 'done', '2024-02-03 09:00:00', '2024-02-03 10:00:00', 0);
insert into order_items values (7, 1, 'S1', 2, 5, 10, 1.9);
insert into articles values ('S1', 'Mug', 'kitchen');
"""


@dataclass(frozen=True)
class Desk:
    """An empty project for new sources, and a folder for their data."""

    folder: Path
    definitions: Path
    staging: Path

    def draft(self, name: str = "shop", *, file: Path | None = None, url: str | None = None) -> str:
        """Draft a source; return what is said."""
        if file:
            return draft(name, str(file), env={})
        return draft(name, login="shop_db", env={"AIRFLOW_CONN_SHOP_DB": str(url)})

    def write(self, name: str, text: str, encoding: str = "utf-8") -> Path:
        """Write a file of the source's data."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding)
        return path

    def model(self, name: str) -> str:
        """Text of a model that was drafted."""
        (path,) = self.staging.rglob(f"{name}.sql")
        return path.read_text(encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    definitions, staging = tmp_path / "sources", tmp_path / "staging"
    definitions.mkdir()
    monkeypatch.setattr(project, "SOURCE_FILES", definitions)
    monkeypatch.setattr(project, "STAGING", staging)
    return Desk(tmp_path / "data", definitions, staging)


@pytest.fixture
def shop(desk: Desk) -> Path:
    desk.folder.mkdir()
    path = desk.folder / "shop.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(SHOP)
    return path


def test_names_are_read_as_what_they_say() -> None:
    assert words_of("InvoiceDate") == words_of("Rechnungsdatum") == ["order", "date"]
    assert words_of("Customer ID") == words_of("cust_no") == words_of("KundenNr") == ["customer", "id"]
    assert words_of("StockCode") == words_of("Artikelnummer") == ["product", "id"]
    assert snake("2024 Sales—EU.Q1") == "t_2024_sales_eu_q_1"


def test_the_contract_is_the_macros() -> None:
    assert input_contract() == dbt_stubs.contract()


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("Title\na;b\n1;2\n3;4", {"format": "csv", "delimiter": ";", "header": True, "skip_rows": 1}),
        ("1|2\n3|4\n5|6", {"format": "csv", "delimiter": "|", "header": False, "skip_rows": 0}),
        (" 0001 19970101  1.5\n 0002 19970102 11.5", {"format": "fixed_width", "skip_rows": 0}),
    ],
)
def test_layouts(text: str, layout: dict[str, object]) -> None:
    found = layout_of(text.split("\n"))
    assert found is not None
    assert {name: found[name] for name in layout} == layout


def test_the_messy_file_of_the_guide(desk: Desk) -> None:
    said = desk.draft(file=desk.write("sales.csv", read_walk().export))
    source = load_source("shop")
    table = source.tables["sales"]
    assert (table.delimiter, table.skip_rows, table.key) == (";", 1, ["receipt", "line"])
    assert (table.event_time, table.event_time_format) == ("sold_at", "%d.%m.%Y %H:%M")
    assert (source.currency, source.time_zone, source.history) == ("EUR", "UTC", "extract")
    assert str(source.first_interval_start) == "2024-01-01"
    assert "Which currency are the amounts in? EUR is a PLACEHOLDER" in said
    assert "{{ decimal_comma('amount') }} as net_amount" in desk.model("base_shop__sales")
    assert "cancels is not null as is_return" in desk.model("base_shop__sales")
    assert "'order_id': 'returned_order_id'" in desk.model("stg_shop__returns")
    assert "when article in ('Delivery') then 'shipping'" in desk.model("base_shop__sales")


def test_each_thing_to_look_at_names_its_line(desk: Desk) -> None:
    said = desk.draft(file=desk.write("sales.csv", read_walk().export))
    number = next(re.finditer(r"shop\.yml:(\d+)", said))[1]
    assert (desk.definitions / "shop.yml").read_text().splitlines()[int(number) - 1].startswith("currency:")
    assert said.endswith("make run SOURCES=shop")


def test_months_become_one_table_and_the_rest_is_left_out(desk: Desk) -> None:
    for month in (1, 2):
        rows = "".join(f"{month}{n},0{month}/{n}/2024,ana@x.example,A1,$2.50,2\n" for n in range(10, 28))
        desk.write(f"sales_2024_0{month}.csv", f"Bon No,Date,Client E-Mail,SKU,Unit Price,Qty\n{rows}")
    desk.write("stores.csv", "place,ort\n1,Köln\n", "cp1252")
    said = desk.draft(file=desk.folder)
    source = load_source("shop")
    assert list(source.tables) == ["sales"]
    table = source.tables["sales"]
    assert (table.file, table.load, table.key, table.event_time_format) == (
        "sales_*.csv",
        "append",
        "position",
        "%m/%d/%Y",
    )
    assert table.personal == ["Client E-Mail"]
    assert source.currency == "USD"
    assert "#   encoding: cp1252" in (desk.definitions / "shop.yml").read_text(encoding="utf-8")
    assert "Table stores is not used" in said


def test_day_and_month_that_cannot_be_told_apart_are_said(desk: Desk) -> None:
    rows = "".join(f"{n},0{n}/0{n}/2024,K1,5.00\n" for n in range(1, 9))
    said = desk.draft(file=desk.write("x.csv", f"order_no,date,customer,total\n{rows}"))
    assert "Day or month? date of x fits %d/%m/%Y and %m/%d/%Y" in said


def test_a_database_is_read_by_its_own_keys(desk: Desk, shop: Path) -> None:
    said = desk.draft(file=shop)
    source = load_source("shop")
    assert (source.kind, set(source.tables)) == ("sqlite", {"clients", "orders", "order_items", "articles"})
    orders = source.tables["orders"]
    assert (orders.load, orders.key, orders.cursor, orders.deleted) == (
        "upsert",
        ["order_no"],
        "modified_at",
        "is_deleted",
    )
    assert source.tables["order_items"].key == ["order_no", "line_no"]
    assert source.tables["clients"].personal == ["first_name", "surname", "mail"]
    assert str(source.first_interval_start) == "2024-01-01"
    assert "tax (tax, 1 rows, 1.90) is left out" in said
    assert "lists its status as unpaid or cancelled" in " ".join(said.split())
    assert "In use: done." in said
    assert "'given_name': 'first_name'" in desk.model("stg_shop__customers")
    assert not list(desk.staging.rglob("*returns*"))


@pytest.mark.parametrize("columns", ["id,first_name,email,city", "email,city,first_name,id", "mail,id,first_name,city"])
def test_a_customers_number_is_the_number_and_the_address_the_address(desk: Desk, columns: str) -> None:
    values = {"id": "{n}", "first_name": "Ana", "email": "c{n}@x.example", "mail": "c{n}@x.example", "city": "Ulm"}
    rows = "".join(",".join(values[name] for name in columns.split(",")).format(n=n) + "\n" for n in range(1, 9))
    desk.write("customers.csv", f"{columns}\n{rows}")
    rows = "".join(f"{n},{n},2024-01-0{n} 10:00:00,5.00\n" for n in range(1, 9))
    desk.write("orders.csv", f"id,customer_id,ordered_at,total\n{rows}")
    desk.draft(file=desk.folder)
    table = load_source("shop").tables["customers"]
    assert (table.key, set(table.personal)) == (
        ["id"],
        {"first_name", "city", *({"email", "mail"} & {*columns.split(",")})},
    )
    assert "'source_customer_id': 'id'" in desk.model("stg_shop__customers")
    assert re.search("'email': 'e?mail'", desk.model("stg_shop__customers"))


ORDER = "order_no,client_no,{contact},placed_at,total,shipping_tax\n"


def guests(desk: Desk, contact: str, rows: list[tuple[str, str]]) -> tuple[str, str]:
    """Draft orders of customers and what stands beside them; return what is said, and the models."""
    desk.folder.mkdir(exist_ok=True)
    lines = "".join(f"{n},{who},{beside},2024-01-02,5.00,0.50\n" for n, (who, beside) in enumerate(rows, 1))
    said = desk.draft(file=desk.write("orders.csv", ORDER.format(contact=contact) + lines))
    return said, "".join(path.read_text(encoding="utf-8") for path in sorted(desk.staging.rglob("*.sql")))


@pytest.mark.parametrize("nobody", ["0", "0.0", "-1", "Guest", "unknown", "00000000-0000-0000-0000-000000000000"])
def test_a_number_that_guests_share_is_null(desk: Desk, nobody: str) -> None:
    rows = [("11", "a@x.example"), (nobody, "b@x.example"), (nobody, "c@x.example"), ("12", "d@x.example")]
    said, models = guests(desk, "mail", rows)
    assert f"2 of 4 rows have client_no = {nobody}, with 2 different mail: taken for guests" in " ".join(said.split())
    assert f"case when trim(client_no) not in ('{nobody}') then client_no end as source_customer_id" in models


def test_without_addresses_guests_are_those_with_most_orders(desk: Desk) -> None:
    said, models = guests(desk, "note", [("0", "x"), ("7", "x"), ("0", "x"), ("8", "x")])
    assert "2 of 4 rows have client_no = 0, more than any: taken for guests" in " ".join(said.split())
    assert "not in ('0')" in models


@pytest.mark.parametrize(
    ("contact", "rows"),
    [
        ("mail", [("0", "a@x.example"), ("0", "A@x.example"), ("7", "b@x.example")]),
        ("note", [("0", "x"), ("7", "x"), ("7", "x")]),
        ("mail", [("100", "a@x.example"), ("100", "b@x.example"), ("10", "c@x.example")]),
    ],
)
def test_a_number_that_one_person_may_have_stays(desk: Desk, contact: str, rows: list[tuple[str, str]]) -> None:
    said, models = guests(desk, contact, rows)
    assert "guests" not in said
    assert "not in (" not in models


def test_the_tax_of_the_delivery_is_mapped(desk: Desk) -> None:
    assert "'shipping_tax_amount': 'shipping_tax'" in guests(desk, "note", [("7", "x"), ("8", "x")])[1]


def test_names_are_quoted_wherever_they_stand(desk: Desk) -> None:
    """Names with quotes and with what dbt takes for code, as they stand in the model that dbt would read."""
    header = '"order ""no"" {{ 1 }}",date of,customer,unit price {#,qty,select,time: #1\n'
    rows = "".join(f"{n},2024-01-0{n},K1,5.00,1,x,y\n" for n in range(1, 9))
    path = desk.write("x.csv", header + rows)
    desk.draft(file=path)
    assert load_source("shop").tables["x"].columns == [
        *('order "no" {{ 1 }}', "date of", "customer", "unit price {#", "qty", "select", "time: #1")
    ]
    rendered = dbt_stubs._environment.from_string(desk.model("base_shop__x")).render()
    assert '"order ""no"" {{ 1 }}" as order_id' in rendered
    assert 'try_cast("unit price {#" as decimal(19, 4))' in rendered


def test_nothing_is_overwritten(desk: Desk, shop: Path) -> None:
    desk.draft(file=shop)
    before = (desk.definitions / "shop.yml").read_text()
    with pytest.raises(UserError, match=r"'shop' is there already.*Nothing was written"):
        desk.draft(file=shop)
    assert (desk.definitions / "shop.yml").read_text() == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "place,ort\n1,Bonn\n2,Ulm\n", r"no table was recognised.*x: place, ort"),
        ("x.csv", "order_no,line,amount,article\n1,1,2.50,a\n1,2,3.50,b\n", r"no column says when"),
        ("x.txt", "nothing\n", r"no columns that can be told apart"),
        ("x.parquet", "PAR1 and no more", r"x\.parquet cannot be read"),
        ("x.sqlite", "SQLite format 3\0 and no more", r"cannot be read as a SQLite database"),
    ],
)
def test_data_that_cannot_be_used_are_named_and_nothing_is_written(
    desk: Desk, name: str, content: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        desk.draft(file=desk.write(name, content))
    assert not list(desk.definitions.iterdir())


@pytest.mark.parametrize("name", ["Shop", "../shop", "a b", ""])
def test_names_that_are_not_valid_are_refused(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["new-source", name, "--file", "/nowhere"]) == 2
    assert "NAME" in capfd.readouterr().err


@pytest.fixture
def server(postgres: Server) -> str:
    """Address of a database with the shop, and a table in another schema."""
    address = postgres.new_database("drafts")
    shop = SHOP.replace(" 0);", " false);").replace("modified_at text", "modified_at timestamp")
    postgres.run(
        *(statement for statement in shop.split(";") if statement.strip()),
        "create schema stock",
        "create table stock.levels (sku text primary key, pieces int)",
        f"grant usage on schema stock to {ROLE}",
        "create table extras (n int primary key, thing text references articles (sku))",
        f"grant select on extras to {ROLE}",
        "create schema hidden",
        "create table hidden.wages (id int primary key, amount int)",
        database="drafts",
    )
    return address


def test_declared_foreign_keys_of_a_postgresql_server_are_found(server: str) -> None:
    place = inspect_server("shop", "shop_db", {"AIRFLOW_CONN_SHOP_DB": server})
    declared = {table.name: table.foreign_keys for table in place.tables if table.foreign_keys}
    assert declared == {"extras": {"thing": ("articles", "sku")}}


def test_a_postgresql_server(desk: Desk, server: str) -> None:
    said = desk.draft(url=server)
    source = load_source("shop")
    assert (source.kind, source.connection, source.location) == ("postgresql", "shop_db", None)
    assert set(source.tables) == {"clients", "orders", "order_items", "articles"}
    assert (source.tables["orders"].load, source.tables["orders"].cursor) == ("upsert", "modified_at")
    definition = (desk.definitions / "shop.yml").read_text()
    assert "#   query_schema: stock" in definition
    assert "hidden" not in definition  # the role may not look into this schema
    assert "read -rs AIRFLOW_CONN_SHOP_DB" in said
    written = [path.read_text() for path in (*desk.definitions.iterdir(), *desk.staging.rglob("*.*"))]
    password = urlsplit(server).password
    assert password
    for secret in (password, unquote(password)):
        assert secret not in said + "".join(written)


LINES = [
    # invoice, stock code, description, quantity, when, price, customer
    *(("10" + str(n), "A1", "Mug", 2, f"0{n}/02/2024 10:00", "3.335", f"C{n % 3}") for n in range(1, 9)),
    ("108", "A1", "Mug", 2, "08/02/2024 10:00", "3.335", "C2"),
    ("108", "P", "POSTAGE", 1, "08/02/2024 10:00", "4.95", "C2"),
    ("109", "A2", "Plate", 3, "25/02/2024 18:30", "2.50", ""),
    ("R104", "A1", "Mug", -1, "26/02/2024 09:00", "3.335", "C1"),
]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the project in which a file of lines was drafted and run."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in project.CODE_FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
        shutil.copytree(project.ROOT / folder, copy / folder, ignore=ignored)
    shutil.copy(project.ROOT / "requirements.lock", copy)
    header = "Invoice No,Stock Code,Description,Quantity,Invoice Date,Unit Price,Client\n"
    rows = "".join(",".join(map(str, line)) + "\n" for line in LINES)
    (copy / "lines.csv").write_text(header + rows, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "AIRFLOW_", "PYTEST_"))}
    for words in (["new-source", "till", "--file", "lines.csv"], ["run", "--sources", "till"]):
        done = subprocess.run(
            [PERENNIAL, *words],
            cwd=copy,
            env={**kept, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(copy / "var" / "serving" / "current" / "perennial.duckdb"), read_only=True) as published:
        yield published


@pytest.mark.slow
def test_the_draft_publishes_the_sales_to_the_cent(release: duckdb.DuckDBPyConnection) -> None:
    amounts = [(quantity * Decimal(price), quantity) for _, _, _, quantity, _, price, _ in LINES]
    sold = sum(amount for amount, quantity in amounts if quantity > 0)
    returned = -sum(amount for amount, quantity in amounts if quantity < 0)
    sums = release.sql("select sum(net_sales), sum(refund_amount), sum(orders) from core.fct_customer_month").fetchall()
    assert sums == [(sold, returned, 9)]
    assert release.sql("select sum(shipping_amount) from core.fct_customer_month").fetchall() == [(Decimal("4.95"),)]
    fates = release.sql("select fate, sum(landed_rows) from ops.row_fates group by 1").fetchall()
    assert fates == [("accepted", len(LINES))]
    assert release.sql("select count(*) from core.dim_customer where not is_unknown").fetchall() == [(3,)]
