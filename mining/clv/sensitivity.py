"""The same future at other discount rates and over other horizons, as a multiple of the published one.

What a customer pays per purchase is the same at every rate and over every horizon, and so is P(alive). The value moves
with the discounted purchases alone, and every line of the statement moves with them.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mining.clv.models import read_scorer
from mining.clv.value import discounted_purchases_if_alive, weekly_discount_rate
from mining.purchases.clock import CALENDAR, history_of
from mining.purchases.history import DAYS_PER_WEEK, History, unique_rows
from pipeline.base.model_files import Model

DIGITS = 9


def sensitivity(
    frame: pd.DataFrame,
    model: Model,
    *,
    horizon_days: int,
    annual_discount_rate: float,
    horizons: Sequence[int],
    rates: Sequence[float],
) -> pd.DataFrame:
    """Return what the future value of each customer is multiplied by.

    Parameters
    ----------
    frame
        Features of the customers at the as-of date.
    model
        What `train` returned.
    horizon_days, annual_discount_rate
        Of the published value.
    horizons, rates
        The others, in days and per year; every horizon is shown at every rate.

    Returns
    -------
    DataFrame
        One row per customer, horizon and rate but the published pair: value_factor, not a money amount.
    """
    fitted = read_scorer(model["model"])
    ahead = fitted.clock.ahead(frame["as_of_date"].iloc[0].date()) if len(frame) else CALENDAR
    rows, position, _ = unique_rows(*history_of(frame, fitted.clock))
    history = History(*rows)

    def purchases(days: int, rate: float) -> np.ndarray:
        weeks, weekly = days / DAYS_PER_WEEK, weekly_discount_rate(rate)
        return discounted_purchases_if_alive(fitted.purchases, weeks, weekly, history, ahead)

    published = purchases(horizon_days, annual_discount_rate)
    parts = [
        _cell(frame, days, rate).assign(value_factor=np.round(purchases(days, rate) / published, DIGITS)[position])
        for days, rate in _grid(horizon_days, annual_discount_rate, horizons, rates)
    ]
    return _together(frame, parts).assign(unavailable_reason=None)


def unknown_sensitivity(
    frame: pd.DataFrame,
    reason: str,
    *,
    horizon_days: int,
    annual_discount_rate: float,
    horizons: Sequence[int],
    rates: Sequence[float],
) -> pd.DataFrame:
    """Return the same rows without numbers, with the reason."""
    cells = [_cell(frame, *pair) for pair in _grid(horizon_days, annual_discount_rate, horizons, rates)]
    return _together(frame, cells).assign(value_factor=np.nan, unavailable_reason=reason)


def _grid(days: int, rate: float, horizons: Sequence[int], rates: Sequence[float]) -> list[tuple[int, float]]:
    pairs = {(other, per_year) for other in (days, *horizons) for per_year in (rate, *rates)}
    return sorted(pairs - {(days, rate)})


def _cell(frame: pd.DataFrame, days: int, rate: float) -> pd.DataFrame:
    cell = pd.DataFrame({"customer_id": frame["customer_id"].to_numpy()})
    return cell.assign(horizon_days=np.int32(days), annual_discount_rate=rate)


def _together(frame: pd.DataFrame, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return all cells; where the published pair is the only one, no row."""
    none = _cell(frame.iloc[:0], 0, 0.0).assign(value_factor=0.0)
    return pd.concat([none, *parts], ignore_index=True) if parts else none
