"""The days on which tiers and stages are set: the ends of months, and the as-of day."""

import datetime as dt

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def month_ends(first: int, as_of: dt.date) -> Ints:
    """Return the last days of the months from `first` on (months since 1970) up to the as-of day, in days since 1970.

    They are days of the calendar, so that the releases of two days share them.

    Examples
    --------
    >>> np.array(month_ends(647, dt.date(2024, 2, 28)), "datetime64[D]").tolist()
    [datetime.date(2023, 12, 31), datetime.date(2024, 1, 31)]
    """
    months = np.arange(first, np.datetime64(as_of, "M").astype(np.int64) + 1)
    ends = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1
    return np.asarray(ends[ends <= day_of(as_of)], dtype=np.int64)


def day_of(date: dt.date) -> int:
    """Days since 1970."""
    return int(np.datetime64(date, "D").astype(np.int64))


def month_of(days: NDArray[np.integer]) -> Ints:
    """Months since 1970 of days since 1970."""
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64), dtype=np.int64)
