"""Score customers for the win-back desk with a published lifetime value model."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd

from mining.clv.models import read_scorer, spend_of
from mining.clv.value import weekly_discount_rate
from mining.purchases.clock import CALENDAR, history_of
from mining.purchases.history import DAYS_PER_WEEK
from mining.winback.forecast import floors, lasting, p_return, purchases_after_return, value_after_return
from mining.winback.rules import read_rules
from pipeline.base.model_files import Model
from pipeline.base.numbers import currency_digits

DIGITS = 6
EMPTY = ("p_return", "value_after_return", "chance_floor", "chance_holds_until")


def returns(
    frame: pd.DataFrame, model: Model, *, horizon_days: int, annual_discount_rate: float, currency: str = ""
) -> pd.DataFrame:
    """Return the chance of a return of each customer, what it would be worth, and until when the chance lasts.

    Parameters
    ----------
    frame
        Features of the customers at the as-of date.
    model
        What `train` returned.
    horizon_days, annual_discount_rate
        Of the lifetime value: so far reaches the second lifetime. The horizon of a return is a rule of the desk.
    currency
        Of the amounts.

    Returns
    -------
    DataFrame
        One row per customer: p_return, value_after_return (Decimal, before refunds and costs), chance_floor,
        chance_holds_until (null where the chance stays above the floor for a year).
    """
    rules, fitted = read_rules(), read_scorer(model["model"])
    history, (days, amount) = history_of(frame, fitted.clock), spend_of(frame)
    day = frame["as_of_date"].iloc[0].date() if len(frame) else None
    ahead = fitted.clock.ahead(day) if day else CALENDAR
    chance = np.round(p_return(fitted.purchases, rules.horizon_days, history, ahead), DIGITS)
    weeks, rate = horizon_days / DAYS_PER_WEEK, weekly_discount_rate(annual_discount_rate)
    purchases = purchases_after_return(fitted.purchases, weeks, rate, history, ahead)
    value = value_after_return(fitted.spend, purchases, days, amount, fitted.share_paid)
    floor = np.round(floors(chance, rules.deadline_share, rules.limits), DIGITS)
    last = lasting(fitted.purchases, rules.horizon_days, floor, history, ahead)
    digits = currency_digits(currency)
    dates = [None if n < 0 or day is None else day + dt.timedelta(days=n) for n in last.days.tolist()]
    result = _asked(frame, rules.horizon_days)
    result["p_return"], result["chance_floor"] = chance, floor
    result["value_after_return"] = pd.Series([Decimal(f"{each:.{digits}f}") for each in value], dtype=object)
    result["chance_holds_until"] = pd.Series(dates, index=result.index, dtype=object)
    return result.assign(unavailable_reason=None)


def no_returns(frame: pd.DataFrame, reason: str) -> pd.DataFrame:
    """Return the same rows without numbers, with the reason."""
    result = _asked(frame, read_rules().horizon_days)
    for name in EMPTY:
        result[name] = pd.Series(None, index=result.index, dtype=object)
    return result.assign(unavailable_reason=reason)


def _asked(frame: pd.DataFrame, horizon_days: int) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": frame["customer_id"].to_numpy()}).assign(horizon_days=np.int32(horizon_days))
