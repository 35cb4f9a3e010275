"""How many purchases all customers together will make, with an interval that is honest about what may go wrong."""

import copy
import datetime as dt
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import nbinom, norm, poisson, t

from mining.purchases.clock import MONTHS, PurchaseClock, history_of
from mining.purchases.history import DAYS_PER_WEEK, Floats, History, unique_rows
from mining.purchases.models.average import AveragedPurchases
from mining.purchases.models.base import PurchaseModel
from mining.purchases.predictive import count_distribution
from mining.purchases.season import CYCLE_DAYS, CYCLES, cycles, purchases_by_month

LEVEL = 0.95
CHUNK = 20_000
"""Distinct customers at a time."""
STEP = 1e-3
"""Relative step of the numerical derivatives."""
FEWEST_MONTHS = 3
"""Months of repeat purchases from which shocks that all customers share can be told."""
UNKNOWN_SHOCK = 0.25
"""Standard deviation of such shocks, as a share of the total, where there are fewer months."""
USUAL_EVENTS = 10.0
"""A month in which fewer repeat purchases are expected tells nothing of shocks."""
FITTED = 2
"""What a model's level and decline take of the months' freedom to vary."""
MOST_PERSISTENT = 0.95
SEASON = 0.2
"""Standard deviation of a month's season where it is not known: an assumption. Over a whole year it averages out."""
MONTH_DAYS = CYCLE_DAYS / MONTHS


class Total(NamedTuple):
    """Purchases of all customers together: the mean, and the limits of the 95 % interval."""

    mean: float
    low: float
    high: float


def forecast_total(
    model: PurchaseModel, clock: PurchaseClock, frame: pd.DataFrame, calendar: pd.DataFrame, days: int
) -> Total:
    """Forecast the purchases of the customers of a day in the days after it.

    The variance has three parts: the customers' own chance, given the parameters (`count_distribution`); that of the
    parameters, which are estimates (delta method, with the information of the customers' scores); and that of shocks
    which all customers share, such as a season that is not known yet. The last is measured where the model could be
    compared with the purchases of a whole month, and persists as it did there. A negative binomial has mean and
    variance.

    Parameters
    ----------
    model, clock
        A purchase model, and the clock that it was fitted on.
    frame, calendar
        Features of the customers, and rows of `features.purchase_calendar`, as they were known on the day.
    days
        Days after it.
    """
    day = frame["as_of_date"].iloc[0].date()
    weeks = float(clock.ahead(day).weeks(days / DAYS_PER_WEEK))
    columns, _, customers = unique_rows(*history_of(frame, clock))
    history, number = History(*columns), customers.astype(np.float64)
    mean, own = _moments(model, weeks, history, number)
    shock = shared_shock(model, clock, calendar, day, days)
    variance = own + parameter_variance(model, weeks, history, number) + (mean * shock) ** 2
    return Total(mean, *limits(mean, variance))


def _moments(model: PurchaseModel, weeks: float, history: History, customers: Floats) -> tuple[float, float]:
    """Mean and variance of the sum, given the parameters: customers buy independently of each other."""
    variance = np.zeros(len(history.x))
    expected = model.alive(history) * model.expected_if_alive(weeks, history)
    for start in range(0, len(history.x), CHUNK):
        part = slice(start, start + CHUNK)
        counts = count_distribution(model, weeks, History(*(column[part] for column in history)))
        mean = np.sum(counts.probability * counts.purchases, axis=1)
        within = (counts.width**2 - 1) / 12 * (1 - counts.probability[:, 0])
        variance[part] = np.sum(counts.probability * (counts.purchases - mean[:, None]) ** 2, axis=1) + within
    return float(expected @ customers), float(variance @ customers)


def parameter_variance(model: PurchaseModel, weeks: float, history: History, customers: Floats) -> float:
    """Variance of the expected sum that comes from the parameters being estimates.

    Of a mean of models, also that they expect different sums.
    """
    if isinstance(model, AveragedPurchases):
        weights = np.array(model.weights)
        sums = np.array([_expected_sum(each, weeks, history, customers) for each in model.models])
        within = np.array([parameter_variance(each, weeks, history, customers) for each in model.models])
        return float(weights @ (within + (sums - weights @ sums) ** 2))
    gradient = model.gradient(*history) * model.parameters[:, None]
    information = (gradient * customers) @ gradient.T
    slope = np.array([
        _expected_sum(_moved(model, name, 1 + STEP), weeks, history, customers)
        - _expected_sum(_moved(model, name, 1 - STEP), weeks, history, customers)
        for name in model.parameter_names
    ]) / (2 * STEP)  # fmt: skip
    return float(slope @ np.linalg.pinv(information, hermitian=True) @ slope)


def _moved(model: PurchaseModel, name: str, factor: float) -> PurchaseModel:
    moved = copy.copy(model)
    moved.params_ = {**model.params_, name: model.params_[name] * factor}
    return moved


def _expected_sum(model: PurchaseModel, weeks: float, history: History, customers: Floats) -> float:
    return float((model.alive(history) * model.expected_if_alive(weeks, history)) @ customers)


def shared_shock(model: PurchaseModel, clock: PurchaseClock, calendar: pd.DataFrame, day: dt.date, days: int) -> float:
    """Standard deviation of what moves all customers' purchases at once, as a share of their sum over the days.

    Log-ratios of the repeat purchases of a month to what the model expects of the customers who had arrived vary by
    chance and by shocks. What exceeds chance is the shocks' variance, and its correlation from month to month follows
    an autoregression of order one (corrected for its bias in short series: Marriott & Pope 1954, Biometrika 41). The
    error of a forecast is the mean shock of the months ahead less that of the months that the model learned from.
    With few months the deviation itself is uncertain, so it grows as the quantile of Student's t does. To it comes
    the season, where it is not known.
    """
    months = max(round(days / MONTH_DAYS), 1)
    seen, expected = purchases_by_month(model, clock, calendar, day)
    known = expected >= USUAL_EVENTS
    number = int(known.sum())
    first = calendar["purchase_date"].min().date()
    season = SEASON * abs(float(np.sinc(days / CYCLE_DAYS))) if cycles(first, day) < CYCLES else 0.0
    if number < FEWEST_MONTHS:
        return float(np.hypot(UNKNOWN_SHOCK, season))
    ratio = np.log((seen[known] + 0.5) / (expected[known] + 0.5))
    weight = expected[known] / expected[known].sum()
    spread = float(weight @ ratio**2)
    chance = float(weight @ (1.0 / (seen[known] + 0.5)))
    shocks = max(spread - chance, 0.0) * number / (number - FITTED)
    pairs = np.minimum(weight[1:], weight[:-1])
    follows = float(pairs @ (ratio[1:] * ratio[:-1]) / pairs.sum()) / max(spread - chance, 0.5 * spread)
    persistence = float(np.clip(follows + (1 + 3 * follows) / number, 0.0, MOST_PERSISTENT))
    together = _of_mean(persistence, months) + _of_mean(persistence, number) - 2 * _common(persistence, months, number)
    variance = shocks * max(together, 0.0)
    caution = t.ppf(0.5 + LEVEL / 2, number - 1) / norm.ppf(0.5 + LEVEL / 2)
    return float(np.hypot(np.sqrt(variance) * caution, season))


def _of_mean(persistence: float, months: int) -> float:
    """Variance of the mean of so many months of an autoregression with variance 1."""
    lags = np.arange(1, months)
    return float(1 + 2 * np.sum((1 - lags / months) * persistence**lags)) / months


def _common(persistence: float, ahead: int, before: int) -> float:
    """Covariance of the mean of the months ahead with the mean of the months before, of the same autoregression."""
    powers = persistence ** np.arange(1, ahead + 1)
    return float(np.sum(powers) * np.sum(persistence ** np.arange(before)) / (ahead * before))


def limits(mean: float, variance: float) -> tuple[float, float]:
    """Limits of the 95 % interval of a count with this mean and variance: negative binomial, or Poisson."""
    tails = (0.5 - LEVEL / 2, 0.5 + LEVEL / 2)
    if variance <= mean * (1 + 1e-9):
        return float(poisson.ppf(tails[0], mean)), float(poisson.ppf(tails[1], mean))
    size = mean**2 / (variance - mean)
    share = size / (size + mean)
    return float(nbinom.ppf(tails[0], size, share)), float(nbinom.ppf(tails[1], size, share))
