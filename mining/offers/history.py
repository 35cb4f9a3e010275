"""Purchases of items as sorted arrays of whole numbers: one row per customer, item and day."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Names = NDArray[np.object_]

EPOCH = dt.date(1970, 1, 1)


def day_number(date: dt.date) -> int:
    """Days since 1970-01-01."""
    return (date - EPOCH).days


class Pairs(NamedTuple):
    """What customers own: one entry per (customer, item) bought by a day, sorted by both.

    `starts` are the places of the first purchases in the purchases that the pairs were made of.
    """

    customer: Ints
    item: Ints
    bought: Ints
    first: Ints
    last: Ints
    starts: Ints


class Purchases(NamedTuple):
    """Purchases of items, sorted by customer, item and day, with their codes.

    Attributes
    ----------
    customers, items
        Ids, sorted: a code is a place in them.
    groups
        Code of the group (category) of each item; -1 where it has none.
    customer, item, day, known
        Per purchase: codes, day, and day from which it was known, as days since 1970-01-01.
    """

    customers: Names
    items: Names
    groups: Ints
    customer: Ints
    item: Ints
    day: Ints
    known: Ints

    def until(self, day: int) -> "Purchases":
        """Return what had happened, and was known, on a day. Codes stay."""
        return self._where((self.day <= day) & (self.known <= day))

    def between(self, after: int, last: int) -> Ints:
        """Return the keys of the pairs bought after one day and by another, sorted."""
        chosen = (self.day > after) & (self.day <= last)
        return np.unique(self.customer[chosen] * len(self.items) + self.item[chosen])

    def of_customers(self, chosen: NDArray[np.bool_]) -> "Purchases":
        """Return the purchases of some customers. Codes stay."""
        return self._where(chosen[self.customer])

    def pairs(self) -> Pairs:
        """Return what customers own."""
        key = self.customer * len(self.items) + self.item
        is_first = np.r_[True, key[1:] != key[:-1]] if len(key) else np.zeros(0, bool)
        starts = np.flatnonzero(is_first)
        ends = np.r_[starts[1:], len(key)].astype(np.int64)[: len(starts)]
        return Pairs(
            self.customer[starts], self.item[starts], ends - starts, self.day[starts], self.day[ends - 1], starts
        )

    def decayed(self, pairs: Pairs, day: int, half_life: float) -> Floats:
        """Return the purchases of each pair, each counting half as much per half-life since."""
        if not len(self.day):
            return np.zeros(0)
        return np.add.reduceat(np.exp2((self.day - day) / half_life), pairs.starts)

    def matrix(self, pairs: Pairs, values: Floats) -> csr_matrix:
        """Return a value of each pair as a sparse matrix, shape (customers, items)."""
        rows = np.searchsorted(pairs.customer, np.arange(len(self.customers) + 1))
        return csr_matrix((values, pairs.item, rows), shape=(len(self.customers), len(self.items)))

    def _where(self, chosen: NDArray[np.bool_]) -> "Purchases":
        columns = (column[chosen] for column in (self.customer, self.item, self.day, self.known))
        return Purchases(self.customers, self.items, self.groups, *columns)


def purchases_of(table: pa.Table, item: str, group: str | None) -> Purchases:
    """Read purchases of a table with the columns customer_id, purchase_date, known_date, and those of item and group.

    Rows without an item are left out. Where a group is given it is that of the item's first name in the order of names.
    """
    table = table.filter(pc.is_valid(table[item]))
    customers, customer = _coded(table["customer_id"])
    items, item_code = _coded(table[item])
    groups = np.full(len(items), -1, np.int64)
    if group is not None:
        _, code = _coded(table[group])
        last_first = np.lexsort((-code, item_code))
        groups[item_code[last_first]] = code[last_first]
    day, known = (_days(table[name]) for name in ("purchase_date", "known_date"))
    order = np.lexsort((known, day, item_code, customer))
    columns = [column[order] for column in (customer, item_code, day, known)]
    is_first = np.ones(len(order), bool)
    is_first[1:] = np.any([column[1:] != column[:-1] for column in columns[:3]], axis=0)
    return Purchases(customers, items, groups, *(column[is_first] for column in columns))


def _coded(column: pa.ChunkedArray) -> tuple[Names, Ints]:
    """Return the sorted names of a text column and the code of each row; null is -1."""
    encoded = pc.dictionary_encode(column.cast(pa.string())).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    names = encoded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    order = np.argsort(names)
    place = np.empty(len(names) + 1, np.int64)
    place[order] = np.arange(len(names))
    place[-1] = -1
    return names[order], place[pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)]


def _days(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.cast(pa.date32()).cast(pa.int32()).to_numpy(), np.int64)


def place_in_group(group: Ints, order: Sequence[Floats | Ints]) -> tuple[Ints, Ints]:
    """Sort rows by a group and then by keys, the first leading; return the order, and each row's place from 0."""
    sorted_rows = np.lexsort((*reversed(order), group))
    sorted_group = group[sorted_rows]
    starts = np.flatnonzero(np.r_[True, sorted_group[1:] != sorted_group[:-1]]) if len(group) else np.zeros(0, np.int64)
    sizes = np.diff(np.r_[starts, len(group)])
    return sorted_rows, np.arange(len(group)) - np.repeat(starts, sizes)
