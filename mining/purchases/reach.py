"""What a forecast of purchases cannot know, in sentences of its decision."""

import calendar
import datetime as dt
from collections.abc import Mapping

import numpy as np
from scipy.stats import norm

from mining.purchases.clock import PurchaseClock
from mining.purchases.history import Floats
from mining.purchases.season import CYCLES, cycles

ALMOST_ALL = 0.95
CERTAIN = 0.95


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
