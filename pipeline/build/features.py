"""Features leave the warehouse as Parquet files, the only thing that mining reads."""

from pathlib import Path

import duckdb

from pipeline.base.duck import connect, quote_literal
from pipeline.base.errors import UserError
from pipeline.base.files import atomic_path
from pipeline.base.numbers import counted
from pipeline.base.scratch import scratch_folder
from pipeline.base.settings import Settings
from pipeline.build.plan import Plan, load_plan

CUSTOMERS = "customer_features"
EXPORTED = {
    CUSTOMERS: "as_of_date, customer_id",
    "campaign_arms": "as_of_date, campaign_id, segment, measure, arm",
    "campaign_customers": "as_of_date, campaign_id, period, customer_id",
    "complaint_customers": "as_of_date, moment_id",
    "purchase_calendar": "as_of_date, purchase_date",
    "item_purchases": "as_of_date, customer_id, product_id, purchase_date",
    "purchase_days": "as_of_date, customer_id, purchase_date",
    "touch_transitions": "as_of_date, from_state, to_state",
    "event_days": "as_of_date, event, starts_on",
    "subscription_terms": "as_of_date, subscription_id",
    "value_months": "as_of_date, kind, related_id, month_start_date",
}
"""The tables of the schema features that mining reads, with the order of their rows."""


def features_path(settings: Settings, as_of: str, table: str = CUSTOMERS) -> Path:
    """Return the file of an as-of date: of customers, today's rows and those of the training cut-offs."""
    folder = settings.features if table == CUSTOMERS else settings.features / table
    return folder / f"as_of={as_of}.parquet"


def export_features(settings: Settings) -> str:
    """Write the feature files of the planned build; return how many rows of customers there are.

    The metadata of a file say which sources and inputs it was written for.

    Raises
    ------
    UserError
        No customer has a purchase, so that there is nothing to score.
    """
    plan = load_plan(settings)
    with (
        scratch_folder(settings.home) as spill,
        connect(settings.warehouse, read_only=True, spill=spill) as warehouse,
    ):
        rows = write_features(warehouse, settings, plan)
        if not rows:
            raise UserError(f"{why_nothing(warehouse, plan.as_of_date)} Nothing was published.")
    return f"{rows:,} rows"


def write_features(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, plan: Plan, schema: str = "features"
) -> int:
    """Write the feature files of a plan, where a customer has a purchase; return how many rows of customers there are.

    `schema` has the tables.
    """
    made_for = {
        "perennial.sources": ",".join(plan.sources),
        "perennial.input_hash": plan.input_hash,
        "perennial.currency": plan.currency,
    }
    metadata = ", ".join(f"{quote_literal(name)}: {quote_literal(value)}" for name, value in made_for.items())
    (rows,) = warehouse.execute(f"select count(*) from {schema}.{CUSTOMERS}").fetchall()[0]
    for table, order in EXPORTED.items() if rows else ():
        with atomic_path(features_path(settings, plan.as_of_date, table)) as temporary:
            to = f"{quote_literal(str(temporary))} (format parquet, compression zstd, kv_metadata {{{metadata}}})"
            warehouse.execute(f"copy (select * from {schema}.{table} order by {order}) to {to}")
    return int(rows)


def why_nothing(warehouse: duckdb.DuckDBPyConnection, as_of: str, schema: str = "core") -> str:
    """Return why no customer has a purchase to score, and where to look; `schema` has the orders."""
    orders, known, purchases = warehouse.execute(
        "select count(*), count(*) filter (customer_id <> 'unknown'),"
        f" count(*) filter (customer_id <> 'unknown' and is_purchase) from {schema}.fct_order"
    ).fetchall()[0]
    nothing = "There is no customer to score:"
    if not orders:
        return (
            f"{nothing} the warehouse has no order with a line that could be read. See ops.row_fates in the warehouse "
            "for what became of the landed rows."
        )
    if not known:
        return (
            f"{nothing} {counted(orders, 'order')}, and none names a customer. Map source_customer_id in the staging "
            "model of orders; a value that stands for no customer (an empty text, 0, 'guest') has to be null there."
        )
    of_known = f"{nothing} known customers have {counted(known, 'order')}, and none"
    if not purchases:
        return f"{of_known} is a purchase (docs/decisions.md says what is one)."
    return f"{of_known} that is a purchase was known by {as_of}, the as-of date."
