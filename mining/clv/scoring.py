"""Score customers with a published lifetime value model."""

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from mining.clv.challenge.challenger import factors
from mining.clv.evaluation import LEVELS
from mining.clv.models import Scorer, read_scorer, spend_of
from mining.clv.value import discounted_purchases_if_alive, purchases_after, value_quantiles, weekly_discount_rate
from mining.purchases.clock import CALENDAR, Ahead, history_of
from mining.purchases.history import DAYS_PER_WEEK, TIME_UNIT, Floats
from mining.purchases.predictive import days_to_next_order
from pipeline.base.model_files import Model
from pipeline.base.numbers import currency_digits

MONEY = ("clv_future", "clv_future_p10", "clv_future_p50", "clv_future_p90", "value_if_stays", "value_if_leaves")
NUMBERS = {"p_alive": 6, "expected_purchases": 6, "expected_spend": 4}


def score(
    frame: pd.DataFrame,
    model: Model,
    *,
    horizon_days: int,
    churn_horizon_days: int,
    annual_discount_rate: float,
    currency: str = "",
) -> pd.DataFrame:
    """Score customers.

    Parameters
    ----------
    frame
        Features of the customers at the as-of date.
    model
        What `train` returned.
    horizon_days
        Length of the future in `clv_future`.
    churn_horizon_days
        `value_if_stays` is the value over the horizon given a purchase in these days, `value_if_leaves` given none.
    annual_discount_rate
        Yearly rate; ln(1 + r)/52 per week.
    currency
        Of the amounts.

    Returns
    -------
    DataFrame
        One row per customer, in the order of `frame`; money as Decimal in the digits of the
        currency, before returns and costs.
    """
    result = _asked(frame, horizon_days, annual_discount_rate)
    result["unavailable_reason"] = pd.Series(None, index=result.index, dtype=object)
    fitted = read_scorer(model["model"])
    rate = weekly_discount_rate(annual_discount_rate)
    scores = _scores(frame, fitted, horizon_days / DAYS_PER_WEEK, churn_horizon_days / DAYS_PER_WEEK, rate)
    if correction := model["model"].get("challenger"):
        factor = _factors(frame, fitted, correction, scores["p_alive"], scores["expected_spend"])
        scores |= {name: scores[name] * factor for name in MONEY}
    for name, digits in NUMBERS.items():
        result[name] = np.round(scores[name], digits)
    digits = currency_digits(currency)
    for name in MONEY:
        result[name] = pd.Series([Decimal(f"{amount:.{digits}f}") for amount in scores[name]], dtype=object)
    history, ahead = history_of(frame, fitted.clock), _ahead(frame, fitted)
    waits = days_to_next_order(fitted.purchases, horizon_days, history, ahead).tolist()
    known = frame["as_of_date"].dt.date.tolist()
    dates = [date + dt.timedelta(days=days) if days else None for date, days in zip(known, waits, strict=True)]
    result["expected_next_order_date"] = pd.Series(dates, index=result.index, dtype=object)
    return result


def unscored(
    frame: pd.DataFrame,
    reason: str,
    *,
    horizon_days: int,
    churn_horizon_days: int,  # noqa: ARG001  the options of `score`
    annual_discount_rate: float,
) -> pd.DataFrame:
    """Return the same columns without scores, with the reason."""
    result = _asked(frame, horizon_days, annual_discount_rate)
    result["unavailable_reason"] = pd.Series(reason, index=result.index, dtype=object)
    for name in (*NUMBERS, *MONEY, "expected_next_order_date"):
        result[name] = pd.Series(None, index=result.index, dtype=float if name in NUMBERS else object)
    return result


def _asked(frame: pd.DataFrame, horizon_days: int, annual_discount_rate: float) -> pd.DataFrame:
    result = pd.DataFrame({"customer_id": frame["customer_id"].to_numpy()})
    result["time_unit"], result["horizon_days"] = TIME_UNIT, np.int32(horizon_days)
    result["annual_discount_rate"] = annual_discount_rate
    return result


def _scores(frame: pd.DataFrame, fitted: Scorer, weeks: float, wait: float, rate: float) -> dict[str, Floats]:
    history, (days, amount) = history_of(frame, fitted.clock), spend_of(frame)
    model, spend, ahead = fitted.purchases, fitted.spend, _ahead(frame, fitted)
    alive = model.alive(history)
    per_purchase = spend.expected_spend(days, amount) * fitted.share_paid
    quantiles = value_quantiles(
        model, spend, LEVELS, history, days, amount,
        horizon=weeks, rate=rate, share_paid=fitted.share_paid, ahead=ahead,
    )  # fmt: skip
    stays, leaves = purchases_after(model, weeks, wait, rate, history, ahead)
    return {
        "p_alive": alive,
        "expected_purchases": alive * model.expected_if_alive(ahead.weeks(weeks), history),
        "expected_spend": per_purchase,
        "clv_future": alive * discounted_purchases_if_alive(model, weeks, rate, history, ahead) * per_purchase,
        "clv_future_p10": quantiles[:, 0],
        "clv_future_p50": quantiles[:, 1],
        "clv_future_p90": quantiles[:, 2],
        "value_if_stays": stays * per_purchase,
        "value_if_leaves": leaves * per_purchase,
    }


def _factors(
    frame: pd.DataFrame, fitted: Scorer, correction: dict[str, Any], alive: Floats, per_purchase: Floats
) -> Floats:
    """What the challenger multiplies the values by."""
    weeks = _ahead(frame, fitted).weeks(correction["days"] / DAYS_PER_WEEK)
    expected = alive * fitted.purchases.expected_if_alive(weeks, history_of(frame, fitted.clock))
    return factors(correction, frame, expected, expected * per_purchase)


def _ahead(frame: pd.DataFrame, fitted: Scorer) -> Ahead:
    return fitted.clock.ahead(frame["as_of_date"].iloc[0].date()) if len(frame) else CALENDAR
