"""What a forecast of purchases cannot know, in sentences of its decision."""

import calendar
import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm

from mining.purchases.clock import PurchaseClock
from mining.purchases.history import Floats
from mining.purchases.season import CYCLES, cycles

ALMOST_ALL = 0.95
CERTAIN = 0.95
MANY_CUSTOMERS, LARGE_SHARE = 50, 0.1
"""Of so many customers, one with such a share of all purchases is told."""
QUIET_DAYS, QUIET_PURCHASES = 28, 20
"""Days without a purchase of anybody that are told, and purchases that the average day would bring in them."""


def season(clock: PurchaseClock, first: dt.date, day: dt.date) -> str:
    """Return what is known of the season by a day, with purchases since `first`."""
    if cycles(first, day) < CYCLES:
        days = (day - first).days + 1
        return f"The season ahead is not known: purchases of {days:,} days are less than two years of them."
    return f"{_busy_months(clock)}{_growth(clock)}{_events(clock)}"


def _busy_months(clock: PurchaseClock) -> str:
    if not clock.has_season:
        return "No season is seen in two years of purchases or more."
    high, low = int(np.argmax(clock.factors)), int(np.argmin(clock.factors))
    return (
        f"Season: most purchases in {calendar.month_name[high + 1]} ({clock.factors[high]:.2f} times the average day), "
        f"fewest in {calendar.month_name[low + 1]} ({clock.factors[low]:.2f})."
    )


def _growth(clock: PurchaseClock) -> str:
    if not clock.growth:
        return ""
    share = np.expm1(clock.growth)
    change = "more" if share > 0 else "less"
    return f" Customers buy {abs(share):.1%} {change} from year to year, which is expected to go on for a year."


def _events(clock: PurchaseClock) -> str:
    effects = {event.name: float(np.exp(event.effect)) for event in clock.events}
    if not effects:
        return ""
    said = ", ".join(f"{name} {times:.2f}" for name, times in effects.items())
    return f" Known events multiply the purchases of their days: {said}."


def leaving(active: float, first: dt.date, day: dt.date) -> list[str]:
    """Return that a share of active customers near 1 proves nothing, where a season may explain every pause."""
    if active < ALMOST_ALL or cycles(first, day) >= CYCLES:
        return []
    return ["That hardly anybody is seen to leave is no loyalty: before two years, a pause and a departure look alike."]


def silence(calendar: pd.DataFrame, day: dt.date) -> list[str]:
    """Return the longest stretch up to a day in which nobody bought, where chance does not explain it.

    Parameters
    ----------
    calendar
        Rows of `features.purchase_calendar` of that day.
    """
    bought = np.sort(calendar["purchase_date"].to_numpy("datetime64[D]"))
    if not len(bought):
        return []
    ends = np.append(bought[1:], np.datetime64(day) + 1)
    quiet = (ends - bought).astype(np.int64) - 1
    each_day = float(calendar[["first_purchases", "repeat_purchases"]].to_numpy(float).sum()) / float(
        (ends[-1] - bought[0]).astype(np.int64)
    )
    long = np.flatnonzero((quiet >= QUIET_DAYS) & (quiet * each_day >= QUIET_PURCHASES))
    if not len(long):
        return []
    longest = long[np.argmax(quiet[long])]
    others = f", and in {len(long) - 1} other such stretches" if len(long) > 1 else ""
    said = f"Nobody bought from {bought[longest] + 1} to {ends[longest] - 1} ({quiet[longest]:,} days){others}"
    return [f"{said}: where purchases are missing from the data, customers seem to pause or to leave who do not."]


def weight(purchase_days: Floats) -> list[str]:
    """Return that one customer has so many of the purchases that it decides what a model learns, where one has."""
    share = float(purchase_days.max() / purchase_days.sum()) if len(purchase_days) else 0.0
    if len(purchase_days) < MANY_CUSTOMERS or share < LARGE_SHARE:
        return []
    held = f"{share:.0%} of the purchases ({purchase_days.max():,.0f} days)"
    what = "if it is no person (a till, a test account), leave it out in the source"
    return [f"One of {len(purchase_days):,} customers has {held}, and decides what the model learns: {what}."]


def undecided(losses: Mapping[str, Floats], chosen: str) -> list[str]:
    """Return that the data do not tell the candidates apart, where none is better than another beyond chance.

    Parameters
    ----------
    losses
        Of each candidate, one loss for each customer of the last holdout.
    chosen
        The one that scores.
    """
    others = [losses[name] - losses[chosen] for name in losses if name != chosen]
    if chosen not in losses or not others or any(_is_certain(gain, len(others)) for gain in others):
        return []
    return ["In the last holdout no candidate is better or worse than the one that scores by more than chance."]


def _is_certain(gain: Floats, compared: int) -> bool:
    quantile = float(norm.ppf(1 - (1 - CERTAIN) / 2 / compared))
    return bool(abs(gain.mean()) > quantile * gain.std() / np.sqrt(len(gain)))


def horizon(asked_days: int, judged_days: int) -> list[str]:
    """Return that the horizon is longer than what was judged, where it is."""
    if judged_days >= asked_days:
        return []
    return [f"Judged over {judged_days} days: of the {asked_days} days ahead, those after them are not tested."]
