"""From purchases and spend to money: present values over a horizon, and what the next weeks tell about them."""

import math

import numpy as np

from mining.clv.spend import SpendModel
from mining.purchases.clock import CALENDAR, Ahead
from mining.purchases.history import Floats, History, unique_rows
from mining.purchases.models.base import PurchaseModel
from mining.purchases.predictive import BINS, chunks, count_distribution

WEEKS_PER_YEAR = 52.0
NODES, WEIGHTS = (array / 2 for array in np.polynomial.legendre.leggauss(16))
NODES = NODES + 0.5


def weekly_discount_rate(annual_rate: float) -> float:
    """Continuous discount rate per week of a yearly rate r: ln(1 + r)/52 (Fader, Hardie & Lee 2005, "RFM and CLV")."""
    return math.log1p(annual_rate) / WEEKS_PER_YEAR


def discounted_purchases_if_alive(
    model: PurchaseModel, horizon: float, rate: float, history: History, ahead: Ahead = CALENDAR
) -> Floats:
    """Expected purchases in the horizon of customers alive at T, each discounted to T; shape (n,).

    ∫ e^(-rate t) dE[Y(t)] by parts, e^(-rate H) E[Y(H)] + rate ∫ e^(-rate t) E[Y(t)] dt, the integral by
    Gauss-Legendre quadrature in continuous time. Horizon, rate and t are of the calendar; `ahead` says what the clock
    of the histories shows after t.
    """
    total = math.exp(-rate * horizon) * model.expected_if_alive(ahead.weeks(horizon), history)
    if rate > 0:
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            t = horizon * float(node)
            discounted = math.exp(-rate * t) * model.expected_if_alive(ahead.weeks(t), history)
            total += rate * horizon * float(weight) * discounted
    return total


def purchases_after(  # noqa: PLR0917  a forecast is six things
    model: PurchaseModel, horizon: float, wait: float, rate: float, history: History, ahead: Ahead = CALENDAR
) -> tuple[Floats, Floats]:
    """Discounted expected purchases over the horizon, given a purchase within `wait` and given none.

    With V the discounted purchases in (T, T + H], and Q "no purchase in (T, T + wait]":

        E[V | Q] = e^(-rate wait) E[V(H - wait) | x, t_x, T + wait]
        E[V | not Q] = (E[V] - P(Q) E[V | Q]) / (1 - P(Q))

    A purchase after T proves that the customer was alive at T, so P(alive at T) cancels from the second line; it is
    computed without it, and stays exact for customers who are almost certainly gone.

    Returns
    -------
    stays, leaves : ndarray of shape (n,)
        Discounted purchases; 0 in `leaves` where the wait covers the whole horizon.
    """
    waited = ahead.weeks(wait)
    later = history._replace(T=history.T + waited)
    rest = np.zeros_like(history.x)
    if wait < horizon:
        rest = discounted_purchases_if_alive(model, horizon - wait, rate, later, ahead.after(wait))
        rest = math.exp(-rate * wait) * rest
    quiet = model.quietly_alive(waited, history)
    buys = 1.0 - model.no_purchase_if_alive(waited, history)
    stays = (discounted_purchases_if_alive(model, horizon, rate, history, ahead) - quiet * rest) / buys
    return stays, model.alive(later) * rest


def value_quantiles(  # noqa: PLR0917  a customer is five columns
    model: PurchaseModel,
    spend: SpendModel,
    levels: tuple[float, ...],
    history: History,
    spend_days: Floats,
    spend_amount: Floats,
    *,
    horizon: float,
    rate: float,
    share_paid: float = 1.0,
    ahead: Ahead = CALENDAR,
) -> Floats:
    """Quantiles of the discounted spend in (T, T + horizon], shape (n, levels).

    The distribution is a mixture, over the number of purchases, of what so many total, with a point mass at 0; the
    spend model inverts it. Each amount carries the customer's mean discount factor, so that the distribution's mean is
    the expected present value; how the factor varies within the horizon (±2 % at 10 % a year) is left out.

    Parameters
    ----------
    levels : tuple of float
        Probabilities, between 0 and 1.
    spend_days, spend_amount : ndarray of shape (n,)
        Purchases with a positive amount so far, and their total.
    horizon, rate : float
        Length in weeks of the calendar, discount rate per week.
    share_paid : float
        Share of purchases with a positive amount; the others add nothing, so they thin the counts y.
    ahead : Ahead
        What the clock of the histories shows in the horizon.
    """
    columns, position, _ = unique_rows(*history, spend_days, spend_amount)
    rows = History(*columns[:3])
    length = ahead.weeks(horizon)
    factor = discounted_purchases_if_alive(model, horizon, rate, rows, ahead) / model.expected_if_alive(length, rows)
    result = np.zeros((len(factor), len(levels)))
    for chosen in chunks(np.arange(len(factor)), BINS * 4):
        counts = count_distribution(model, length, History(*(column[chosen] for column in rows)), share_paid)
        for index, level in enumerate(levels):
            total = spend.total_quantile(counts, columns[3][chosen], columns[4][chosen], level)
            result[chosen, index] = total * factor[chosen]
    return result[position]
