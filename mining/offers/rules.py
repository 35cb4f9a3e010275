"""Association rules: of the customers who bought one item, how many bought another, and how that compares with all."""

from typing import NamedTuple

import numpy as np

from mining.offers.history import Floats, Ints
from mining.offers.new import Candidates

ANCHORS = 1_000
"""Items that an offer may be explained by: those with the most buyers."""
SUPPORT = 10
"""Customers who have bought both items, at least."""
Z = 1.959964


class Rules(NamedTuple):
    """Rules from anchors to the candidates, shape (anchors, candidates).

    Attributes
    ----------
    anchors
        Codes of the items that explain.
    together, confidence, lift, low, high
        Customers who have bought both; their share of the anchor's buyers; that share over the candidate's share of all
        buyers, with its 95 % interval. `low` is 0 where fewer than `SUPPORT` have bought both.
    """

    anchors: Ints
    together: Floats
    confidence: Floats
    lift: Floats
    low: Floats
    high: Floats


def rules(found: Candidates) -> Rules:
    """Count who has bought what.

    The log of the lift t N / (a b) has, for a multinomial sample of N customers of whom a bought one item, b the other
    and t both, the variance 1/t - 1/a - 1/b + 2t/(ab) - 1/N (delta method).
    """
    buyers = np.asarray(found.owned.sum(axis=0)).ravel()
    order = np.lexsort((np.arange(len(buyers)), -buyers))[:ANCHORS]
    anchors = np.sort(order[buyers[order] > 0])
    customers = max(len(np.unique(found.pairs.customer)), 1)
    together = np.asarray((found.owned[:, anchors].T @ found.owned[:, found.items]).toarray())
    of_anchor, of_item = buyers[anchors][:, None], buyers[found.items][None, :]
    known = np.maximum(together, 1.0)
    confidence = together / np.maximum(of_anchor, 1)
    lift = confidence * customers / np.maximum(of_item, 1)
    variance = 1 / known - 1 / of_anchor - 1 / of_item + 2 * known / (of_anchor * of_item) - 1 / customers
    width = np.exp(Z * np.sqrt(np.maximum(variance, 0)))
    low = np.where((together >= SUPPORT) & (anchors[:, None] != found.items[None, :]), lift / width, 0.0)
    return Rules(anchors, together, confidence, lift, low, lift * width)


def best_rules(found: Candidates, learned: Rules, customer: Ints, candidate: Ints) -> tuple[Ints, Ints]:
    """Find for each offer the rule from what the customer has bought whose lift is certainly the largest.

    Parameters
    ----------
    customer, candidate
        Codes of customers, and places of the offered items among the candidates.

    Returns
    -------
    anchor, is_certain
        Place of the anchor in `learned.anchors`, and 1 where the lift is certainly above 1.
    """
    anchor, low = np.zeros(len(customer), np.int64), np.zeros(len(customer))
    if not len(learned.anchors):
        return anchor, np.zeros(len(customer), np.int64)
    owned, by_item = found.owned[:, learned.anchors], np.ascontiguousarray(learned.low.T)
    step = max(1, 8_000_000 // len(learned.anchors))
    for start in range(0, len(customer), step):
        part = slice(start, start + step)
        held = np.asarray(owned[customer[part]].toarray()) * by_item[candidate[part]]
        anchor[part] = held.argmax(axis=1)
        low[part] = held.max(axis=1)
    return anchor, (low > 1).astype(np.int64)
