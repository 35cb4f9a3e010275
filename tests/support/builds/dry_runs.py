"""What a dry run says of a source, beside what a build has made of it."""

from collections import Counter
from decimal import Decimal
from typing import Any

import duckdb

from pipeline.base.catalog import table
from pipeline.onboarding.trial.dry_run import Outcome

RECEIVED = "select table_name, sum(received)::bigint from ops.load_receipts where source = $1 group by 1"
FATES = """
select case when entity = 'none' then '' else entity end, fate, reason, sum(landed_rows)::bigint
from ops.row_fates where source_system = $1 group by all
"""
MONTHS = f"""
with months as (
    select strftime(order_date, '%Y-%m') as month, is_purchase, net_sales, 0 as refunds
    from core.fct_order where source_system = $1
    union all
    select strftime(return_date, '%Y-%m'), false, 0, {table("fct_return").measures["refunds"]}
    from core.fct_return where source_system = $1
)
select month, count(*) filter (is_purchase), sum(net_sales), sum(refunds) from months group by 1 order by 1
"""
UNSOLD = """
select
    coalesce(sum(unsold_amount), 0), count(*) filter (not is_purchase and unsold_amount <> 0),
    coalesce(sum(shipping_amount), 0)
from core.fct_order where source_system = $1
"""
BUYERS = """
select count(distinct customer_id)
from core.fct_order where is_purchase and customer_id <> 'unknown' and source_system = $1
"""
CUSTOMERS = """
select count(distinct customer_id) from core.bridge_customer_source where is_current and source_system = $1
"""


def said(outcome: Outcome) -> dict[str, Any]:
    """The figures of `perennial check`."""
    fates: Counter[tuple[str, str, str | None]] = Counter()
    for fate in outcome.fates:
        fates[(fate.entity, fate.fate, fate.reason)] += fate.rows
    found: dict[str, Any] = {"received": outcome.received, "fates": dict(fates), "currency": outcome.currency}
    if not outcome.months:
        return found
    months = [(month.month, month.orders, month.net_sales, month.refunds) for month in outcome.months]
    unsold = (outcome.unsold, outcome.unsold_orders, outcome.shipping)
    return {**found, "months": months, "unsold": unsold, "customers": (outcome.customers, outcome.buyers)}


def built(source: str, warehouse: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The same figures of a warehouse, or of a release."""

    def ask(query: str) -> list[tuple[Any, ...]]:
        return warehouse.execute(query, [source]).fetchall()

    ((currency,),) = warehouse.execute("select distinct currency from core.fct_order").fetchall()
    found: dict[str, Any] = {
        "received": dict(ask(RECEIVED)),
        "fates": {(entity, fate, reason): rows for entity, fate, reason, rows in ask(FATES)},
        "currency": currency,
    }
    months = [(month, orders, Decimal(sales), Decimal(refunds)) for month, orders, sales, refunds in ask(MONTHS)]
    if not months:
        return found
    return {**found, "months": months, "unsold": ask(UNSOLD)[0], "customers": (ask(CUSTOMERS)[0][0], ask(BUYERS)[0][0])}
