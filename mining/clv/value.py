"""From purchases and spend to money: present values over a horizon, and what the next weeks tell about them."""

import math

import numpy as np
from numpy.typing import NDArray

from mining.clv.base import PurchaseModel
from mining.clv.inputs import Floats, History, unique_rows

DAYS_PER_WEEK = 7.0
WEEKS_PER_YEAR = 52.0
NODES, WEIGHTS = (array / 2 for array in np.polynomial.legendre.leggauss(16))
NODES = NODES + 0.5


def weekly_discount_rate(annual_rate: float) -> float:
    """Continuous discount rate per week of a yearly rate r: ln(1 + r)/52 (Fader, Hardie & Lee 2005, "RFM and CLV")."""
    return math.log1p(annual_rate) / WEEKS_PER_YEAR


def discounted_purchases_if_alive(model: PurchaseModel, horizon: float, rate: float, history: History) -> Floats:
    """Expected purchases in (T, T + horizon] of customers alive at T, each discounted to T; shape (n,).

    ∫ e^(-rate t) dE[Y(t)] by parts, e^(-rate H) E[Y(H)] + rate ∫ e^(-rate t) E[Y(t)] dt, the integral by
    Gauss-Legendre quadrature in continuous time.
    """
    total = math.exp(-rate * horizon) * model.expected_if_alive(horizon, history)
    if rate > 0:
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            t = horizon * float(node)
            total += rate * horizon * float(weight) * math.exp(-rate * t) * model.expected_if_alive(t, history)
    return total


def purchases_after(
    model: PurchaseModel, horizon: float, wait: float, rate: float, history: History
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
    later = history._replace(T=history.T + wait)
    rest = np.zeros_like(history.x)
    if wait < horizon:
        rest = math.exp(-rate * wait) * discounted_purchases_if_alive(model, horizon - wait, rate, later)
    quiet = model.quietly_alive(wait, history)
    buys = 1.0 - model.no_purchase_if_alive(wait, history)
    stays = (discounted_purchases_if_alive(model, horizon, rate, history) - quiet * rest) / buys
    return stays, model.alive(later) * rest


def days_to_next_order(model: PurchaseModel, horizon_days: int, history: History) -> NDArray[np.int64]:
    """Smallest whole number of days t with P(at least one purchase in t) ≥ 1/2; 0 where the horizon is too short."""
    rows, position, _ = unique_rows(*history)
    unique = History(*rows)
    alive = model.alive(unique)

    def reaches_half(days: NDArray[np.int64]) -> NDArray[np.bool_]:
        return alive * (1.0 - model.no_purchase_if_alive(days / DAYS_PER_WEEK, unique)) >= 0.5

    low = np.zeros(len(alive), dtype=np.int64)
    high = np.full(len(alive), horizon_days, dtype=np.int64)
    known = reaches_half(high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        enough = reaches_half(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(known, high, 0)[position]
