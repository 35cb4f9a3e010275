"""What the values of a file say of it: keys, positions, sums, words of status, encodings, relations."""

import sqlite3
from contextlib import closing
from dataclasses import astuple
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.onboarding.command import draft
from pipeline.onboarding.draft.words import words_of, words_of_table
from pipeline.onboarding.inspection.encoding import encoding_by_words
from pipeline.onboarding.trial.dry_run import dry_run
from pipeline.onboarding.trial.report import report
from pipeline.sources.definitions import load_source


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for files, in an empty project."""
    (tmp_path / "sources").mkdir()
    monkeypatch.setattr(project, "SOURCE_FILES", tmp_path / "sources")
    monkeypatch.setattr(project, "STAGING", tmp_path / "staging")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def drafted(folder: Path, **files: str) -> str:
    """Draft a source from CSV files; return what is said, on one line."""
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    return " ".join(draft("shop", str(folder), env={}).split())


@pytest.mark.parametrize(
    ("names", "ideas"),
    [
        ("InvoiceDate Rechnungsdatum date_commande 订单日期 受注日", {"order", "date"}),
        ("cust_no KundenNr code_client 客户编号 顧客番号", {"customer", "id"}),
        ("MwSt TVA IVA 税额 消費税", {"tax"}),
    ],
)
def test_names_of_seven_languages_say_the_same(names: str, ideas: set[str]) -> None:
    assert [set(words_of(name)) for name in names.split()] == [ideas] * len(names.split())


def test_what_is_around_the_name_of_a_table_says_nothing() -> None:
    tables = ["olist_orders_dataset", "olist_order_items_dataset"]
    assert (
        words_of_table(tables[0], tables)
        == words_of_table("raw_orders")
        == words_of_table("orders_export_1")
        == ["order"]
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("订单编号,总金额\n1,2\n", "gb18030"),
        ("注文番号,金額\n1,2\n", "cp932"),
        ("Numéro,Quantité\n1,2\n", "cp1252"),
        ("id,name\n1,Kölner Straße\n", "cp1252"),
        ("id,name\n" + "1,订单 总金额 上海市浦东新区 收货人\n" * 9, "gb18030"),
        ("订单编号,总金额\n1,2\n", "utf-8"),
    ],
)
def test_an_encoding_is_the_one_in_which_the_text_has_words(text: str, encoding: str) -> None:
    assert encoding_by_words(text.encode(encoding)) == encoding


def test_a_position_in_the_order_is_no_quantity(folder: Path) -> None:
    lines = "order_id,order_item_id,sku,price\n" + "".join(f"o1,{n},p1,10.00\n" for n in (1, 2, 3)) + "o2,1,p2,5.00\n"
    drafted(folder, orders="order_id,customer_id,bought_at\no1,c1,2024-01-01\no2,c2,2024-01-02\n", order_items=lines)
    assert dry_run("shop").net_sales == Decimal(35)
    assert load_source("shop").tables["order_items"].key == ["order_id", "order_item_id"]


def test_a_column_that_is_empty_on_some_rows_is_not_the_orders_key(folder: Path) -> None:
    header = "Name,Id,Created at,Buyer,Shipping,Total,Item quantity,Item,Item price\n"
    rows = "#1,91,2024-01-01,a,5.00,35.00,1,Mug,10.00\n#1,,2024-01-01,a,,,2,Plate,10.00\n"
    rows += "#2,92,2024-01-02,b,0.00,20.00,1,Bowl,20.00\n"
    said = drafted(folder, export=header + rows)
    assert "order_id = Name" in said
    assert "The sum of Item quantity * Item price + Shipping is Total in 2 orders" in said
    found = dry_run("shop")
    assert (found.orders, found.net_sales, found.shipping) == (2, Decimal(55), Decimal(5))


def test_states_of_a_country_are_no_status(folder: Path) -> None:
    rows = "1,2024-01-01,a,Kentucky,10.00\n2,2024-01-02,b,Ohio,20.00\n"
    said = drafted(folder, orders=f"order_id,order_date,customer_id,State,total\n{rows}")
    assert "status =" not in said
    assert dry_run("shop").net_sales == Decimal(30)


def test_what_cancelled_orders_would_bring_is_asked(folder: Path) -> None:
    rows = "1,a,delivered,2024-01-01,10.00\n2,b,canceled,2024-01-02,20.00\n3,c,held up,2024-01-03,30.00\n"
    said = drafted(folder, orders=f"order_id,customer_id,order_status,ordered_at,total\n{rows}")
    assert "1 orders are 'canceled', 20.00 a) they are no purchases, and no sales b) they are sales: +20.00" in said
    assert "The status words held up are not known: these orders count, 30.00" in said
    found = dry_run("shop")
    assert (found.orders, found.net_sales, found.unsold) == (2, Decimal(40), Decimal(20))


def test_a_line_without_a_total_to_agree_with_is_asked_for(folder: Path) -> None:
    rows = "1,a,2024-01-01,p1,2,10.00\n1,a,2024-01-01,p2,1,5.00\n"
    said = drafted(folder, lines=f"order_id,customer_id,ordered_at,product_id,quantity,price\n{rows}")
    assert "What does a line come to? No total of the orders says it a) quantity * price: 25.00 b) price: 15.00" in said


def test_a_total_that_other_columns_add_up_to_has_its_tax_taken_out(folder: Path) -> None:
    rows = "1,a,2024-01-01,10.00,2.00,1.90,13.90\n2,b,2024-01-02,20.00,0.00,3.80,23.80\n"
    said = drafted(folder, orders=f"order_id,customer_id,ordered_at,subtotal,shipping,tax,total\n{rows}")
    assert "subtotal + shipping + tax is total in 2 orders" in said
    found = dry_run("shop")
    assert (found.net_sales, found.shipping) == (Decimal(32), Decimal(2))


def test_tickets_and_comments_are_cases_and_contacts(folder: Path) -> None:
    ticket = "id,created_at,requester_id,state_of_it,updated_at\n11,2024-02-19 01:54:52,91,open,2024-02-19 02:54:52\n"
    comment = "id,body,created,public,ticket_id,user_id\n1,hello,2024-02-19 01:54:52,true,11,91\n"
    said = drafted(folder, ticket=ticket, ticket_comment=comment)
    assert "There are no orders here" in said
    assert {fate.entity: fate.rows for fate in dry_run("shop").fates} == {"cases": 1, "contacts": 1}


def test_a_declared_foreign_key_is_the_products_key(folder: Path) -> None:
    with sqlite3.connect(folder / "shop.sqlite") as database:
        database.executescript("""
            create table invoice (invoice_id integer primary key, customer_id int, invoice_date text, total numeric);
            create table track (track_id integer primary key, name text);
            create table invoice_line (
                invoice_line_id integer primary key, invoice_id integer references invoice (invoice_id),
                track_id integer references track (track_id), unit_price numeric, quantity integer
            );
            insert into invoice values (1, 1, '2024-01-01 00:00:00', 2.98), (2, 2, '2024-01-02 00:00:00', 0.99);
            insert into track values (1, 'A'), (2, 'B');
            insert into invoice_line values (1, 1, 1, 0.99, 1), (2, 1, 2, 1.99, 1), (3, 2, 1, 0.99, 1);
        """)
    said = " ".join(draft("shop", str(folder / "shop.sqlite"), env={}).split())
    assert "product_id = track_id" in said
    assert dry_run("shop").net_sales == Decimal("3.97")


def test_amounts_with_blanks_between_thousands_are_amounts(folder: Path) -> None:
    rows = "F-1;02/01/2024 09:15;C-7;1\u00a0249,00\nF-2;13/01/2024 10:20;C-8;18,90\nF-3;14/01/2024 11:00;C-7;-18,90\n"
    said = drafted(folder, ventes=f"order_id;sold_at;customer;amount\n{rows}")
    assert "1 orders have a negative amount, -18.90 together" in said
    assert dry_run("shop").net_sales == Decimal("1249.00")


def test_the_report_masks_who_people_are(folder: Path) -> None:
    rows = "1,Ana Berg,a@x.example,2024-01-01,10.00\n2,Bo Lund,b@x.example,2024-01-31,x\n"
    rows += "".join(f"{n},Cy Moe,c{n}@x.example,2024-02-{n:02},1.00\n" for n in range(3, 20))
    drafted(folder, orders=f"order_id,customer_name,email,ordered_at,total\n{rows}")
    said = report("shop", dry_run("shop"))
    assert "x.example" not in said
    assert "Berg" not in said
    assert "1 quarantined orders: total_amount: not a decimal" in " ".join(said.split())
    assert "2024-02" in said


def test_large_whole_amounts_may_be_cents(folder: Path) -> None:
    rows = "".join(f"{n},c{n},2024-01-0{n},{2500 + n}\n" for n in range(1, 9))
    assert "Is amount in cents?" in drafted(folder, orders=f"order_id,customer_id,ordered_at,amount\n{rows}")


def test_lines_whose_order_is_not_there_are_asked_for(folder: Path) -> None:
    orders = "order_id,customer_id,ordered_at,status\n1,a,2024-01-01,paid\n2,b,2024-01-02,paid\n"
    lines = "order_id,line_no,sku,quantity,unit_price\n1,1,x,1,5.00\n2,1,x,1,5.00\n2,2,y,1,7.00\n#3,1,x,1,5.00\n"
    assert "1 rows of order_lines name an order that is not in orders" in drafted(
        folder, orders=orders, order_lines=lines
    )


def test_versions_of_orders_are_not_added_up(folder: Path) -> None:
    rows = "".join(f"{n},c{n},{word},2024-01-0{n},10.00\n" for n in range(1, 6) for word in ("pending", "paid"))
    drafted(folder, orders=f"order_id,customer_id,status,ordered_at,total\n{rows}")
    assert dry_run("shop").net_sales <= Decimal(50)


def test_lines_in_the_rows_of_their_orders_are_lines(folder: Path) -> None:
    items = '[{"sku": "a", "quantity": 2, "price": "2.50"}, {"sku": "b", "quantity": 1, "price": "4.00"}]'
    order = '{{"id": {n}, "created_at": "2024-01-0{n}", "customer": {{"id": "c{n}"}}, '
    order += '"total": "{total}", "items": {items}}}'
    text = "\n".join(order.format(n=n, total="9.00", items=items) for n in (1, 2)) + "\n"
    (folder / "orders.jsonl").write_text(text + order.format(n=3, total="0.00", items="[]"), encoding="utf-8")
    said = " ".join(draft("shop", str(folder), env={}).split())
    assert "The sum of items.quantity * items.price is total in 3 orders" in said
    found = dry_run("shop")
    assert (found.net_sales, found.customers) == (Decimal(18), 3)
    assert [(fate.entity, fate.fate, fate.rows) for fate in found.fates] == [("orders", "accepted", 3)]


def test_a_table_that_is_only_named_by_another_is_a_lookup(folder: Path) -> None:
    orders = "order_id,customer_id,ordered_at,product_id,quantity,price\n"
    orders += "1,a,2024-01-01,p1,1,10.00\n2,b,2024-01-02,p2,1,20.00\n"
    products = "product_id,product_name,category_id\np1,Pot,1\np2,Rose,2\n"
    categories = "category_id,category_name\n1,Pots\n2,Flowers\n"
    said = drafted(folder, orders=orders, products=products, categories=categories)
    assert "categories: it is a lookup of products: its category_name stands in place of category_id" in said
    assert load_source("shop").tables["categories"].lookup
    outcome = dry_run("shop")
    assert outcome.net_sales == Decimal(30)
    assert ("lookup", "accepted", None, 2) in [astuple(fate) for fate in outcome.fates]
    assert all(fate.fate == "accepted" for fate in outcome.fates)
    columns, rows = outcome.rows["products"]
    assert [row[columns.index("category")] for row in rows] == ["Pots", "Flowers"]


LOOKED_UP = """
create table states (id integer primary key, code text, name text);
create table country (code text primary key, title text);
create table orders (id integer primary key, customer_id integer, state_id integer references states (id),
    placed_at text, total numeric);
create table customers (id integer primary key, name text, email text, country text references country (code));
insert into states values (1, 'P', 'paid'), (2, 'C', 'cancelled');
insert into country values ('de', 'Germany'), ('fr', 'France');
insert into customers values (1, 'Ana', 'ana@x.example', 'de'), (2, 'Ben', 'ben@x.example', 'fr');
insert into orders values (1, 1, 1, '2024-01-01 10:00:00', 10.50), (2, 2, 2, '2024-01-02 10:00:00', 20),
    (3, 1, 1, '2024-01-03 10:00:00', 30), (4, 2, null, '2024-01-04 10:00:00', 7);
"""


def test_a_status_is_the_word_that_its_number_stands_for(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "shop.sqlite")) as connection, connection:
        connection.executescript(LOOKED_UP)
    said = " ".join(draft("shop", str(folder / "shop.sqlite"), env={}).split())
    assert "states: it is a lookup of orders: its name stands in place of state_id" in said
    assert "1 orders are 'cancelled', 20.00" in said
    outcome = dry_run("shop")
    assert (outcome.net_sales, outcome.unsold, outcome.orders) == (Decimal("47.50"), Decimal(20), 3)
    columns, rows = outcome.rows["customers"]
    assert [row[columns.index("country")] for row in rows] == ["Germany", "France"]


SHEETS = {
    "orders": "Order No,Customer,Order Date,Amount\n1,a,2024-01-01,10.00\n2,b,2024-01-02,20.00\n"
    "3,c,2024-02-03,30.00\nGrand total,,,60.00\n",
    "bestellungen": "Datum,Bestellnummer,Kundennummer,Artikelnummer,Menge,Einzelpreis\n"
    "2024-01-01,1,a,T1,1,10.00\n2024-01-01,1,a,T2,2,5.00\nSumme,,,,3,20.00\n"
    "2024-02-02,2,b,T1,4,10.00\nSumme,,,,4,40.00\n",
}


@pytest.mark.parametrize("name", SHEETS)
def test_rows_of_totals_are_left_out_and_counted(folder: Path, name: str) -> None:
    said = drafted(folder, **{name: SHEETS[name]})
    assert "and have nothing but figures a) they are totals: left out, and counted as excluded" in said
    outcome = dry_run("shop")
    assert outcome.net_sales == Decimal(60)
    excluded = [fate for fate in outcome.fates if fate.fate != "accepted"]
    assert [(fate.fate, fate.reason, fate.rows) for fate in excluded] == [
        ("excluded", "a totals row", SHEETS[name].lower().count("summe,") + SHEETS[name].count("total,"))
    ]
    assert sum(fate.rows for fate in outcome.fates) == outcome.received[name]


def test_lines_that_repeat_what_is_the_orders_are_lines(folder: Path) -> None:
    said = drafted(
        folder,
        orders="order_id,customer_id,ordered_at,status,currency\n1,a,2024-01-01 10:00:00,paid,EUR\n"
        "2,b,2024-01-02 10:00:00,cancelled,EUR\n",
        order_lines="order_id,line,customer_id,currency,ordered_at,product_id,quantity,price\n"
        "1,1,a,EUR,2024-01-01 10:00:00,p,1,5.00\n1,2,a,EUR,2024-01-01 10:00:00,q,2,5.00\n"
        "2,1,b,EUR,2024-01-02 10:00:00,p,1,5.00\n",
    )
    assert "1 orders are 'cancelled', 5.00" in said
    outcome = dry_run("shop")
    assert (outcome.net_sales, outcome.orders, outcome.customers) == (Decimal(15), 1, 2)


def test_a_second_table_of_orders_is_asked_about(folder: Path) -> None:
    said = drafted(
        folder,
        orders_2023="order_id,customer_id,ordered_at,total\n1,a,2023-01-01,5.00\n2,b,2023-01-02,6.00\n3,a,2023-02-02,7.00\n",
        orders_2024="order_id,customer_id,ordered_at,total,coupon\n11,a,2024-01-01,5.00,x\n12,c,2024-01-02,6.00,\n",
        stores="place,town\n1,Ulm\n",
    )
    assert "orders_2024 has orders, too (2 rows), and a source has one table of them" in said
    assert "Table orders_2024 is not used. It has" in said
    assert "stores has" not in said
    assert "Table stores is not used: its columns fit no entity" in said


def test_a_column_that_marks_returns_is_no_refund_to_ask_about(folder: Path) -> None:
    said = drafted(
        folder,
        sales="receipt,line,sold_at,customer,article,pieces,amount,cancels\n"
        "1,1,2024-01-01 10:00:00,a,M,2,10.00,\n2,1,2024-01-02 10:00:00,b,P,1,5.00,\n"
        "3,1,2024-01-09 10:00:00,b,P,-1,-5.00,2\n",
    )
    assert "Returns: the 1 rows where cancels is filled" in said
    assert "were given back" not in said
    outcome = dry_run("shop")
    assert (outcome.net_sales, outcome.refunds) == (Decimal(15), Decimal(5))


def test_a_model_that_cannot_be_run_is_named_with_its_line(folder: Path) -> None:
    drafted(folder, orders="order_id,customer_id,ordered_at,total\n1,a,2024-01-01,10.00\n2,b,2024-01-02,20.00\n")
    model = project.STAGING / "shop" / "stg_shop__orders.sql"
    lines = model.read_text(encoding="utf-8").replace("'total',", "'totl',").splitlines()
    model.write_text("\n".join(lines), encoding="utf-8")
    number = next(number for number, line in enumerate(lines, 1) if "'totl'" in line)
    with pytest.raises(UserError, match=rf"stg_shop__orders.sql, line {number}: DuckDB cannot run it .*totl"):
        dry_run("shop")


def test_orders_without_amounts_leave_nothing_behind(folder: Path) -> None:
    with pytest.raises(UserError, match="Nothing was written: no table was recognised"):
        drafted(folder, orders="order_id,customer_id,ordered_at\n1,a,2024-01-01\n2,b,2024-01-02\n")
    assert not (project.SOURCE_FILES / "shop.yml").exists()


# Raw schemas: the loader's columns, and what they say of four rows. The second is read again later, the third is gone
# where the loader says so.
RAW = {
    "airbyte": ("_airbyte_raw_id,_airbyte_extracted_at", "r{n},2024-02-0{day} 00:00:00", "65.00"),
    "fivetran": ("_fivetran_synced,_fivetran_deleted", "2024-02-0{day} 00:00:00,{gone}", "35.00"),
    "dlt": ("_dlt_load_id,_dlt_id", "17067456{day}0.1,d{n}", "65.00"),
}


@pytest.mark.parametrize("loader", RAW)
def test_a_raw_schema_has_the_newest_version_of_each_row(folder: Path, loader: str) -> None:
    names, values, net_sales = RAW[loader]
    rows = [(1, 1, "10.00"), (2, 1, "20.00"), (3, 1, "30.00"), (2, 2, "25.00")]
    lines = [
        f"{values.format(n=n, day=day, gone='true' if order == 3 else 'false')},{order},c{order},2024-01-01,{amount}\n"
        for n, (order, day, amount) in enumerate(rows)
    ]
    drafted(folder, orders=f"{names},id,customer_id,ordered_at,total\n{''.join(lines)}")
    assert load_source("shop").tables["orders"].key == ["id"]
    outcome = dry_run("shop")
    assert outcome.net_sales == Decimal(net_sales)
    assert {fate.fate for fate in outcome.fates} == {"accepted"}


def test_a_status_on_the_first_row_of_an_order_is_that_of_all_its_rows(folder: Path) -> None:
    header = "Name,Email,Financial Status,Created at,Shipping,Total,Item quantity,Item,Item price\n"
    rows = "#1,a@example.org,paid,2024-01-01,5.00,35.00,1,Mug,10.00\n#1,,,2024-01-01,,,2,Plate,10.00\n"
    rows += "#2,b@example.org,voided,2024-01-02,4.00,54.00,1,Bowl,20.00\n#2,,,2024-01-02,,,3,Cup,10.00\n"
    said = drafted(folder, export=header + rows)
    found = dry_run("shop")
    assert (found.orders, found.net_sales, found.unsold) == (1, Decimal(35), Decimal(54))
    assert "1 orders are 'voided', 54.00" in said
