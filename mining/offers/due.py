"""What is due again: inputs of the items that a customer owns, and the rankers that read them."""

from typing import NamedTuple

import numpy as np

from mining.offers.history import Floats, Ints, Pairs, Purchases
from mining.offers.neighbours import Neighbours, basket_weights, summed

HALF_LIVES = (7, 14, 42, 126, 365)
"""Days in which a purchase comes to count half."""
NEIGHBOURS = 300
OWN_SHARE = 0.7
"""Of the customer's own vector in TIFU-KNN, beside the neighbours' mean."""
GROUP_SIZES = (3, 7)
"""Baskets of a group in TIFU-KNN."""
SHRINK = 5.0
LEAST = 1e-3
FREQUENCY = ("bought",)
RECENT = {f"recent_{days}": days for days in HALF_LIVES}
TIFU = {f"tifu_{size}": size for size in GROUP_SIZES}
RHYTHM = (
    "bought", *RECENT, "days_since", "overdue", "overdue_squared", "gap", "is_once",
    "item_again", "item_trend", "item_buyers", "customer_recent", "customer_purchases",
)  # fmt: skip


class Items(NamedTuple):
    """What is known of each item by a day: log-odds that an owner buys it again in a horizon, trend, log of buyers."""

    again: Floats
    trend: Floats
    buyers: Floats


def item_facts(purchases: Purchases, day: int, horizon: int) -> Items:
    """Learn of items from what was known on a day: who owned them a horizon before, and bought them again since."""
    known, before = purchases.until(day), purchases.until(day - horizon)
    now, then, size = known.pairs(), before.pairs(), len(purchases.items)
    key = then.customer * size + then.item
    again = np.isin(key, known.between(day - horizon, day), assume_unique=True)
    owners, repeats = np.bincount(then.item, minlength=size), np.bincount(then.item, again, size)
    base = (again.sum() + 1) / (len(key) + 2)
    rate = (repeats + SHRINK * base) / (owners + SHRINK)
    short, long = (np.bincount(now.item, known.decayed(now, day, days), size) for days in (14, 126))
    return Items(np.log(rate / (1 - rate)), np.log((short + 1) / (long + 1)), np.log1p(long))


def due_inputs(purchases: Purchases, pairs: Pairs, items: Items, day: int) -> dict[str, Floats]:
    """Inputs of each pair, as of a day: logs of counts, days and rates.

    Parameters
    ----------
    purchases, pairs
        What was known on the day, of the customers who are asked about.
    items
        What is known of the items, from everybody.
    day
        The day, since 1970-01-01.
    """
    recent = {name: purchases.decayed(pairs, day, half_life) for name, half_life in RECENT.items()}
    since = (day - pairs.last).astype(np.float64)
    gap = usual_gap(pairs)
    late = np.where(gap > 0, np.log((since + 1) / (gap + 1)), 0.0)
    of_customer = {
        n: np.bincount(pairs.customer, recent[n], len(purchases.customers)) for n in ("recent_14", "recent_126")
    }
    return {
        "bought": np.log(pairs.bought),
        **{name: np.log(LEAST + value) for name, value in recent.items()},
        "days_since": np.log1p(since),
        "overdue": late,
        "overdue_squared": late**2,
        "gap": np.log1p(gap),
        "is_once": (pairs.bought == 1).astype(np.float64),
        "item_again": items.again[pairs.item],
        "item_trend": items.trend[pairs.item],
        "item_buyers": items.buyers[pairs.item],
        "customer_recent": np.log(LEAST + of_customer["recent_14"])[pairs.customer],
        "customer_purchases": np.log(LEAST + of_customer["recent_126"])[pairs.customer],
    }


def tifu(purchases: Purchases, asked: Pairs, group_size: int) -> Floats:
    """Score pairs by TIFU-KNN: the customer's own weighted baskets, and the mean of those of the nearest customers.

    Hu, He, Gao & Zhang (2020), "Modeling Personalized Item Frequency Information for Next-basket Recommendation",
    SIGIR. Neighbours are nearest by cosine.
    """
    pairs = purchases.pairs()
    own = summed(pairs, basket_weights(purchases, group_size))
    vectors = purchases.matrix(pairs, own)
    size = len(purchases.items)
    place = np.searchsorted(pairs.customer * size + pairs.item, asked.customer * size + asked.item)
    theirs = Neighbours.of(vectors).means_of_pairs(vectors, asked, NEIGHBOURS)
    return OWN_SHARE * own[place] + (1 - OWN_SHARE) * theirs


def usual_gap(pairs: Pairs) -> Floats:
    """Mean days between a customer's purchases of an item; 0 with one purchase."""
    return np.asarray((pairs.last - pairs.first) / np.maximum(pairs.bought - 1, 1), np.float64)


def inputs_of(names: tuple[str, ...], purchases: Purchases, rows: Ints, items: Items, day: int) -> tuple[Pairs, Floats]:
    """Return the pairs of some customers and a ranker's inputs of them, shape (pairs, inputs).

    `purchases` are all that were known on the day: the neighbours of TIFU-KNN are among everybody.
    """
    asked = np.zeros(len(purchases.customers), bool)
    asked[rows] = True
    of_rows = purchases.of_customers(asked)
    pairs = of_rows.pairs()
    if names[0] in TIFU:
        return pairs, np.log(1e-9 + tifu(purchases, pairs, TIFU[names[0]]))[:, None]
    inputs = due_inputs(of_rows, pairs, items, day)
    return pairs, np.column_stack([inputs[name] for name in names])
