"""Events that move from year to year: what the days of an event change, learned from the times before.

What an event did at one time is its contrast: purchases over what the clock expects of its days, over the same ratio of
the weeks around it. So a busy year, or a busy quarter, is no event.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mining.purchases.clock import EventDays, PurchaseClock
from mining.purchases.growth import Estimate
from mining.purchases.history import Floats
from mining.purchases.models.base import PurchaseModel
from mining.purchases.season import Months

Days = NDArray[np.datetime64]

ERRORS = 3.0
"""Standard errors from which an effect is learned: more than of growth, since there are many events."""
AROUND_DAYS = 28
"""Days before and after an event that it is compared with."""
FEWEST_TIMES = 2
"""Times that an event must have been known, whole, to be learned from."""
FEWEST_EXPECTED = 5.0
"""Repeat purchases that its days must be expected to have, to tell anything."""


def learn_events(  # noqa: PLR0917
    model: PurchaseModel,
    clock: PurchaseClock,
    months: Months,
    calendar: pd.DataFrame,
    events: pd.DataFrame,
    shocks: float,
) -> tuple[EventDays, ...]:
    """Return the days, past and to come, of the events that are seen to change purchases, with what they change.

    Parameters
    ----------
    model
        Fitted on a clock.
    clock
        That clock.
    months
        The calendar by month.
    calendar, events
        As in `timing.learn_clock`.
    shocks
        Standard deviation of a month's purchases beyond season and chance, as a share. Of the weeks of an event it is
        at least as large.
    """
    without, last = replace(clock, events=()), months.ends[-1]
    dates = calendar["purchase_date"].to_numpy("datetime64[D]")
    repeat = calendar["repeat_purchases"].to_numpy(float)
    bought = np.concatenate([[0.0], np.cumsum(repeat)])

    def between(after: Days, until: Days) -> tuple[Floats, Floats]:
        """Repeat purchases after a day until another one, and how many are expected without events."""
        seen = bought[np.searchsorted(dates, until, "right")] - bought[np.searchsorted(dates, after, "right")]
        expected = months.expected_until(model, without, until) - months.expected_until(model, without, after)
        return seen, expected

    found: list[EventDays] = []
    for name, times in events.sort_values(["event", "starts_on"]).groupby("event", sort=True):
        starts, ends = (times[column].to_numpy("datetime64[D]") for column in ("starts_on", "ends_on"))
        over = (ends <= last) & (starts - AROUND_DAYS >= dates.min())
        before, until = starts[over] - 1, ends[over]
        seen, expected = between(before, until)
        seen_around, expected_around = between(before - AROUND_DAYS, np.minimum(until + AROUND_DAYS, last))
        seen_around, expected_around = seen_around - seen, expected_around - expected
        known = np.minimum(expected, expected_around) >= FEWEST_EXPECTED
        effect = _effect(seen[known], expected[known], seen_around[known], expected_around[known], shocks).shrunk(
            ERRORS
        )
        if effect:
            whole = zip(starts.astype(np.int64).tolist(), ends.astype(np.int64).tolist(), strict=True)
            found += [EventDays(str(name), first, last, effect) for first, last in whole]
    return tuple(found)


def _effect(seen: Floats, expected: Floats, seen_around: Floats, expected_around: Floats, shocks: float) -> Estimate:
    """Mean contrast of the times of an event; its error also counts by how much they differ beyond chance."""
    if len(seen) < FEWEST_TIMES:
        return Estimate(0.0, float("inf"))
    contrast = np.log((seen + 0.5) / expected) - np.log((seen_around + 0.5) / expected_around)
    weight = 1 / (1 / (seen + 0.5) + 1 / (seen_around + 0.5) + shocks**2)
    mean = float(weight @ contrast / weight.sum())
    spread = float(weight @ (contrast - mean) ** 2) / (len(contrast) - 1)
    return Estimate(mean, float(np.sqrt(max(spread, 1.0) / weight.sum())))
