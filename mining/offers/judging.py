"""Recall of ranked items, and whether one ranking is certainly better than others."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mining.evaluation import resampled_sums
from mining.offers.history import Floats, Ints, place_in_group

K = 10
RESAMPLES, SEED, LEVEL = 1_000, 1, 0.05


def best(key: Ints, score: Floats, size: int, k: int = K) -> Ints:
    """Return the keys (customer * size + item) of each customer's k best, sorted; ties in the order of items."""
    order, place = place_in_group(key // size, (-score, key))
    return np.sort(key[order[place < k]])


def recall(ranked: Ints, targets: Ints, size: int, k: int = K) -> tuple[Ints, Floats]:
    """Share of what a customer went on to buy that is in the k ranked items; of k where the customer bought more.

    Returns
    -------
    customers, recall
        Of those with a target.
    """
    customer = targets // size
    customers, total = np.unique(customer, return_counts=True)
    found = np.bincount(np.searchsorted(customers, customer), np.isin(targets, ranked, assume_unique=True))
    return customers, found / np.minimum(total, k)


class Gain(NamedTuple):
    """Difference of two mean recalls, with its 95 % interval over customers drawn again (paired)."""

    mean: float
    low: float
    high: float


def gains(better: Floats, others: Mapping[str, Floats]) -> dict[str, Gain]:
    """Compare a ranking with others over the same customers."""
    differences = np.stack([better - other for other in others.values()])
    draws = resampled_sums(differences, seed=SEED, resamples=RESAMPLES) / differences.shape[1]
    low, high = np.quantile(draws, (LEVEL / 2, 1 - LEVEL / 2), axis=0)
    return {
        name: Gain(float(differences[place].mean()), float(low[place]), float(high[place]))
        for place, name in enumerate(others)
    }
