"""Lifecycle stages through time: set on the first day, at each month-end, and on the as-of day."""

import datetime as dt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mining.segments.dates import Ints, day_of, month_ends, month_of
from mining.segments.histories import Contracts, Purchases
from mining.segments.lifecycle import CODE, STAGES, Judged, LostBefore, judge

NONE = np.int8(-1)
"""The stage of who is not a customer yet."""
YEAR = 12
Codes = NDArray[np.int8]


class StageMoves(NamedTuple):
    """Stages that customers got: the first one and each change; places in `STAGES`, days since 1970."""

    customer: Ints
    day: Ints
    stage: Codes
    previous: Codes


class Followed(NamedTuple):
    """What became of everybody.

    Attributes
    ----------
    moves
        Stages that customers got.
    now
        Where they are.
    months
        Months of the last year that began in stage i and ended in j, shape (customers, stages, stages).
    """

    moves: StageMoves
    now: Judged
    months: NDArray[np.int8]


class Course:
    """What becomes of everybody, one day after another.

    Parameters
    ----------
    purchases, contracts
        Of the same customers, in the order of their first days.
    is_left_truncated
        Who is perhaps older than the data, and never new.
    """

    def __init__(self, purchases: Purchases, contracts: Contracts, is_left_truncated: NDArray[np.bool_]) -> None:
        customers = len(is_left_truncated)
        self.first = np.minimum(purchases.first, contracts.first)
        self.stage, self.away = np.full(customers, NONE, dtype=np.int8), np.zeros(customers, dtype=np.int8)
        self._purchases, self._contracts, self._is_left_truncated = purchases, contracts, is_left_truncated
        self._lost = LostBefore(np.full(customers, np.nan), np.full(customers, -1.0))
        self._months = np.zeros((customers, len(STAGES) ** 2), dtype=np.int8)
        self._moves: list[StageMoves] = []

    def day(self, day: int, *, is_counted: bool) -> None:
        """Judge everybody on a day; `is_counted` where what happened since the day before counts as a month."""
        known = slice(0, int(np.searchsorted(self.first, day, side="right")))
        first, is_left_truncated = self.first[known], self._is_left_truncated[known]
        judged = self._judge(day, known)
        before = self.stage[known].copy()
        if is_counted:
            seen = np.flatnonzero(before != NONE)
            self._months[seen, before[seen].astype(np.int64) * len(STAGES) + judged.stage[seen]] += 1
        came = np.flatnonzero((before == NONE) & (first < day))
        before[came] = np.where(is_left_truncated[came], CODE["stable"], CODE["new"])
        moved = np.flatnonzero(judged.stage != before)
        self._moves.append(self._move(came, first[came], before[came], NONE))
        self._moves.append(self._move(moved, day, judged.stage[moved], before[moved]))
        self.stage[known], self.away[known] = judged.stage, judged.away

    def _judge(self, day: int, known: slice) -> Judged:
        frame = self._purchases.at(day, known.stop)
        frame["is_left_truncated"] = self._is_left_truncated[known]
        if self._contracts.exist:
            frame = frame.join(self._contracts.at(day, known.stop))
        judged = judge(frame, LostBefore(self._lost.purchase_days[known], self._lost.day[known]))
        is_lost = np.flatnonzero(judged.stage == CODE["lost"])
        self._lost.purchase_days[is_lost] = frame["purchase_days"].to_numpy()[is_lost]
        self._lost.day[is_lost] = day
        return judged

    @staticmethod
    def _move(customer: Ints, day: Ints | int, stage: Codes, previous: Codes | np.int8) -> StageMoves:
        return StageMoves(*np.broadcast_arrays(customer, day, stage, previous))

    def followed(self) -> Followed:
        """Return what has become of everybody."""
        nothing = self._move(np.zeros(0, dtype=np.int64), 0, np.zeros(0, dtype=np.int8), NONE)
        moves = StageMoves(*(np.concatenate(parts) for parts in zip(nothing, *self._moves, strict=True)))
        months = self._months.reshape(-1, len(STAGES), len(STAGES))
        return Followed(moves, Judged(self.stage, self.away), months)


def follow(
    purchases: Purchases, contracts: Contracts, is_left_truncated: NDArray[np.bool_], as_of: dt.date
) -> Followed:
    """Judge everybody on the ends of months, and on the as-of day.

    Each day is judged by what had happened by then, the typical rhythm included: what comes later changes no earlier
    stage. On the first day, every customer is new, or stable where perhaps older than the data.
    """
    course, last = Course(purchases, contracts, is_left_truncated), day_of(as_of)
    known = course.first[course.first <= last]
    ends = month_ends(int(month_of(known.min(keepdims=True))[0]), as_of).tolist() if len(known) else []
    for number, day in enumerate(ends):
        course.day(day, is_counted=number >= len(ends) - YEAR)
    if not ends or ends[-1] < last:
        course.day(last, is_counted=False)
    return course.followed()
