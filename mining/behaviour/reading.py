"""Features as histories: who bought when, for how much, and whether below the list price."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mining.behaviour.histories import Calendar, Floats, Histories, Ints, calendar_of, with_expected_discount
from mining.store import EPOCH, FeatureSet

LEAST_DISCOUNTED = 0.02
"""Share of purchases at a discount, and of those without, below which nothing is learned of prices."""


class Customers(NamedTuple):
    """Customers with a purchase in the window, sorted by id, and what they bought.

    Attributes
    ----------
    ids
        customer_id (customers,).
    histories
        Their purchases; `histories.customer` is the place in `ids`.
    calendar
        The days of the window.
    first_day
        Its first day.
    events
        Names of the known events in the calendar; event i is cell `WEEKS + i`.
    """

    ids: list[str]
    histories: Histories
    calendar: Calendar
    first_day: dt.date
    events: tuple[str, ...]


def read_customers(features: FeatureSet, events: Sequence[str] | None = None) -> Customers | None:
    """Read the purchase days of the window, which ends on the as-of day; None where nobody bought anything in it.

    `events` are those that a model has learned from: others are days like any other. By default all that are known.
    """
    table = features.table
    if not table.num_rows:
        return None
    dates = np.asarray(table["purchase_date"].cast(pa.date32()).cast(pa.int32()).to_numpy(), dtype=np.int64)
    last = (features.as_of - EPOCH).days
    first = int(dates.min())
    encoded = table["customer_id"].combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    order = np.argsort(np.array(names, dtype=object))
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    customer = place[encoded.indices.to_numpy()]
    rows = np.lexsort((dates, customer))
    amount = table["net_sales"].cast(pa.float64()).to_numpy(zero_copy_only=False)
    reduced = pc.fill_null(table["is_discounted"], False).to_numpy(zero_copy_only=False).astype(bool)
    if not LEAST_DISCOUNTED <= reduced.mean() <= 1 - LEAST_DISCOUNTED:
        reduced = np.zeros_like(reduced)
    day, bought = dates[rows] - first, np.nan_to_num(amount[rows])
    histories = Histories(customer[rows], day, bought, reduced[rows], np.zeros(len(rows)))
    first_day = EPOCH + dt.timedelta(days=first)
    days = np.datetime64(first_day) + np.arange(last - first + 1)
    known = features.events(features.as_of)
    named = tuple(sorted(set(known["event"]))) if events is None else tuple(events)
    calendar = calendar_of(histories, _day_of_year(days), _event_of_day(known, named, days), len(named))
    histories = with_expected_discount(histories, calendar.discounted)
    return Customers([names[i] for i in order], histories, calendar, first_day, named)


def _day_of_year(days: np.ndarray) -> Ints:
    return (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)


def _event_of_day(known: pd.DataFrame, names: Sequence[str], days: np.ndarray) -> Ints:
    """Return the number of the event of each day, -1 without one; of two on one day, the first of `names`."""
    event = np.full(len(days), -1, dtype=np.int64)
    for number, name in reversed(list(enumerate(names))):
        rows = known[known["event"] == name]
        starts, ends = (rows[column].to_numpy("datetime64[D]") for column in ("starts_on", "ends_on"))
        event[((days[:, None] >= starts) & (days[:, None] <= ends)).any(axis=1)] = number
    return event


def season_of_cells(calendar: Calendar, first_day: dt.date) -> tuple[Floats, Ints]:
    """Return how many days each cell has, and the month (1 to 12) that most of them lie in."""
    days = np.datetime64(first_day) + np.arange(calendar.days)
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    count = np.zeros((calendar.cells, 12))
    np.add.at(count, (calendar.cell, month), 1)
    return count.sum(axis=1), count.argmax(axis=1) + 1
