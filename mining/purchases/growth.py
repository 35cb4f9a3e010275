"""Growth: whether customers buy more from year to year, learned where it is beyond chance and shrunk towards none.

Purchases of a customer decline with age as customers leave, so calendar and age must be told apart. They can be, since
customers arrive at different times: growth moves all of them at once. With a clock whose pace grows by a share g a year
the log-likelihood of all purchases is that of the histories on the clock, and the sum over repeat purchases of the log
of the pace on their day (the density of a time changes as the time does). g is a Newton step of its profile.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from mining.purchases.clock import PurchaseClock, history_of
from mining.purchases.history import Floats
from mining.purchases.models.base import PurchaseModel
from mining.purchases.models.likelihood import LogLikelihood

STEP = 0.01
"""Of growth, for differences."""
RELATIVE_STEP = 1e-4
"""Of the model's parameters."""
ERRORS = 2.0
"""Standard errors from which growth is learned."""
LARGEST = 0.3
"""Growth a year that is believed at most, as a difference of logarithms."""


class Estimate(NamedTuple):
    """An effect as a difference of logarithms (growth: of a year), and its standard error."""

    rate: float
    error: float

    def shrunk(self, errors: float) -> float:
        """Return the estimate less what chance may have added: 0 below so many standard errors; with four digits.

        Its factor 1 - (error/rate)² is that of James & Stein (1961) for one estimate.
        """
        if not np.isfinite(self.error) or abs(self.rate) <= errors * self.error:
            return 0.0
        return round(self.rate * (1 - (self.error / self.rate) ** 2), 4)


NO_GROWTH = Estimate(0.0, float("inf"))


def learn_growth(
    model: PurchaseModel, clock: PurchaseClock, frame: pd.DataFrame, calendar: pd.DataFrame, shocks: float
) -> Estimate:
    """Estimate growth by a Newton step from the one that a clock has.

    Parameters
    ----------
    model
        Fitted on the customers' histories on the clock.
    clock
        The clock, with the growth it has so far.
    frame, calendar
        As in `timing.learn_clock`.
    shocks
        Standard deviation of a month's purchases beyond season and chance, as a share: it widens the error, since
        months that swing together look like growth sooner than independent customers do.
    """
    day = frame["as_of_date"].iloc[0].date()
    dates = calendar["purchase_date"].to_numpy("datetime64[D]")
    repeat = calendar["repeat_purchases"].to_numpy(float)
    repeat = repeat * (frame["purchase_days"].to_numpy(float) - 1).sum() / repeat.sum()  # of a sample of customers

    def at(growth: float) -> tuple[float, Floats]:
        grown = clock.growing(growth, day)
        value, gradient = _by_logs(model.total(*history_of(frame, grown)), model.parameters)
        return value + float(repeat @ np.log(grown.pace(dates))), gradient

    (below, slope_below), (here, _), (above, slope_above) = (at(clock.growth + move) for move in (-STEP, 0.0, STEP))
    first, second = (above - below) / (2 * STEP), (above - 2 * here + below) / STEP**2
    cross = (slope_above - slope_below) / (2 * STEP)
    curvature = _curvature(model, clock, frame)
    information = -(second - cross @ np.linalg.pinv(curvature, hermitian=True) @ cross)
    if not np.isfinite(information) or information <= 0:
        return NO_GROWTH
    months = len(np.unique(dates.astype("datetime64[M]")))
    error = np.sqrt((1 + shocks**2 * float(repeat.sum()) / months) / information)
    return Estimate(float(np.clip(clock.growth + first / information, -LARGEST, LARGEST)), float(error))


def _by_logs(total: LogLikelihood, parameters: Floats) -> tuple[float, Floats]:
    """Log-likelihood of all histories, and its gradient by the logarithms of the parameters."""
    value, gradient = total(parameters)
    return value, gradient * parameters


def _curvature(model: PurchaseModel, clock: PurchaseClock, frame: pd.DataFrame) -> Floats:
    """Second derivatives of the log-likelihood by the logarithms of the parameters, at its maximum."""
    total, parameters = model.total(*history_of(frame, clock)), model.parameters
    columns = []
    for place in range(len(parameters)):
        step = np.where(np.arange(len(parameters)) == place, RELATIVE_STEP, 0.0)
        above, below = (_by_logs(total, parameters * np.exp(sign * step))[1] for sign in (1, -1))
        columns.append((above - below) / (2 * RELATIVE_STEP))
    matrix = np.array(columns)
    return (matrix + matrix.T) / 2
