"""What `perennial try` takes on a made-up shop: seconds, and megabytes at the peak.

`python -m benchmarks.first_look 1000000` measures another number of orders.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.rows import at_most
from pipeline.base.duck import quote_literal
from pipeline.base.settings import ROOT

ORDERS = 100_000
BOUNDS = {100_000: (60, 1024), 1_000_000: (180, 4096)}
"""Seconds, and megabytes."""
# Two years of customers who arrive evenly and buy at their own pace; two lines an order, in pounds.
SHOP = """
    with orders as (
        select
            order_number,
            floor(pow(hash(order_number, 'who') % 1000000 / 1e6, 2) * {customers})::bigint as customer,
            hash(order_number, 'when') % 1000000 / 1e6 as moment
        from range({orders}) as numbers (order_number)
    ),

    dated as (
        select *, hash(customer, 'from') % 1000000 / 1e6 * 0.9 as arrival from orders
    )

    select
        100000 + order_number as order_id,
        'C' || lpad(customer::varchar, 7, '0') as customer_id,
        timestamp '2023-01-01' + to_seconds(((arrival + (1 - arrival) * moment) * 730 * 86400)::bigint) as ordered_at,
        'P' || (hash(order_number, line, 'what') % 500) as product_id,
        1 + hash(order_number, line, 'pieces') % 3 as quantity,
        (500 + hash(order_number, line, 'price') % 4500) / 100 as unit_price,
        'GBP' as currency
    from dated, range(2) as lines (line)
"""
LOOK = """
import resource
from cli.main import main
assert main(["try", {file!r}, "--to", {folder!r}, "--no-open"]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def run(orders: int = ORDERS) -> list[dict[str, Any]]:
    """Measure in a temporary folder. The bounds are of a machine with two cores that does nothing else."""
    seconds, megabytes = BOUNDS[orders]
    with tempfile.TemporaryDirectory(prefix="perennial-") as scratch:
        file = Path(scratch) / "orders.csv"
        shop = SHOP.format(orders=orders, customers=orders * 3 // 10)
        duckdb.sql(f"copy ({shop}) to {quote_literal(str(file))} (header)")
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", LOOK.format(file=str(file), folder=scratch)],
            cwd=ROOT,
            env={**os.environ, "CRM_HOME": scratch},
            capture_output=True,
            text=True,
            check=True,
        )
        took, peak = time.perf_counter() - began, int(done.stdout.split()[-1])
    about = f"{orders:,} orders, {2 * orders:,} lines"
    name = f"first_look.{orders // 1000}k_orders"
    return [
        at_most(seconds, f"{name}.seconds", took, "s", about),
        at_most(megabytes, f"{name}.peak", peak, "MB", about),
    ]


if __name__ == "__main__":
    print(*run(int(sys.argv[1])), sep="\n")
