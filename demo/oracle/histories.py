"""What is observable of customers by an as-of day: purchases in the window, their failures, values, campaigns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.world.lives import Lives
from demo.world.paths import loads

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Events:
    """The seen purchases, sorted by (row, time)."""

    row: Ints  # of the history
    at: Floats
    net: Floats  # SGD without tax
    campaign: NDArray[np.int16]
    failure: NDArray[np.int8]
    handled: NDArray[np.int8]
    is_first: NDArray[np.bool_]


@dataclass(frozen=True)
class Histories:
    """One row per customer who bought in the window before the as-of day. Times are days."""

    as_of_day: float
    person: Ints
    first_at: Floats
    last_at: Floats
    orders: Ints
    spend: Floats  # sum of the orders' net values
    core_load: Floats  # what the failures seen add to the hazard's multiplier
    encounter_load: Floats
    treated: NDArray[np.bool_]  # (campaign, row)
    events: Events

    @property
    def repeats(self) -> Ints:
        """Purchases after the first."""
        return self.orders - 1

    def sums(self, values: Floats) -> Floats:
        """Sum a value of events per row."""
        return weighted_counts(self.events.row, values, len(self.person))


def weighted_counts(cells: Ints, weights: Floats, length: int) -> Floats:
    """Sum the weights of each cell."""
    return np.bincount(cells, weights=weights, minlength=length).astype(np.float64, copy=False)


def seen_persons(lives: Lives, as_of_day: float) -> Ints:
    """Persons with at least one purchase in the window before the as-of day, in order."""
    purchases = lives.purchases
    person = purchases.person[(purchases.at >= 0) & (purchases.at < as_of_day)]
    return person[np.diff(person, prepend=-1) > 0]


def observe(lives: Lives, as_of_day: float, persons: Ints) -> Histories:
    """Return the histories of some observed persons (sorted), without anything on or after the as-of day."""
    row_of = np.full(len(lives.persons.rate), -1, dtype=np.int64)
    row_of[persons] = np.arange(len(persons))
    purchases = lives.purchases
    kept = np.flatnonzero((row_of[purchases.person] >= 0) & (purchases.at >= 0) & (purchases.at < as_of_day))
    row, at, net = row_of[purchases.person[kept]], purchases.at[kept], purchases.net_cents[kept] / 100
    orders = np.bincount(row, minlength=len(persons))
    last = np.cumsum(orders) - 1
    first = last - orders + 1
    is_first = np.zeros(len(row), dtype=bool)
    is_first[first] = True
    failure, handled = purchases.failure[kept], purchases.handled[kept]
    core, encounter = (
        weighted_counts(row, load, len(persons)) for load in loads(lives.world.service, failure, handled)
    )
    return Histories(
        as_of_day,
        persons,
        at[first],
        at[last],
        orders,
        weighted_counts(row, net, len(persons)),
        core,
        encounter,
        _treated(lives, row_of, len(persons), as_of_day),
        Events(row, at, net, purchases.campaign[kept], failure, handled, is_first),
    )


def _treated(lives: Lives, row_of: Ints, rows: int, as_of_day: float) -> NDArray[np.bool_]:
    treated = np.zeros((len(lives.campaigns), rows), dtype=bool)
    audience = lives.audience
    kept = audience.is_treated & (row_of[audience.person] >= 0)
    treated[audience.campaign[kept], row_of[audience.person[kept]]] = True
    return treated & np.array([campaign.start_day < as_of_day for campaign in lives.campaigns])[:, None]
