"""A made-up shop: purchases in, the features table that mining reads out."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mining.registry import find_job
from mining.store import SOURCES_KEY
from pipeline.base.settings import Settings, load_settings
from tests.support.builds.mined import CUSTOMER_JOBS, write_features

AS_OF = dt.date(2024, 12, 31)
SOURCES = ("complete_journey",)
MONEY = pa.decimal128(18, 4)
COLUMNS = frozenset(name for job in CUSTOMER_JOBS for name in find_job(job).reads)
Builder = Callable[..., pa.Table]


def _window(days: pd.DataFrame, date: pd.Timestamp, first: int, last: int) -> pd.DataFrame:
    ago = (date - days["date"]).dt.days
    return days[(ago >= first) & (ago <= last)].groupby("customer_id")["amount"].agg(["count", "sum"])


def features_at(purchases: pd.DataFrame, on: dt.date) -> pd.DataFrame:
    """Features on one date, from rows (customer_id, date, amount), by the plainest means."""
    date = pd.Timestamp(on)
    seen = purchases[purchases["date"] <= date]
    days = seen.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    days["gap"] = days.groupby("customer_id")["date"].diff().dt.days
    days["later"] = days["gap"].notna()
    by = days.groupby("customer_id")
    frame = pd.DataFrame({"first_purchase_date": by["date"].min(), "last_purchase_date": by["date"].max()})
    frame["as_of_date"] = on
    frame["purchase_days"] = by.size()
    frame["recency_days"] = (date - frame["last_purchase_date"]).dt.days
    frame["tenure_days"] = (date - frame["first_purchase_date"]).dt.days
    frame["active_span_days"] = frame["tenure_days"] - frame["recency_days"]
    frame["purchases"] = seen.groupby("customer_id").size()
    frame["quantity"] = frame["purchases"].astype(float)
    frame["net_sales"] = by["amount"].sum()
    for prefix, paid in (("", days["amount"] > 0), ("repeat_", days["later"] & (days["amount"] > 0))):
        spend = days[paid].groupby("customer_id")["amount"]
        frame[f"{prefix}spend_days"] = spend.size().reindex(frame.index, fill_value=0)
        frame[f"{prefix}spend_amount"] = spend.sum().reindex(frame.index, fill_value=0.0)
    for name, first, last in (("28d", 0, 27), ("prior_28d", 28, 55), ("84d", 0, 83), ("365d", 0, 364)):
        window = _window(days, date, first, last).reindex(frame.index, fill_value=0)
        frame[f"purchase_days_{name}"], frame[f"net_sales_{name}"] = window["count"], window["sum"]
    frame["gap_mean_days"] = by["gap"].mean()
    frame["gap_stddev_days"] = by["gap"].std()
    frame["gap_log_mean"] = np.log(days["gap"]).groupby(days["customer_id"]).mean()
    frame["is_left_truncated"] = frame["first_purchase_date"] < purchases["date"].min() + pd.Timedelta(days=28)
    frame = frame.drop(columns=["purchase_days_365d", "net_sales_prior_28d"]).reset_index()
    return frame.assign(**dict.fromkeys(COLUMNS - set(frame.columns), np.nan))


@pytest.fixture(scope="session")
def build_features() -> Builder:
    """Return the function that turns purchases into a features table."""

    def build(purchases: pd.DataFrame, as_of: dt.date = AS_OF, dates: Sequence[dt.date] = ()) -> pa.Table:
        frame = pd.concat([features_at(purchases, date) for date in sorted({*dates, as_of})], ignore_index=True)
        columns = {}
        for name in frame.columns:
            column = pa.array(frame[name], from_pandas=True)
            if name.endswith("_date"):
                column = column.cast(pa.date32())
            elif name in {"net_sales", "spend_amount", "repeat_spend_amount"} or name.startswith("net_sales_"):
                column = column.cast(MONEY)
            elif pa.types.is_integer(column.type):
                column = column.cast(pa.int64())
            columns[name] = column
        return pa.table(columns, metadata={SOURCES_KEY: ",".join(SOURCES)})

    return build


@pytest.fixture(scope="session")
def purchases() -> pd.DataFrame:
    """Two years of 2,000 customers who buy at their own rates and leave for good at their own time (seeded)."""
    random = np.random.default_rng(7)
    start, days = pd.Timestamp("2023-01-01"), 731
    rows = []
    for number in range(2000):
        level = 60 / random.gamma(4.0)
        gap, life = random.gamma(1.0, 25.0) + 2, random.exponential(500.0)
        day = random.uniform(0, 600)
        leaves = day + life
        while day < min(days, leaves):
            rows.append(
                (f"C{number:04d}", start + pd.Timedelta(days=int(day)), round(random.gamma(3.0) * level + 0.01, 2))
            )
            day += random.exponential(gap) + 1
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


@pytest.fixture(scope="session")
def feature_dates() -> list[dt.date]:
    """As a build asks for them: cut-offs of churn, and one a third of the span back for lifetime value."""
    return [AS_OF - dt.timedelta(days=days) for days in (*range(0, 280, 28), 243)]


@pytest.fixture(scope="session")
def shop(build_features: Builder, purchases: pd.DataFrame, feature_dates: list[dt.date]) -> pa.Table:
    return build_features(purchases, dates=feature_dates)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"CRM_HOME": str(tmp_path / "home"), "CRM_SOURCES": SOURCES[0]})


@pytest.fixture
def landed(settings: Settings, shop: pa.Table) -> Settings:
    """Settings whose home holds the features of 300 of the shop's customers."""
    few = shop.filter(pc.less(shop["customer_id"], "C0300"))
    write_features(settings, few)
    return settings
