"""What the purchase models read: one (x, t_x, T) row per customer, checked, and counted where rows are equal."""
# ruff: noqa: N803  T and Greek letters are the papers' notation; docstrings say what is returned

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pipeline.base.errors import UserError

Floats = NDArray[np.float64]

TIME_UNIT = "week"
DAYS_PER_WEEK = 7.0


class History(NamedTuple):
    """Checked purchase histories, one element per customer (or per distinct history).

    `x` repeat purchases; `t_x` time of the last purchase and `T` time of the end of observation, both since the
    first purchase and in one time unit.
    """

    x: Floats
    t_x: Floats
    T: Floats


def _column(name: str, values: ArrayLike) -> Floats:
    column = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if column.ndim != 1:
        raise UserError(f"{name} has {column.ndim} dimensions: give one value per customer.")
    return column


def _refuse(bad: NDArray[np.bool_], name: str, values: Floats, problem: str, step: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise UserError(f"{name} is {values[row]:g} in row {row} ({int(bad.sum())} such rows): {problem}. {step}")


def check_positive(name: str, values: ArrayLike, *, zero_allowed: bool) -> Floats:
    """Return a column of finite, non-negative (or positive) numbers, or say which value is not."""
    column = _column(name, values)
    _refuse(~np.isfinite(column), name, column, "it must be a finite number", "Leave out or repair the row.")
    if zero_allowed:
        _refuse(column < 0, name, column, "it cannot be negative", "Check the sign and the dates it comes from.")
    else:
        _refuse(column <= 0, name, column, "it must be above zero", "Leave the row out.")
    return column


def check_history(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> History:
    """Check purchase histories.

    Parameters
    ----------
    x : array_like of shape (n,)
        Repeat purchases, whole numbers.
    t_x, T : array_like of shape (n,)
        Recency and age in one time unit; `t_x` is 0 exactly where `x` is 0, and never above `T`.

    Raises
    ------
    UserError
        Names the column, the first offending value and row, and what to do.
    """
    history = History(*(check_positive(*item, zero_allowed=True) for item in (("x", x), ("t_x", t_x), ("T", T))))
    lengths = {name: len(column) for name, column in history._asdict().items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"x, t_x and T differ in length ({lengths}): give one value per customer in each.")
    _refuse(history.x != np.floor(history.x), "x", history.x, "it counts purchases", "Give whole numbers.")
    _refuse(history.t_x > history.T, "t_x", history.t_x, "the last purchase lies after the end of observation T",
            "Leave out purchases after the as-of date, and use one time unit for both.")  # fmt: skip
    _refuse((history.x == 0) & (history.t_x > 0), "t_x", history.t_x, "a customer with x = 0 has no later purchase",
            "Set t_x to 0, or count the repeat purchase in x.")  # fmt: skip
    _refuse((history.x > 0) & (history.t_x == 0), "t_x", history.t_x, "a repeat purchase (x > 0) takes time",
            "Merge the purchases of one day before counting.")  # fmt: skip
    return history


def unique_rows(*columns: Floats) -> tuple[list[Floats], NDArray[np.intp], NDArray[np.intp]]:
    """Distinct rows in ascending order, the position of each row among them, and how often each occurs.

    Sums over the distinct rows do not depend on the order in which customers arrive. Rows are told apart by hashing, a
    column at a time: the time grows with the rows, and only distinct values are sorted.
    """
    position = np.zeros(len(columns[0]), dtype=np.intp)
    for column in columns:
        values, code = _ranks(column)
        _, position = _ranks(position * len(values) + code)
    counts = np.bincount(position).astype(np.intp)
    place = np.empty(len(counts), dtype=np.intp)
    place[position] = np.arange(len(position))
    return [column[place] for column in columns], position, counts


def _ranks(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Distinct values in ascending order, and the place of each value among them."""
    code, distinct = pd.factorize(values, use_na_sentinel=False)
    order = np.argsort(distinct, kind="stable")
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return distinct[order], rank[code]
