"""Customers who buy alike, and items that are bought by the same customers."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

from mining.offers.history import Floats, Ints, Pairs, Purchases

CELLS = 8_000_000
"""Numbers of a dense block, 64 MB: customers are taken in blocks of as many rows as fit."""
REFERENCES = 2_500
"""Customers whom the others are compared with, at most: one in so many, so that time grows with customers alone."""


def blocks(rows: Ints, width: int) -> Iterator[Ints]:
    """Split rows into blocks that fit a dense matrix of a width."""
    step = max(1, CELLS // max(width, 1))
    return (rows[start : start + step] for start in range(0, len(rows), step))


def basket_weights(purchases: Purchases, group_size: int, within: float = 0.9, across: float = 0.7) -> Floats:
    """Weights of purchases by the baskets since: those of TIFU-KNN.

    A customer's baskets (days) are cut into groups of `group_size`, counted from the newest. A basket counts `within`
    per newer basket of its group, and `across` per newer group (Hu, He, Gao & Zhang 2020, SIGIR, section 4.1).

    Returns
    -------
    ndarray
        One weight per purchase; the weights of a customer's baskets sum to one.
    """
    span = int(purchases.day.max(initial=0)) + 1
    baskets, basket = np.unique(purchases.customer * span + purchases.day, return_inverse=True)
    owner = baskets // span
    since = np.searchsorted(owner, owner, side="right") - 1 - np.arange(len(baskets))
    weight = within ** (since % group_size) * across ** (since // group_size)
    total = np.bincount(owner, weight, len(purchases.customers))
    return np.asarray((weight / total[owner])[basket], np.float64)


def summed(pairs: Pairs, weights: Floats) -> Floats:
    """Sum weights of purchases over each pair."""
    return np.add.reduceat(weights, pairs.starts) if len(weights) else np.zeros(0)


def normalised(matrix: csr_matrix) -> csr_matrix:
    """Rows of length one; empty rows stay empty."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return csr_matrix(diags_array(1 / np.where(length > 0, length, 1)) @ matrix)


class Neighbours(NamedTuple):
    """Customers whom others are compared with (`among`, rows of `unit`), by vectors of length one."""

    unit: csr_matrix
    among: Ints

    @classmethod
    def of(cls, vectors: csr_matrix) -> "Neighbours":
        """Take one in so many of the customers with purchases."""
        bought = np.flatnonzero(np.diff(vectors.indptr))
        return cls(normalised(vectors), bought[:: max(1, -(-len(bought) // REFERENCES))])

    def weights(self, rows: Ints, count: int, width: int) -> Iterator[tuple[Ints, csr_matrix]]:
        """Find the `count` nearest by cosine, each weighted by it; nobody is a neighbour of their own.

        Parameters
        ----------
        rows, count
            Customers, and how many neighbours of each.
        width
            Columns of what the caller makes of a block.

        Yields
        ------
        block, weights
            Rows, and their weights, shape (block, among): each row sums to one, or is zero where nobody is alike.
        """
        others = csr_matrix(self.unit[self.among].T)
        place = np.full(self.unit.shape[0], -1, np.int64)
        place[self.among] = np.arange(len(self.among))
        count = min(count, len(self.among))
        for block in blocks(rows, max(len(self.among), width)):
            alike = np.asarray((self.unit[block] @ others).toarray())
            own = np.flatnonzero(place[block] >= 0)
            alike[own, place[block][own]] = 0.0
            nearest = np.sort(np.argpartition(-alike, count - 1, axis=1)[:, :count], axis=1)
            weight = np.take_along_axis(alike, nearest, axis=1)
            weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
            ends = np.arange(len(block) + 1) * count
            yield block, csr_matrix((weight.ravel(), nearest.ravel(), ends), shape=(len(block), len(self.among)))

    def means(self, values: csr_matrix, rows: Ints, columns: Ints, count: int) -> Floats:
        """Mean values of the neighbours in some columns, shape (rows, columns)."""
        their = csr_matrix(values[self.among][:, columns])
        found = [np.asarray((weights @ their).toarray()) for _, weights in self.weights(rows, count, len(columns))]
        return np.concatenate(found) if found else np.zeros((0, len(columns)))

    def means_of_pairs(self, values: csr_matrix, pairs: Pairs, count: int) -> Floats:
        """Mean values of the neighbours of each pair's customer in the pair's item."""
        items, of_item = np.unique(pairs.item, return_inverse=True)
        rows, of_row = np.unique(pairs.customer, return_inverse=True)
        their = csr_matrix(values[self.among][:, items])
        result, done = np.zeros(len(pairs.customer)), 0
        for block, weights in self.weights(rows, count, len(items)):
            first, last = np.searchsorted(of_row, (done, done + len(block)))
            mean = np.asarray((weights @ their).toarray())
            result[first:last] = mean[of_row[first:last] - done, of_item[first:last]]
            done += len(block)
        return result


def item_likeness(owned: csr_matrix, columns: Ints, shrink: float = 10.0) -> NDArray[np.float64]:
    """Cosine of items by who has bought them, for some items, shrunk where few have.

    Returns
    -------
    ndarray
        Shape (columns, columns); zero on the diagonal.
    """
    chosen = csr_matrix(owned[:, columns])
    together = np.asarray((chosen.T @ chosen).toarray())
    buyers = np.diag(together).copy()
    likeness = together / (np.sqrt(np.outer(buyers, buyers)) + shrink)
    np.fill_diagonal(likeness, 0.0)
    return likeness
