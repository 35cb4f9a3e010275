"""Purchases in, what the job `segments` reads out."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pytest

from mining.segments.reading import BESIDE
from mining.store import PURCHASE_DAYS, SUBSCRIPTION_TERMS, VALUE_MONTHS, FeatureSet, feature_set
from tests.support.builds.mined import value_months

AS_OF = dt.date(2024, 12, 31)
Contract = tuple[str, dt.date, dt.date | None]
"""Who has it, its first day, and the first day without it. It is renewed each month."""


@pytest.fixture(scope="session")
def segment_features(build_features) -> Callable[..., FeatureSet]:
    """Return the function that turns purchases (customer_id, date, amount) and contracts into features."""

    def build(purchases: pd.DataFrame, contracts: Sequence[Contract] = (), as_of: dt.date = AS_OF) -> FeatureSet:
        features = feature_set(build_features(purchases, as_of), as_of)
        days = _purchase_days(purchases, as_of)
        beside = {PURCHASE_DAYS: days, VALUE_MONTHS: value_months(days), SUBSCRIPTION_TERMS: _terms(contracts, as_of)}
        read = {
            table.folder: feature_set(rows.select([*table.key, *BESIDE[table]]), as_of, table.folder, table.key).table
            for table, rows in beside.items()
        }
        return replace(features, beside=read)

    return build


def _purchase_days(purchases: pd.DataFrame, as_of: dt.date) -> pa.Table:
    known = purchases[purchases["date"] <= pd.Timestamp(as_of)]
    days = known.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    return pa.table({
        "as_of_date": pa.array([as_of] * len(days), pa.date32()),
        "customer_id": pa.array(days["customer_id"], pa.string()),
        "purchase_date": pa.array(days["date"].dt.date, pa.date32()),
        "net_sales": pa.array(days["amount"], pa.float64()),
    })  # fmt: skip


def _terms(contracts: Sequence[Contract], as_of: dt.date) -> pa.Table:
    known = [contract for contract in contracts if contract[1] <= as_of]
    ends = [end if end and end <= as_of else None for _, _, end in known]
    return pa.table({
        "as_of_date": pa.array([as_of] * len(known), pa.date32()),
        "subscription_id": pa.array([f"s{number}" for number in range(len(known))], pa.string()),
        "customer_id": pa.array([who for who, _, _ in known], pa.string()),
        "start_date": pa.array([start for _, start, _ in known], pa.date32()),
        "end_date": pa.array(ends, pa.date32()),
        "period_months": pa.array([1] * len(known), pa.int64()),
        "period_days": pa.array([0] * len(known), pa.int64()),
        "price": pa.array([10.0] * len(known), pa.float64()),
    })  # fmt: skip
