"""What is new to a customer: inputs of items that others have bought, and the rankers that read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from mining.offers.due import NEIGHBOURS, TIFU
from mining.offers.history import Floats, Ints, Pairs, Purchases
from mining.offers.neighbours import Neighbours, basket_weights, item_likeness, normalised, summed

ITEMS = 1_000
"""Items that may be offered as new: the most bought of late."""
HALF_LIFE = 42
RECENT = {"alike_28": 28, "alike_126": 126}
"""Half-lives of what neighbours have bought, in days."""
LONG = 126
GROUP_WEIGHT = 20.0
LEAST = 1e-5
POPULARITY = ("buyers",)


def blended(alike: str) -> tuple[str, ...]:
    """Inputs of the blend: what similar customers buy of late, categories, items bought together, the customer."""
    return (alike, "group", "together", "customer_new", "customer_purchases")


@dataclass(frozen=True)
class Candidates:
    """Items that may be offered as new on a day, and what is known of everybody's purchases by then.

    Attributes
    ----------
    day
        The day, since 1970-01-01.
    items
        Codes of the candidates, sorted.
    purchases, pairs
        What was known on the day.
    """

    day: int
    items: Ints
    purchases: Purchases
    pairs: Pairs

    @cached_property
    def owned(self) -> csr_matrix:
        """1 where a customer has bought an item, shape (customers, items)."""
        return self.purchases.matrix(self.pairs, np.ones(len(self.pairs.item)))

    @cached_property
    def recent(self) -> csr_matrix:
        """Purchases with a half-life of 126 days, shape (customers, items)."""
        return self.purchases.matrix(self.pairs, self.purchases.decayed(self.pairs, self.day, LONG))

    @cached_property
    def similar(self) -> Neighbours:
        """Customers who own alike things."""
        return Neighbours.of(self.owned)

    @cached_property
    def taste(self) -> csr_matrix:
        """Purchases of the candidates, a customer's of all items having length one: shape (customers, candidates)."""
        return csr_matrix(normalised(self.recent)[:, self.items])

    @cached_property
    def likeness(self) -> Floats:
        """Which candidates have the same buyers, shape (candidates, candidates)."""
        return item_likeness(self.owned, self.items)

    @cached_property
    def group_purchases(self) -> tuple[csr_matrix, Floats]:
        """Purchases of each group, shape (customers, groups), and the groups' shares of all."""
        groups = self.purchases.groups
        has_group = np.flatnonzero(groups >= 0)
        shape = (len(groups), int(groups.max()) + 1)
        member = csr_matrix((np.ones(len(has_group)), (has_group, groups[has_group])), shape=shape)
        bought = csr_matrix(self.recent @ member)
        usual = np.asarray(bought.sum(axis=0)).ravel()
        return bought, usual / max(usual.sum(), 1e-9)


def candidates(purchases: Purchases, day: int) -> Candidates:
    """Choose the candidates from what was known on a day."""
    known = purchases.until(day)
    pairs = known.pairs()
    size = len(purchases.items)
    lately = np.bincount(pairs.item, np.exp2((pairs.last - day) / HALF_LIFE), size)
    order = np.lexsort((np.arange(size), -lately))[:ITEMS]
    return Candidates(day, np.sort(order[lately[order] > 0]), known, pairs)


def new_inputs(names: Iterable[str], found: Candidates, rows: Ints) -> dict[str, Floats]:
    """Inputs of each candidate for some customers: logs of counts and shares, each broadcast to (rows, candidates)."""
    made = {"buyers": _buyers, "group": _group, "together": _together, "customer_new": _new, "customer_purchases": _all}
    inputs = {}
    for name in names:
        if name in RECENT:
            inputs[name] = _alike(found, rows, RECENT[name])
        elif name in TIFU:
            inputs[name] = _tifu(found, rows, TIFU[name])
        else:
            inputs[name] = made[name](found, rows)
    return inputs


def is_owned(found: Candidates, rows: Ints) -> np.ndarray:
    """Whether customers have bought the candidates, shape (rows, candidates)."""
    return np.asarray(found.owned[rows][:, found.items].toarray()) > 0


def _buyers(found: Candidates, rows: Ints) -> Floats:  # noqa: ARG001  the same for everybody
    counts = np.asarray(found.owned.sum(axis=0)).ravel()
    return np.log(0.5 + counts[found.items])[None, :]


def _alike(found: Candidates, rows: Ints, half_life: int) -> Floats:
    """What the customers who own alike things have bought of late."""
    values = np.minimum(found.purchases.decayed(found.pairs, found.day, half_life), 1.0)
    lately = found.purchases.matrix(found.pairs, values)
    return np.log(LEAST + found.similar.means(lately, rows, found.items, NEIGHBOURS))


def _tifu(found: Candidates, rows: Ints, group_size: int) -> Floats:
    """Return the part of TIFU-KNN that the neighbours are: the customer has none of these items."""
    own = summed(found.pairs, basket_weights(found.purchases, group_size))
    vectors = found.purchases.matrix(found.pairs, own)
    return np.log(1e-9 + Neighbours.of(vectors).means(vectors, rows, found.items, NEIGHBOURS))


def _group(found: Candidates, rows: Ints) -> Floats:
    """How much more than others the customer buys of the item's group; 0 for an item without one."""
    of_item = found.purchases.groups[found.items]
    if of_item.max(initial=-1) < 0:
        return np.zeros((1, 1))
    of_all, usual = found.group_purchases
    bought = np.asarray(of_all[rows].toarray())
    share = (bought + GROUP_WEIGHT * usual) / (bought.sum(axis=1, keepdims=True) + GROUP_WEIGHT)
    liking = np.log(np.maximum(share, 1e-9) / np.maximum(usual, 1e-9))
    return np.where(of_item >= 0, liking[:, np.maximum(of_item, 0)], 0.0)


def _together(found: Candidates, rows: Ints) -> Floats:
    """How often the item has the same buyers as what the customer buys."""
    return np.log(1e-3 + np.asarray(found.taste[rows] @ found.likeness))


def _new(found: Candidates, rows: Ints) -> Floats:
    """Items that the customer bought for the first time in the last 84 days."""
    count = np.bincount(found.pairs.customer, found.pairs.first > found.day - 84, len(found.purchases.customers))
    return np.log1p(count[rows])[:, None]


def _all(found: Candidates, rows: Ints) -> Floats:
    return np.log(0.1 + np.asarray(found.recent[rows].sum(axis=1)).reshape(-1, 1))
