"""Features as histories: purchases and contracts of customers, and what they brought, month by month."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mining.segments.dates import Ints, month_of
from mining.segments.histories import FOREVER, Agreed, Contracts, Purchases
from mining.segments.tiers import NEVER, Months
from mining.store import PURCHASE_DAYS, SUBSCRIPTION_TERMS, VALUE_MONTHS, FeatureSet
from mining.subscriptions.terms import DAYS_OF_MONTH

BESIDE = {
    PURCHASE_DAYS: (),
    SUBSCRIPTION_TERMS: ("customer_id", "start_date", "end_date", "period_months", "period_days", "price"),
    VALUE_MONTHS: ("net_revenue", "contribution", "last_purchase_date"),
}
"""What is read beside the customers' features, and the columns beside the key."""
UNITS = 10_000
"""An amount has four digits (vars.amount of dbt_project.yml)."""


class Customers(NamedTuple):
    """Customers who have bought, or have had a contract, in the order of their first days.

    Attributes
    ----------
    ids
        customer_id (customers,).
    purchases, contracts
        Of these customers.
    is_left_truncated
        Who is perhaps older than the data.
    """

    ids: pa.Array
    purchases: Purchases
    contracts: Contracts
    is_left_truncated: NDArray[np.bool_]


class Values(NamedTuple):
    """What customers, households or accounts brought: ids, the months, and whether it is margin or net revenue."""

    ids: pa.Array
    months: Months
    basis: str


def read_customers(features: FeatureSet, now: pd.DataFrame) -> Customers:
    """Read purchases and contracts; `now` are the features of the as-of day."""
    bought, terms = features.beside[PURCHASE_DAYS.folder], _terms(features)
    found = pa.array(now["customer_id"], pa.string())
    others = pc.unique(terms["customer_id"].filter(pc.invert(pc.is_in(terms["customer_id"], found))))
    ids = pa.concat_arrays([found, others.sort()])
    buyer, day = places_of(bought["customer_id"], ids), days_of(bought["purchase_date"])
    holder, start = places_of(terms["customer_id"], ids), days_of(terms["start_date"])
    first = np.full(len(ids), FOREVER, dtype=np.int64)
    np.minimum.at(first, holder, start)
    begins = np.flatnonzero(np.diff(buyer, prepend=-1))
    first[buyer[begins]] = np.minimum(first[buyer[begins]], day[begins])
    order = np.argsort(first, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    is_left_truncated = np.zeros(len(ids), dtype=bool)
    is_left_truncated[: len(found)] = now["is_left_truncated"].fillna(value=False).to_numpy(bool)
    contracts = _contracts(terms, place[holder], len(ids))
    return Customers(
        ids.take(pa.array(order)), Purchases(place[buyer], day, len(ids)), contracts, is_left_truncated[order]
    )


def read_purchases(features: FeatureSet, ids: pa.Array) -> Purchases:
    """Read the purchases of some customers, who have all bought, or of more."""
    bought = features.beside[PURCHASE_DAYS.folder]
    return Purchases(places_of(bought["customer_id"], ids), days_of(bought["purchase_date"]), len(ids))


def read_contracts(features: FeatureSet, ids: pa.Array) -> Contracts:
    """Read the contracts of some customers."""
    terms = _terms(features)
    terms = terms.filter(pc.is_in(terms["customer_id"], ids))
    return _contracts(terms, places_of(terms["customer_id"], ids), len(ids))


def read_values(features: FeatureSet, kind: str) -> Values:
    """Read what the customers, households or accounts brought in each month.

    It is what is left after all costs or, where the cost of some goods is unknown, net revenue.
    """
    table = features.beside[VALUE_MONTHS.folder]
    is_kind = pc.equal(table["kind"], kind)  # rows of a kind stand together: they are sorted by the key
    table = table.slice(max(pc.index(is_kind, True).as_py(), 0), pc.sum(is_kind).as_py() or 0)
    ids = pc.unique(table["related_id"])
    month = month_of(days_of(table["month_start_date"]))
    by_month = np.argsort(month, kind="stable")
    has_costs = table["contribution"].null_count == 0
    value, revenue = units(table["contribution" if has_costs else "net_revenue"]), units(table["net_revenue"])
    last = table["last_purchase_date"].cast(pa.int32()).fill_null(NEVER).to_numpy().astype(np.int64)
    columns = places_of(table["related_id"], ids), month, value, revenue, last
    return Values(ids, Months(*(column[by_month] for column in columns)), "margin" if has_costs else "net_sales")


def places_of(column: pa.ChunkedArray, ids: pa.Array) -> Ints:
    """Return the place of each value in `ids`, which hold all of them."""
    encoded = pa.chunked_array([column.combine_chunks()]).dictionary_encode().combine_chunks()
    if not len(encoded):
        return np.zeros(0, dtype=np.int64)
    place = pc.index_in(encoded.dictionary, value_set=ids).to_numpy(zero_copy_only=False).astype(np.int64)
    return place[encoded.indices.to_numpy(zero_copy_only=False)]


def days_of(column: pa.ChunkedArray) -> Ints:
    """Return dates as days since 1970, `FOREVER` where there is none."""
    return column.cast(pa.int32()).fill_null(FOREVER).to_numpy().astype(np.int64)


def units(column: pa.ChunkedArray) -> Ints:
    """Return amounts in their smallest unit."""
    return np.rint(column.cast(pa.float64()).to_numpy() * UNITS).astype(np.int64)


def _terms(features: FeatureSet) -> pa.Table:
    terms = features.beside[SUBSCRIPTION_TERMS.folder]
    return terms.filter(pc.not_equal(terms["customer_id"], "unknown"))


def _contracts(terms: pa.Table, customer: Ints, customers: int) -> Contracts:
    months, days, price = (
        np.nan_to_num(terms[name].cast(pa.float64()).to_numpy()) for name in ("period_months", "period_days", "price")
    )
    period = np.where(months > 0, months * DAYS_OF_MONTH, days)
    start, end = days_of(terms["start_date"]), days_of(terms["end_date"])
    return Contracts(Agreed(customer, start, end, period, price), customers)
