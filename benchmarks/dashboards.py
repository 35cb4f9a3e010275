"""Twenty queries as dashboards send them, on the star as it is published and on bare tables of the same columns.

The benchmark of the star asks them at its size.
"""

import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from benchmarks.rows import at_most
from pipeline.base.duck import connect
from pipeline.serving.releases import attach_read_only, copy_table, read_tables

REPEATS = 9
MONTH = "date_trunc('month', order_date)"
QUERIES = {
    "sales of each month": f"select {MONTH}, sum(net_sales), count(*) from core.fct_order group by 1 order by 1",
    "sales by channel": "select channel, sum(net_sales), count(*) from core.fct_order group by 1 order by 2 desc",
    "sales by country": """
        select country, sum(net_sales) from core.fct_order inner join core.dim_customer using (customer_key)
        group by 1 order by 2 desc""",
    "sales by country of its day": """
        select country, sum(net_sales) from core.fct_order
        inner join core.dim_customer_history using (customer_version_key) group by 1 order by 2 desc""",
    "sales of the last month by day": """
        select order_date, sum(net_sales), count(*) from core.fct_order where order_date >= date '2024-12-01'
        group by 1 order by 1""",
    "year over year": f"""
        select month(order_date), sum(net_sales) filter (year(order_date) = 2024),
        sum(net_sales) filter (year(order_date) = 2023) from core.fct_order
        where {MONTH} >= date '2023-01-01' group by 1""",
    "average order by channel and year": """
        select year(order_date), channel, sum(net_sales) / count(*) from core.fct_order
        where is_purchase group by 1, 2""",
    "best products": """
        select product_id, sum(net_amount), sum(quantity) from core.fct_order_line where is_goods
        group by 1 order by 2 desc limit 20""",
    "sales by category": """
        select category, sum(net_amount) from core.fct_order_line inner join core.dim_product using (product_id)
        where is_goods group by 1 order by 2 desc""",
    "margin of a year by category": """
        select category, sum(net_amount - cost_amount) from core.fct_order_line
        inner join core.dim_product using (product_id) where order_date >= date '2024-01-01' and is_goods group by 1""",
    "discounts of each month": f"""
        select {MONTH}, sum(order_discount_amount), sum(discount_amount) from core.fct_order
        group by 1 order by 1""",
    "returns of each month": """
        select date_trunc('month', return_date), count(*), sum(refund_amount) from core.fct_return
        group by 1 order by 1""",
    "return rate by channel": """
        select channel, sum(refund_amount) / sum(net_sales) from core.fct_order
        left join (select order_id, sum(refund_amount) as refund_amount from core.fct_return group by 1) as returned
        using (order_id) group by 1""",
    "active customers of each month": """
        select month_start_date, count(*) from core.fct_customer_month where purchases > 0 group by 1 order by 1""",
    "revenue and margin of each month": """
        select month_start_date, sum(net_revenue), sum(margin) from core.fct_customer_month group by 1 order by 1""",
    "customers by number of purchases": """
        select least(purchases, 20), count(*) from (
            select customer_id, sum(purchases) as purchases from core.fct_customer_month
            where month_start_date >= date '2024-07-01' group by 1
        ) as customers group by 1 order by 1""",
    "new customers of each month": """
        select date_trunc('month', first_purchase_date), count(*) from core.dim_customer group by 1 order by 1""",
    "one customer's orders": """
        select order_date, channel, net_sales from core.fct_order
        where customer_id = '{customer}' order by 1""",
    "one order's lines": """
        select line_number, product_id, net_amount from core.fct_order_line where order_id = 'shop:4711' order by 1""",
    "orders without a known customer": "select count(*) from core.fct_order where customer_id = 'unknown'",
}


def measure(warehouse: Path, folder: Path) -> list[dict[str, Any]]:
    """Copy the star as a release does, and as bare tables; ask both all queries in turn.

    Returns
    -------
    list of dict
        The worst ratio, with all of them beside it, and the slowest query.
    """
    published, bare = folder / "published.duckdb", folder / "bare.duckdb"
    with closing(connect(published)) as connection:
        attach_read_only(connection, warehouse, "warehouse")
        for table in read_tables(connection, "warehouse"):
            if table.schema == "core":
                copy_table(connection, "warehouse", table, table.schema)
    with duckdb.connect(str(bare)) as connection:
        connection.execute("create schema core")
        attach_read_only(connection, warehouse, "warehouse")
        for table in read_tables(connection, "warehouse"):
            if table.schema == "core":
                connection.execute(f"create table {table.sql_name} as from warehouse.{table.sql_name}")
    with duckdb.connect(str(published), read_only=True) as ours, duckdb.connect(str(bare), read_only=True) as peer:
        ((customer,),) = peer.execute("select max(customer_id) from core.dim_customer where not is_unknown").fetchall()
        seconds = {name: _in_turn(ours, peer, sql.format(customer=customer)) for name, sql in QUERIES.items()}
    ratios = {name: own / other for name, (own, other) in seconds.items()}
    listed = sorted(ratios.items(), key=lambda ratio: -ratio[1])
    slowest = max(seconds, key=lambda name: seconds[name][0])
    return [
        at_most(
            1.2, "dashboards.to_bare_table", listed[0][1], "times",
            ", ".join(f"{name} {ratio:.2f} ({seconds[name][0]:.3f} s)" for name, ratio in listed),
        ),
        at_most(1.0, "dashboards.slowest", seconds[slowest][0], "s", slowest),
    ]  # fmt: skip


def _in_turn(ours: duckdb.DuckDBPyConnection, peer: duckdb.DuckDBPyConnection, sql: str) -> tuple[float, float]:
    """Median seconds of both, asked turn by turn, once before it counts."""
    pairs = [(_seconds(ours, sql), _seconds(peer, sql)) for _ in range(REPEATS + 1)][1:]
    return median(own for own, _ in pairs), median(other for _, other in pairs)


def _seconds(connection: duckdb.DuckDBPyConnection, sql: str) -> float:
    began = time.perf_counter()
    connection.execute(sql).fetchall()
    return time.perf_counter() - began
