"""Known exports: made-up files of their layouts, and what they come to, counted apart."""

from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.base import settings as project
from pipeline.onboarding.command import draft
from pipeline.onboarding.recipes.recipes import Recipe, match, recipes
from pipeline.onboarding.trial.dry_run import models_of
from tests.support.companies.known_exports import KNOWN_EXPORTS, KnownExport

SHOPIFY = (
    "Name,Email,Financial Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,Lineitem quantity,"
)
SHOPIFY += "Lineitem name,Lineitem price,Lineitem sku,Refunded Amount,Id,Source\n"
SQUARE = "Date,Time,Time Zone,Item,Qty,SKU,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,Customer ID\n"
AMAZON = "amazon-order-id,purchase-date,order-status,sales-channel,sku,quantity,currency,item-price,item-tax\n"
PAYPAL = "Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,Net,From Email Address,Transaction ID,Invoice Number\n"
SUPERSTORE = (
    "Row ID,Order ID,Order Date,Customer ID,Country,State,Product ID,Sub-Category,Sales,Quantity,Discount,Profit\n"
)
OLIST = "order_id,customer_id,order_status,order_purchase_timestamp,order_delivered_customer_date\n"
OLIST_ITEMS = "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value\n"
MAGENTO = "ID,Purchase Point,Purchase Date,Bill-to Name,Ship-to Name,Grand Total (Base),Grand Total (Purchased),Status,"
MAGENTO += "Customer Email,Subtotal,Shipping and Handling,Total Refunded\n"
YOUZAN = (
    "订单号,销售渠道,归属店铺,订单类型,订单状态,订单创建时间,买家付款时间,商品金额合计,运费,店铺优惠合计,应收订单金额,"
)
YOUZAN += "订单实付金额,买家昵称,买家手机号,订单退款状态,订单已退款金额\n"
YOUZAN_LINES = (
    "订单号,外部订单号,订单商品状态,交易成功时间,商品名称,商品规格,规格编码,商品编码,商品单价,商品优惠后价格,商品数量,"
)
YOUZAN_LINES += "商品金额小计,店铺优惠（分摊）,商品实际成交金额,商品退款状态,商品已退款金额\n"  # noqa: RUF001
SETTLEMENT = "settlement-id\tsettlement-start-date\tsettlement-end-date\tdeposit-date\ttotal-amount\tcurrency\t"
SETTLEMENT += (
    "transaction-type\torder-id\tmerchant-order-id\tadjustment-id\tshipment-id\tmarketplace-name\tamount-type\t"
)
SETTLEMENT += "amount-description\tamount\tfulfillment-id\tposted-date\tposted-date-time\torder-item-code\t"
SETTLEMENT += "merchant-order-item-id\tmerchant-adjustment-item-id\tsku\tquantity-purchased\tpromotion-id\n"
HUBSPOT = "Record ID,Deal Name,Deal Stage,Amount,Close Date,Create Date,Associated Contact IDs\n"


def settled(order: str, day: int, what: str, amount: str, sku: str = "M-1", pieces: str = "") -> str:
    """A row of a settlement: transaction-type / amount-type / amount-description."""
    kind, amount_type, description = what.split("/")
    when = f"2025-06-{day:02}\t2025-06-{day:02} 05:23:19 UTC"
    return (
        f"181\t\t\t\t\t\t{kind}\t{order}\t\t\tB1\tAmazon.com\t{amount_type}\t{description}\t{amount}\tAFN\t{when}\t"
        f"77\t\t\t{sku}\t{pieces}\t\n"
    )


# Files of an export, the recipe, and what they come to: net sales, sold orders, customers; or rows of an entity.
SALES = [
    (
        "the orders export of Shopify",
        {
            "orders_export.csv": SHOPIFY
            + "#1,a@x.de,paid,USD,30.00,5.00,0.00,34.00,1.00,2024-01-01 10:00:00 -0500,1,Mug,10.00,M,0.00,91,web\n"
            + "#1,a@x.de,,,,,,,,2024-01-01 10:00:00 -0500,2,Plate,10.00,P,,,\n"
            + "#2,b@x.de,voided,USD,20.00,0.00,0.00,20.00,0.00,2024-01-02 10:00:00 -0500,1,Bowl,20.00,B,0.00,92,web\n"
            + "#3,b@x.de,paid,USD,20.00,0.00,2.00,22.00,0.00,2024-01-02 10:00:00 -0500,1,Bowl,20.00,B,0.00,93,web\n"
        },
        ("54.00", 2, 2),
    ),
    (
        "the orders of WooCommerce",
        {
            "orders.csv": "order_id,order_date,status,customer_id,billing_email,order_total,shipping_total,tax_total\n"
            "1,2024-01-01 10:00:00,wc-completed,7,a@x.example,23.80,4.90,3.80\n"
            "2,2024-01-02 10:00:00,wc-failed,8,b@x.example,11.90,0.00,1.90\n"
            "3,2024-01-03 10:00:00,wc-processing,8,b@x.example,11.90,0.00,1.90\n"
        },
        ("30.00", 2, 2),
    ),
    (
        "the payments export of Stripe",
        {
            "payments.csv": "id,Description,Created date (UTC),Amount,Amount Refunded,Currency,Status,Customer ID,Fee\n"
            "ch_1,x,2024-01-01 10:00:00,30.00,0.00,usd,Paid,cus_1,1.17\n"
            "ch_2,x,2024-01-02 10:00:00,12.50,12.50,usd,Refunded,cus_2,0.66\n"
            "ch_3,x,2024-01-03 10:00:00,99.00,0.00,usd,Failed,cus_1,0.00\n"
        },
        ("42.50", 2, 2),
    ),
    (
        "the items export of Square",
        {
            "items.csv": SQUARE
            + "2024-01-05,09:15:00,Eastern Time,Latte,2,LAT,$9.00,-$1.00,$8.00,$0.70,T1,C1\n"
            + "2024-01-05,09:15:00,Eastern Time,Bagel,1,BAG,$3.50,$0.00,$3.50,$0.30,T1,C1\n"
            + "2024-01-06,10:15:00,Eastern Time,Latte,1,LAT,$4.50,$0.00,$4.50,$0.40,T2,C2\n"
        },
        ("16.00", 2, 2),
    ),
    (
        "the order export of Taobao and Tmall",
        {
            "ExportOrderList.csv": "订单编号,买家会员名,买家应付邮费,总金额,订单状态,订单创建时间,退款金额\n"
            "1001,买家甲,5.00,55.00,交易成功,2024-01-01 10:00:00,0.00\n"
            "1002,买家乙,0.00,20.00,等待买家付款,2024-01-02 10:00:00,0.00\n"
        },
        ("55.00", 1, 2),
    ),
    (
        "the order report of Amazon",
        {
            "report.csv": AMAZON
            + "114-1,2024-01-01T10:00:00+00:00,Shipped,Amazon.com,A1,2,USD,25.98,2.10\n"
            + "114-1,2024-01-01T10:00:00+00:00,Shipped,Amazon.com,A2,1,USD,4.02,0.30\n"
            + "114-2,2024-01-02T10:00:00+00:00,Cancelled,Amazon.com,A1,1,USD,12.99,0.00\n"
        },
        ("30.00", 1, 0),
    ),
    (
        "the Superstore sheet",
        {
            "superstore.csv": SUPERSTORE
            + "1,CA-1,2016-11-08,CG-1,United States,Kentucky,P1,Bookcases,261.96,2,0.2,41.91\n"
            + "2,CA-1,2016-11-08,CG-1,United States,Kentucky,P2,Chairs,731.94,3,0,219.58\n"
            + "3,CA-2,2016-11-09,DV-1,United States,California,P3,Labels,14.62,2,0,6.87\n"
        },
        ("1008.52", 2, 2),
    ),
    (
        "the order items of Olist",
        {
            "olist_orders_dataset.csv": OLIST + "o1,c1,delivered,2018-01-01 10:00:00,2018-01-08 10:00:00\n"
            "o2,c2,canceled,2018-01-02 10:00:00,\n",
            "olist_order_items_dataset.csv": OLIST_ITEMS + "o1,1,p1,s1,2018-01-04 10:00:00,10.00,2.00\n"
            "o1,2,p1,s1,2018-01-04 10:00:00,10.00,2.00\no2,1,p2,s1,2018-01-05 10:00:00,5.00,1.00\n",
        },
        ("20.00", 1, 2),
    ),
    (
        "Online Retail",
        {
            "Online Retail.csv": "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
            "536365,85123A,LANTERN,6,2010-12-01 08:26:00,2.55,17850,United Kingdom\n"
            "536365,71053,HOLDER,6,2010-12-01 08:26:00,3.39,17850,United Kingdom\n"
            "536366,22633,WARMER,1,2010-12-01 08:28:00,1.85,13047,United Kingdom\n"
        },
        ("37.49", 2, 2),
    ),
    (
        "the order details of Northwind",
        {
            "orders.csv": "OrderID,CustomerID,EmployeeID,OrderDate,RequiredDate,ShippedDate,ShipVia,Freight\n"
            "10248,VINET,5,1996-07-04,1996-08-01,1996-07-16,3,32.38\n"
            "10249,TOMSP,6,1996-07-05,1996-08-16,1996-07-10,1,0\n",
            "order_details.csv": "OrderID,ProductID,UnitPrice,Quantity,Discount\n"
            "10248,11,14.00,12,0\n10248,42,9.80,10,0.1\n10249,14,18.60,9,0\n",
        },
        ("455.98", 2, 2),
    ),
    (
        "the orders grid of Magento",
        {
            "orders.csv": MAGENTO
            + "000000001,Main Store,2024-01-01 10:00:00,Ana,Ana,34.90,34.90,Complete,a@x.example,30.00,4.90,0\n"
            + "000000002,Main Store,2024-01-02 10:00:00,Bo,Bo,20.00,20.00,Canceled,b@x.example,20.00,0.00,0\n"
            + "000000003,Main Store,2024-01-03 10:00:00,Bo,Bo,15.50,15.50,Processing,b@x.example,15.50,0,5\n"
        },
        ("50.40", 2, 2),
    ),
    (
        "the order export of JD",
        {
            "orders.csv": "订单号,商品ID,商品名称,订购数量,下单时间,京东价,订单金额,应付金额,订单状态,下单帐号\n"
            "1001,900,杯子,2,2024-01-01 10:00:00,15.00,40.00,38.00,完成,甲\n"
            "1001,901,盘子,1,2024-01-01 10:00:00,10.00,40.00,38.00,完成,甲\n"
            "1002,900,杯子,1,2024-01-02 10:00:00,15.00,15.00,15.00,已取消,乙\n"
        },
        ("40.00", 1, 2),
    ),
    (
        "the orders of the jaffle shop",
        {
            "raw_orders.csv": "id,customer,ordered_at,store_id,subtotal,tax_paid,order_total\n"
            "o-1,c-1,2024-09-01T07:01:00,s-1,700,42,742\no-2,c-2,2024-09-01T07:02:00,s-1,1900,114,2014\n"
        },
        ("26.00", 2, 2),
    ),
]
SALES += [
    (
        "the order export of Youzan",
        {
            "orders.csv": YOUZAN
            + "E1,网店,店,普通,交易完成,2024-01-01 10:00:00,2024-01-01 10:01,50.00,5.00,3.00,52.00,52.00,甲,138,,0\n"
            + "E2,网店,店,普通,交易关闭,2024-01-02 10:00:00,,20.00,0.00,0.00,20.00,0.00,乙,139,,0\n"
            + "E3,网店,店,普通,已发货,2024-01-03 10:00:00,2024-01-03 10:01,20.00,0.00,0.00,20.00,20.00,甲,138,,0\n"
        },
        ("72.00", 2, 2),
    ),
    (
        "the product export of Youzan",
        {
            "orders.csv": YOUZAN
            + "E1,网店,店,普通,交易完成,2024-01-01 10:00:00,2024-01-01 10:01,50.00,5.00,3.00,52.00,52.00,甲,138,,0\n"
            + "E3,网店,店,普通,已发货,2024-01-03 10:00:00,2024-01-03 10:01,20.00,0.00,0.00,20.00,20.00,乙,139,,0\n",
            "products.csv": YOUZAN_LINES
            + "E1,,交易完成,2024-01-08 10:00:00,杯子,,C-1,P-1,15.00,15.00,2,30.00,2.00,28.00,,0\n"
            + "E1,,交易完成,2024-01-08 10:00:00,盘子,,C-2,P-2,20.00,20.00,1,20.00,1.00,19.00,,0\n"
            + "E3,,已发货,,盘子,,C-2,P-2,20.00,20.00,1,20.00,0.00,20.00,,0\n",
        },
        ("72.00", 2, 2),
    ),
    (
        "the settlement report of Amazon",
        {
            "settlement.txt": SETTLEMENT
            + "181\t2025-06-01\t2025-06-15\t2025-06-17\t33.00\tUSD"
            + "\t" * 18
            + "\n"
            + settled("111-1", 9, "Order/ItemPrice/Principal", "29.80", pieces="2")
            + settled("111-1", 9, "Order/ItemPrice/Tax", "2.40")
            + settled("111-1", 9, "Order/ItemPrice/Shipping", "5.00")
            + settled("111-1", 9, "Order/Promotion/Shipping", "-5.00")
            + settled("111-1", 9, "Order/ItemFees/Commission", "-4.47")
            + settled("111-1", 9, "Order/ItemWithheldTax/MarketplaceFacilitatorTax-Principal", "-2.40")
            + settled("111-2", 10, "Order/ItemPrice/Principal", "10.20", "P-1", "1")
            + settled("111-2", 12, "Refund/ItemPrice/Principal", "-10.20", "P-1")
            + settled("111-2", 12, "Refund/ItemFees/RefundCommission", "-0.31", "P-1")
            + settled("", 13, "ServiceFee/Cost of Advertising/TransactionTotalAmount", "-7.00", "")
        },
        ("40.00", 2, 0),
    ),
]
OTHERS = [
    (
        "the customers export of Shopify",
        {
            "customers.csv": "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Phone,"
            "Total Spent,Total Orders\n1,Ana,Berg,a@x.example,yes,,10.00,1\n2,Bo,Lund,b@x.example,no,,5.00,1\n",
            "orders.csv": "order_id,email,ordered_at,total\n1,a@x.example,2024-01-01 10:00:00,10.00\n",
        },
        {"customers": 2, "orders": 1},
    ),
    (
        "the activity export of PayPal",
        {
            "paypal.csv": PAYPAL
            + "01/31/2024,10:00:00,PST,Ana,Express Checkout Payment,Completed,USD,30.00,-1.17,28.83,a@x.example,9A,77\n"
            + "02/01/2024,11:00:00,PST,,General Withdrawal,Completed,USD,-28.83,0.00,-28.83,,9B,\n"
        },
        {"payments": 2},
    ),
    (
        "the contacts export of HubSpot",
        {
            "contacts.csv": "Record ID,First Name,Last Name,Email,Phone Number,City,Create Date\n"
            "1,Ana,Berg,a@x.example,+49 30 12345,Ulm,2024-01-01 10:00\n2,Bo,Lund,b@x.example,,Bonn,2024-01-02 10:00\n",
            "deals.csv": HUBSPOT + "11,Big,closedwon,500.00,2024-02-01 10:00,2024-01-05 10:00,1\n",
        },
        {"customers": 2, "opportunities": 1},
    ),
    (
        "the tickets export of Zendesk",
        {
            "tickets.csv": "id,requester_id,subject,type,priority,status,created_at,updated_at,solved_at\n"
            "11,91,Broken,incident,high,open,2024-02-19 01:54:52,2024-02-19 02:54:52,\n"
        },
        {"cases": 1},
    ),
    (
        "the audience export of Mailchimp",
        {
            "members.csv": "Email Address,First Name,Last Name,Phone Number,MEMBER_RATING,OPTIN_TIME,LAST_CHANGED\n"
            "a@x.example,Ana,Berg,,2,2024-01-01 10:00:00,2024-01-03 10:00:00\n",
            "orders.csv": "order_id,email,ordered_at,total\n1,a@x.example,2024-01-01 10:00:00,10.00\n",
        },
        {"customers": 1, "orders": 1},
    ),
    (
        "the subscriptions export of Stripe",
        {
            "subscriptions.csv": "id,Customer ID,Customer Email,Plan,Product,Quantity,Interval,Amount,Status,"
            "Created (UTC),Start (UTC),Current Period Start (UTC),Current Period End (UTC),Canceled At (UTC),"
            "Ended At (UTC)\n"
            "sub_1,cus_1,a@x.example,plan_1,Box,1,month,12.50,active,2024-01-01 10:00:00,2024-01-01 10:00:00,"
            "2024-03-01 10:00:00,2024-04-01 10:00:00,,\n"
            "sub_2,cus_2,b@x.example,plan_1,Box,1,month,12.50,canceled,2024-01-02 10:00:00,2024-01-02 10:00:00,"
            "2024-02-02 10:00:00,2024-03-02 10:00:00,2024-02-20 10:00:00,2024-03-02 10:00:00\n"
        },
        {"subscriptions": 2},
    ),
    (
        "the opportunities of Salesforce",
        {
            "opportunities.csv": "Id,AccountId,Name,StageName,Amount,CloseDate,IsWon,IsClosed,CreatedDate,OwnerId\n"
            "006A,001A,Big,Closed Won,500.00,2024-02-01,true,true,2024-01-05T10:00:00.000Z,005A\n"
            "006B,001B,Small,Prospecting,,2024-09-01,false,false,2024-01-06T10:00:00.000Z,005A\n"
        },
        {"opportunities": 2},
    ),
    (
        "the contacts of Salesforce",
        {
            "contacts.csv": "Id,AccountId,FirstName,LastName,Email,Phone,MailingStreet,MailingCity,MailingPostalCode,"
            "MailingCountry,CreatedDate\n003A,001A,Ana,Berg,a@x.example,,Main 1,Ulm,89073,Germany,"
            "2024-01-01T10:00:00.000Z\n",
            "cases.csv": "Id,CaseNumber,ContactId,Type,Reason,Status,CreatedDate,ClosedDate\n"
            "500A,00001,003A,Problem,Damage,Closed,2024-02-01T10:00:00.000Z,2024-02-03T10:00:00.000Z\n",
        },
        {"customers": 1, "cases": 1},
    ),
    (
        "the tickets export of Freshdesk",
        {
            "tickets.csv": "Ticket ID,Subject,Status,Priority,Source,Type,Agent,Created time,Resolved time,"
            "Last update time,Initial response time,Full name,Email\n"
            "7,Broken cup,Closed,High,Email,Problem,Eve,2024-02-01 10:00:00,2024-02-03 10:00:00,2024-02-03 10:00:00,"
            "2024-02-01 12:00:00,Ana Berg,a@x.example\n"
            "8,Where is it,Open,Low,Email,Question,Eve,2024-02-02 10:00:00,,2024-02-02 10:00:00,,Bo Lund,b@x.example\n"
        },
        {"cases": 2},
    ),
    (
        "the companies export of HubSpot",
        {
            "companies.csv": "Record ID,Company name,Company owner,Create Date,Phone Number,City,Country/Region,"
            "Industry\n"
            "1,Berg Ltd,Eve,2024-01-01 10:00,,Ulm,Germany,Retail\n",
            "deals.csv": HUBSPOT.replace("Contact", "Company")
            + "11,Big,won,5.00,2024-02-01 10:00,2024-01-05 10:00,1\n",
        },
        {"customers": 1, "opportunities": 1},
    ),
    (
        "the events of Google Analytics 4",
        {
            "events.csv": "event_date,event_timestamp,event_name,user_pseudo_id,user_id,page_location\n"
            "20240101,1704103200000000,page_view,11.22,,https://x.example/\n"
            "20240101,1704103205000000,page_view,11.22,u1,https://x.example/cups\n"
        },
        {"web_events": 2},
    ),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the files of an export, in an empty project."""
    (tmp_path / "sources").mkdir()
    monkeypatch.setattr(project, "SOURCE_FILES", tmp_path / "sources")
    monkeypatch.setattr(project, "STAGING", tmp_path / "staging")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def drafted(folder: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return " ".join(draft("shop", str(folder), env={}).split())


@pytest.mark.parametrize(("name", "files", "truth"), SALES, ids=[name for name, *_ in SALES])
def test_a_known_export_of_sales_comes_to_what_it_says(
    folder: Path, name: str, files: dict[str, str], truth: tuple[str, int, int]
) -> None:
    said = drafted(folder, files)
    assert f"It is {name}" in said
    query = """
        select
            (select sum(net_amount) from int_order_lines__all),
            count(*) filter (coalesce(status_meaning, '') not in ('waiting', 'cancelled')),
            count(distinct source_customer_id)
        from int_orders
    """
    with models_of("shop") as (models, _):
        models.make("int_order_lines__all")
        net, orders, customers = models.connection.execute(query).fetchall()[0]
        faults = models.connection.execute(
            "select _reason from int_orders__rows where _fate = 'quarantined'"
        ).fetchall()
    assert (net, orders, customers, faults) == (Decimal(truth[0]), *truth[1:], [])


@pytest.mark.parametrize(("name", "files", "truth"), OTHERS, ids=[name for name, *_ in OTHERS])
def test_a_known_export_of_other_rows_is_accepted_whole(
    folder: Path, name: str, files: dict[str, str], truth: dict[str, int]
) -> None:
    assert f"It is {name}" in drafted(folder, files)
    with models_of("shop") as (models, _):
        for entity, rows in truth.items():
            fates = models.connection.execute(
                f"select _fate, _reason from {models.make(f'int_{entity}__rows')}"
            ).fetchall()
            assert fates == [("accepted", None)] * rows


def test_every_recipe_has_an_export_here() -> None:
    beside = {"the orders of Olist", "the orders of Northwind", "the deals export of HubSpot"}  # in another's folder
    beside |= {"the cases of Salesforce"}
    here = {name for name, *_ in [*SALES, *OTHERS]} | {export.name for export in KNOWN_EXPORTS}
    assert {recipe.name for recipe in recipes()} - beside == here


@pytest.mark.parametrize("export", KNOWN_EXPORTS, ids=[export.name for export in KNOWN_EXPORTS])
def test_a_known_export_tells_of_what_was_counted(folder: Path, export: KnownExport) -> None:
    assert f"It is {export.name}" in drafted(folder, export.files)
    entities = {entity for entity, _ in export.fates}
    with models_of("shop") as (models, _):
        fates: dict[tuple[str, str], int] = {}
        for entity in entities:
            query = f"select _fate, count(*) from {models.make(f'int_{entity}__rows')} where not _is_derived group by 1"
            fates |= {(entity, fate): rows for fate, rows in models.connection.execute(query).fetchall()}
        assert fates == export.fates
        for entity, (columns, rows) in export.rows.items():
            query = f"select {columns} from {models.make(f'int_{entity}__rows')} where _fate = 'accepted' order by all"
            found = models.connection.execute(query).fetchall()
            assert [tuple(None if value is None else f"{value}" for value in row) for row in found] == rows


def test_a_refund_of_a_settlement_is_a_return_of_its_order(folder: Path) -> None:
    (files,) = (files for name, files, _ in SALES if name == "the settlement report of Amazon")
    said = drafted(folder, files)
    assert "Returns: the 2 rows where transaction-type is Refund" in said
    with models_of("shop") as (models, _):
        returns = models.connection.execute(
            f"select order_id, product_id, refund_amount from {models.make('int_returns')}"
        ).fetchall()
        fates = models.connection.execute(
            f"select _reason, count(*) from {models.make('int_order_lines__rows')} where _fate = 'excluded' group by 1"
        ).fetchall()
    assert returns == [("111-2", "P-1", Decimal("10.2000"))]
    assert dict(fates) == {"a fee, transfer or reserve of Amazon": 5, "a tax": 1}


def test_two_tables_of_one_entity_are_a_question(folder: Path) -> None:
    customers = OTHERS[0][1]["customers.csv"]
    more = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Total Spent,Total Orders,Note\n"
    files = {**OTHERS[0][1], "more.csv": more + "3,Cy,Moor,c@x.example,yes,1.00,1,x\n"}
    said = drafted(folder, files)
    assert customers.count("\n") == 3
    assert "more has customers, too (1 rows), and a source has one table of them" in said
    with models_of("shop") as (models, plan):
        assert models.connection.execute(f"select count(*) from {models.make('int_customers__rows')}").fetchall() == [
            (2,)
        ]
        assert {receipt["table"] for receipt in plan.receipts} == {"customers", "orders"}


@pytest.mark.parametrize("recipe", recipes(), ids=[recipe.name for recipe in recipes()])
def test_without_one_of_its_columns_a_recipe_is_not_used_and_says_which(recipe: Recipe) -> None:
    for changed in recipe.recognised_by:
        found = match([column for column in recipe.recognised_by if column != changed])
        assert found is not None
        assert found.missing == [changed] if found.recipe is recipe else found.recipe.name != recipe.name


def test_a_changed_column_of_a_known_export_falls_back_to_what_the_columns_show(folder: Path) -> None:
    files = {name: content.replace("Lineitem price", "Price of item") for name, content in SALES[0][1].items()}
    said = drafted(folder, files)
    assert (
        "it looks like the orders export of Shopify, but has no Lineitem price: drafted by what its columns show"
        in said
    )
