"""The chance that a customer returns, what a return would be worth, and until when the chance lasts.

All three come from the purchase clock and the models of lifetime value. Nothing is assumed of a contact: the chance is
that of a customer who is left alone.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mining.clv.spend import SpendModel
from mining.clv.value import discounted_purchases_if_alive
from mining.purchases.clock import CALENDAR, Ahead
from mining.purchases.history import DAYS_PER_WEEK, Floats, History, unique_rows
from mining.purchases.models.base import PurchaseModel

LOOK_AHEAD_DAYS, STEP_DAYS = 364, 28
"""How far the chance is followed, and in which steps: a season may raise it again, so the first fall is looked for."""


class Lasting(NamedTuple):
    """Until when a chance of return lasts, one element per customer.

    `floor` is the chance below which it has fallen too low. `days` is the number of days without a purchase after which
    it is still at least that; where it stays there for `LOOK_AHEAD_DAYS` it is -1.
    """

    floor: Floats
    days: NDArray[np.int64]


def p_return(
    model: PurchaseModel, horizon_days: float, history: History, ahead: Ahead = CALENDAR, quiet_days: float = 0
) -> Floats:
    """P(at least one purchase in the horizon), shape (n,), of customers who buy nothing in the `quiet_days` before it.

    1 - P(no purchase in (T + q, T + q + H] | x, t_x, T + q): with every day of silence it falls, but for the season.
    """
    quiet = quiet_days / DAYS_PER_WEEK
    later = history._replace(T=history.T + ahead.weeks(quiet))
    weeks = ahead.after(quiet).weeks(horizon_days / DAYS_PER_WEEK)
    return model.alive(later) * (1.0 - model.no_purchase_if_alive(weeks, later))


def purchases_after_return(
    model: PurchaseModel, horizon: float, rate: float, history: History, ahead: Ahead = CALENDAR
) -> Floats:
    """Expected purchases of a customer who returns at T: the one of the return, and discounted those after it.

    The second lifetime (Stauss & Friege 1999, "Regaining service customers"; Griffin & Lowenstein 2001, "Customer
    Winback"): the customer's history with one more purchase, x + 1 and t_x = T, within the horizon of lifetime value.

    Parameters
    ----------
    horizon, rate : float
        Length in weeks of the calendar, discount rate per week.
    """
    # Nobody returns on the day of the last purchase; a purchase takes time.
    age = np.maximum(history.T, 1.0 / DAYS_PER_WEEK)
    back = History(history.x + 1.0, age, age)
    return 1.0 + model.alive(back) * discounted_purchases_if_alive(model, horizon, rate, back, ahead)


def floors(chance: Floats, share: float, limits: tuple[float, ...]) -> Floats:
    """Chance below which a customer is in another class, or has less than a share of the chance of today.

    The higher of the two: the next limit of a class below (at most) today's chance, and the share of it.
    """
    steps = np.array([0.0, *limits])
    below = steps[np.searchsorted(steps, chance, side="right") - 1]
    return np.maximum(below, share * chance)


def lasting(
    model: PurchaseModel, horizon_days: float, floor: Floats, history: History, ahead: Ahead = CALENDAR
) -> Lasting:
    """Last number of days of silence with which the chance of return is at least the floor, before it first falls.

    It is followed in steps of 28 days, and within the step in which it falls day by day (bisection).
    """
    columns, position, _ = unique_rows(*history, floor)
    rows, least = History(*columns[:3]), columns[3]
    low, fallen = np.zeros(len(least), dtype=np.int64), np.zeros(len(least), dtype=bool)
    for days in range(STEP_DAYS, LOOK_AHEAD_DAYS + 1, STEP_DAYS):
        open_rows = np.flatnonzero(~fallen)
        if not len(open_rows):
            break
        chance = p_return(model, horizon_days, _part(rows, open_rows), ahead, days)
        holds = chance >= least[open_rows]
        low[open_rows[holds]] = days
        fallen[open_rows[~holds]] = True
    found = np.flatnonzero(fallen)
    high = low[found] + STEP_DAYS
    days_left = low[found]
    while (high - days_left > 1).any():
        middle = (days_left + high) // 2
        holds = _p_at(model, horizon_days, _part(rows, found), ahead, middle) >= least[found]
        days_left, high = np.where(holds, middle, days_left), np.where(holds, high, middle)
    result = np.full(len(least), -1, dtype=np.int64)
    result[found] = days_left
    return Lasting(floor, result[position])


def _p_at(
    model: PurchaseModel, horizon_days: float, history: History, ahead: Ahead, quiet: NDArray[np.int64]
) -> Floats:
    """As `p_return`, each customer after a number of days of its own."""
    result = np.empty(len(quiet))
    for days in np.unique(quiet):
        chosen = np.flatnonzero(quiet == days)
        result[chosen] = p_return(model, horizon_days, _part(history, chosen), ahead, float(days))
    return result


def _part(history: History, chosen: NDArray[np.intp]) -> History:
    return History(*(column[chosen] for column in history))


def value_after_return(spend: SpendModel, purchases: Floats, days: Floats, amount: Floats, share_paid: float) -> Floats:
    """What the purchases of a second lifetime come to, money, before refunds and costs; shape (n,)."""
    return purchases * spend.expected_spend(days, amount) * share_paid
