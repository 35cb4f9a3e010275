"""All mining jobs of a day, as the pipeline runs them one after another."""

import datetime as dt

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mining import jobs
from mining.registry import JOBS, find_job
from mining.store import (
    CAMPAIGN_CUSTOMERS,
    COMPLAINT_CUSTOMERS,
    CUSTOMER_FEATURES,
    ITEM_PURCHASES,
    PURCHASE_DAYS,
    VALUE_MONTHS,
)
from mining.subscriptions.terms import COLUMNS as TERMS
from pipeline.base.files import write_parquet
from pipeline.base.settings import Settings

AS_OF = dt.date(2024, 12, 31)
SOURCES = ("complete_journey",)
CUSTOMER_JOBS = [job for job in JOBS if find_job(job).source == CUSTOMER_FEATURES]


NO_DAYS = pa.schema(
    {
        "as_of_date": pa.date32(),
        "purchase_date": pa.date32(),
        "first_purchases": pa.int64(),
        "repeat_purchases": pa.int64(),
    }
).empty_table()
NO_EVENTS = pa.schema(
    {"as_of_date": pa.date32(), "event": pa.string(), "starts_on": pa.date32(), "ends_on": pa.date32()}
).empty_table()
NO_SUBSCRIPTIONS = pa.table(
    {
        "as_of_date": pa.array([], pa.date32()),
        "subscription_id": pa.array([], pa.string()),
        **{name: pa.array([], pa.string()) for name in sorted(TERMS)},
    }
)
NO_ITEMS = pa.schema(
    {
        **dict.fromkeys(("as_of_date", "purchase_date", "known_date"), pa.date32()),
        **dict.fromkeys(("customer_id", "product_id", "category"), pa.string()),
    }
).empty_table()
NO_CAMPAIGNS = pa.schema(
    {
        "as_of_date": pa.date32(),
        "start_date": pa.date32(),
        **dict.fromkeys(CAMPAIGN_CUSTOMERS.key[1:], pa.string()),
        **dict.fromkeys(sorted(find_job("uplift").reads - {"start_date", "arm"}), pa.float64()),
        "arm": pa.string(),
    }
).empty_table()

NO_COMPLAINTS = pa.schema(
    {
        "as_of_date": pa.date32(),
        "moment_id": pa.string(),
        **dict.fromkeys(sorted(find_job("recovery").reads - {"start_date", "handled", "is_over"}), pa.float64()),
        "start_date": pa.date32(),
        "handled": pa.string(),
        "is_over": pa.bool_(),
    }
).empty_table()


def purchase_days(features: pa.Table) -> pa.Table:
    """Purchase days that the features of the as-of day tell of, spread evenly from the first to the last."""
    names = ["as_of_date", "customer_id", "first_purchase_date", "last_purchase_date", "purchase_days", "net_sales"]
    frame = features.select(names).to_pandas()
    frame = frame[frame["as_of_date"] == frame["as_of_date"].max()]
    rows = frame.loc[frame.index.repeat(frame["purchase_days"].astype(int))]
    place = rows.groupby("customer_id").cumcount() / (rows["purchase_days"] - 1).clip(lower=1)
    first, last = (pd.to_datetime(rows[f"{name}_purchase_date"]) for name in ("first", "last"))
    days = (first + ((last - first) * place).dt.round("D")).dt.date
    columns = {
        "as_of_date": pa.array(rows["as_of_date"], pa.date32()),
        "customer_id": pa.array(rows["customer_id"], pa.string()),
        "purchase_date": pa.array(days, pa.date32()),
        "net_sales": pa.array((rows["net_sales"].astype(float) / rows["purchase_days"]).round(2), pa.float64()),
        "is_discounted": pa.array([None] * len(rows), pa.bool_()),
    }
    return pa.table(columns).sort_by([(name, "ascending") for name in PURCHASE_DAYS.key])


def value_months(days: pa.Table) -> pa.Table:
    """Months of customers; the cost of their goods is unknown."""
    frame = days.to_pandas()
    frame["month_start_date"] = pd.to_datetime(frame["purchase_date"]).dt.to_period("M").dt.start_time.dt.date
    by = frame.groupby(["as_of_date", "customer_id", "month_start_date"], as_index=False)
    found = by.agg(net_revenue=("net_sales", "sum"), last_purchase_date=("purchase_date", "max"))
    columns = {
        "as_of_date": pa.array(found["as_of_date"], pa.date32()),
        "kind": pa.array(["customer"] * len(found), pa.string()),
        "related_id": pa.array(found["customer_id"], pa.string()),
        "month_start_date": pa.array(found["month_start_date"], pa.date32()),
        "net_revenue": pa.array(found["net_revenue"], pa.float64()),
        "contribution": pa.array([None] * len(found), pa.float64()),
        "last_purchase_date": pa.array(found["last_purchase_date"], pa.date32()),
    }
    return pa.table(columns)


def write_features(settings: Settings, features: pa.Table, as_of: dt.date = AS_OF, days: pa.Table = NO_DAYS) -> None:
    """Write the files of a day: customers, purchases of each day (none: no season); no contracts, campaigns, items.

    In the order of their keys, as a build exports them.
    """
    in_order = features.sort_by([(name, "ascending") for name in CUSTOMER_FEATURES.key])
    write_parquet(settings.features / f"as_of={as_of}.parquet", in_order)
    tables = {
        "purchase_calendar": days.sort_by("purchase_date"),
        "event_days": NO_EVENTS,
        "subscription_terms": NO_SUBSCRIPTIONS,
        CAMPAIGN_CUSTOMERS.folder: NO_CAMPAIGNS,
        COMPLAINT_CUSTOMERS.folder: NO_COMPLAINTS,
        ITEM_PURCHASES.folder: NO_ITEMS,
        PURCHASE_DAYS.folder: (bought := purchase_days(features)),
        VALUE_MONTHS.folder: value_months(bought),
    }
    for name, table in tables.items():
        path = settings.features / name / f"as_of={as_of}.parquet"
        write_parquet(path, table.replace_schema_metadata(features.schema.metadata))


def mine(settings: Settings) -> dict[str, dict[str, pa.Table]]:
    """Train and score customers; return what was written, by job and table."""
    jobs.train_models(settings, as_of=AS_OF, sources=SOURCES)
    results = {job: jobs.score(job, settings, as_of=AS_OF, sources=SOURCES) for job in CUSTOMER_JOBS}
    return {
        job: {table: pq.ParquetFile(path).read() for table, path in result["files"].items()}
        for job, result in results.items()
    }
