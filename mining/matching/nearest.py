"""The mean effect on those who were contacted, from their nearest neighbours among those who were not.

Nearest-neighbour matching with replacement on the Mahalanobis distance, with the bias of inexact matches taken out by a
regression (Abadie & Imbens 2011, Journal of Business & Economic Statistics 29), and their variance, which counts how
often a neighbour is used (Abadie & Imbens 2006, Econometrica 74, theorem 7). Who has no like among the others, by the
estimated chance of being contacted, is left out (Crump, Hotz, Imbens & Mitnik 2009, Biometrika 96).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression, Ridge

from mining.evaluation import Floats

NEIGHBOURS = 5
LARGEST_CHANCE = 0.9
CONFIDENCE = 0.95
LEAST_SPREAD = 1e-9
RIDGE = 1e-6
Flags = NDArray[np.bool_]


class Pairs(NamedTuple):
    """Contacted customers with their neighbours.

    Attributes
    ----------
    contacted, others
        Row numbers of both groups; of the contacted, those that have their like among the others.
    neighbours
        For each contacted customer the places in `others` of the neighbours, shape (contacted, NEIGHBOURS).
    next_to
        For each of the others the places of the neighbours among the others, shape (others, NEIGHBOURS).
    inputs
        Inputs of everybody, whitened.
    """

    contacted: NDArray[np.intp]
    others: NDArray[np.intp]
    neighbours: NDArray[np.intp]
    next_to: NDArray[np.intp]
    inputs: Floats


class Effect(NamedTuple):
    """Mean effect per contacted customer, with its 95 % interval."""

    value: float
    low: float
    high: float


def overlap(inputs: Floats, is_contacted: Flags) -> Flags:
    """Mark the contacted whose chance of being contacted is at most 90 %, and all others."""
    chance = LogisticRegression(max_iter=500).fit(inputs, is_contacted).predict_proba(inputs)[:, 1]
    return ~is_contacted | (chance <= LARGEST_CHANCE)


def whitened(inputs: Floats) -> Floats:
    """Give the inputs mean 0, variance 1 and no correlation; directions that do not vary are left out."""
    centred = inputs - inputs.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(inputs))
    kept = values > LEAST_SPREAD * max(float(values.max()), LEAST_SPREAD)
    result: Floats = centred @ vectors[:, kept] / np.sqrt(values[kept])
    return result


def pair(inputs: Floats, is_contacted: Flags) -> Pairs:
    """Find the neighbours of each contacted customer.

    Parameters
    ----------
    inputs
        Past behaviour, shape (n, k); rows in an order that does not depend on outcomes, which decides between equals.
    is_contacted
        Shape (n,); both groups have more than NEIGHBOURS customers.
    """
    scaled = whitened(inputs)
    contacted = np.flatnonzero(is_contacted & overlap(scaled, is_contacted))
    others = np.flatnonzero(~is_contacted)
    tree = cKDTree(scaled[others])
    neighbours = _nearest(tree, scaled[contacted], NEIGHBOURS)
    next_to = _without_self(_nearest(tree, scaled[others], NEIGHBOURS + 1))
    return Pairs(contacted, others, neighbours, next_to, scaled)


def _nearest(tree: cKDTree, points: Floats, count: int) -> NDArray[np.intp]:
    return np.asarray(tree.query(points, count)[1], np.intp).reshape(len(points), count)


def _without_self(found: NDArray[np.intp]) -> NDArray[np.intp]:
    """Leave each row's own number out; where others are as near, it may not be there, and the farthest goes."""
    is_self = found == np.arange(len(found))[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    return found[~is_self].reshape(len(found), -1)


def effect(pairs: Pairs, outcome: Floats) -> Effect:
    """Compare the outcomes of the contacted with those of their neighbours."""
    ours, theirs = outcome[pairs.contacted], outcome[pairs.others]
    known = pairs.inputs[pairs.others]
    model = Ridge(alpha=RIDGE * len(known)).fit(known, theirs)
    here, there = model.predict(pairs.inputs[pairs.contacted]), model.predict(known)
    expected = (theirs - there)[pairs.neighbours].mean(axis=1) + here
    gains = ours - expected
    value, size = float(gains.mean()), len(gains)
    used = np.bincount(pairs.neighbours.ravel(), minlength=len(theirs))
    noise = (theirs - theirs[pairs.next_to].mean(axis=1)) ** 2 * NEIGHBOURS / (NEIGHBOURS + 1)
    repeated = float(np.sum(used * (used - 1) / NEIGHBOURS**2 * noise))
    error = np.sqrt(np.sum((gains - value) ** 2) + max(repeated, 0.0)) / size
    half = float(norm.ppf((1 + CONFIDENCE) / 2) * error)
    return Effect(value, value - half, value + half)
