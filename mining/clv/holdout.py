"""Judging out of time: fit on one day's features, predict until a later day, compare."""

import datetime as dt
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mining.clv.evaluation import LEVELS, Outcome, pooled_improvement, rmse
from mining.clv.models import FittedModels, fit_all, spend_of, too_few
from mining.clv.value import value_quantiles
from mining.evaluation import row
from mining.purchases.clock import Ahead, PurchaseClock, history_of
from mining.purchases.history import DAYS_PER_WEEK, Floats, History
from mining.purchases.models.base import PurchaseModel
from mining.purchases.predictive import count_distribution
from mining.store import FeatureSet

BUT_ONE = "rmse_all_holdouts_but_one"
"""The metric of all holdouts without the customer who sways it most."""


class Judged(NamedTuple):
    """Models fitted on the customers of `frame`, and what happened in the `weeks` of the calendar after."""

    frame: pd.DataFrame
    fitted: FittedModels
    weeks: float
    purchases: Floats
    value: Floats

    @property
    def history(self) -> History:
        """Histories on the clock of the models."""
        return history_of(self.frame, self.fitted.clock)

    @property
    def ahead(self) -> Ahead:
        """What that clock shows after the day of the frame."""
        return self.fitted.clock.ahead(self.frame["as_of_date"].iloc[0].date())

    @property
    def expected(self) -> Floats:
        """Expected purchases in the holdout."""
        return expected_purchases(self, self.fitted.scorer.purchases)

    @property
    def expected_value(self) -> Floats:
        """Expected net sales in the holdout, not discounted."""
        return self.expected * self.fitted.scorer.spend.expected_spend(*spend_of(self.frame)) * self.fitted.share_paid

    def outcome(self) -> Outcome:
        """Predictions of purchases and value, with their distributions, beside what happened."""
        frame, weeks = self.frame, self.weeks
        model, spend, share_paid, _ = self.fitted.scorer
        history, ahead, (days, amount) = self.history, self.ahead, spend_of(frame)
        naive = naive_purchases(history_of(frame), weeks)
        quantiles = value_quantiles(
            model, spend, LEVELS, history, days, amount, horizon=weeks, rate=0.0, share_paid=share_paid, ahead=ahead
        )
        return Outcome(
            purchases=self.purchases,
            value=self.value,
            expected_purchases=self.expected,
            expected_value=self.expected_value,
            naive_purchases=naive,
            naive_value=naive * frame["net_sales"].to_numpy(float) / frame["purchase_days"].to_numpy(float),
            quantiles=quantiles,
            counts=count_distribution(model, ahead.weeks(weeks), history),
        )


def origins(features: FeatureSet, horizon_days: int) -> list[dt.date]:
    """Days before the as-of day from which to predict, oldest first.

    The last is the feature date nearest to one holdout, min(horizon, a third of the data's span), before the as-of
    day. The one before it, where the data reach, is the feature date nearest to a holdout earlier still, so that
    the model is judged on two stretches that do not overlap (rolling origin).
    """
    if features.as_of not in features.dates:
        return []
    first = features.at(features.as_of)["first_purchase_date"].min()
    holdout = min(horizon_days, (features.as_of - first.date()).days // 3)
    found: list[dt.date] = []
    end = features.as_of
    for _ in range(2):
        earlier = [date for date in features.dates if date < end]
        if not earlier:
            break
        wanted = end - dt.timedelta(days=holdout)
        end = min(earlier, key=lambda date: (abs((date - wanted).days), date))
        if found and too_few(features.at(end)):
            break
        found.append(end)
    return sorted(found)


def judge(before: pd.DataFrame, after: pd.DataFrame, clock: PurchaseClock) -> Judged:
    """Fit on the customers of one day, on the clock of that day, and look up what they had done by a later day."""
    return seen(before, after, fit_all(before, clock))


def seen(before: pd.DataFrame, after: pd.DataFrame, fitted: FittedModels) -> Judged:
    """Look up what the customers of one day, on which models were fitted, had done by a later day."""
    later = after.set_index("customer_id").loc[before["customer_id"]]
    days = (after["as_of_date"].iloc[0] - before["as_of_date"].iloc[0]).days
    return Judged(
        frame=before,
        fitted=fitted,
        weeks=days / DAYS_PER_WEEK,
        purchases=later["purchase_days"].to_numpy(float) - before["purchase_days"].to_numpy(float),
        value=later["net_sales"].to_numpy(float) - before["net_sales"].to_numpy(float),
    )


def expected_purchases(judged: Judged, model: PurchaseModel) -> Floats:
    """Purchases in the holdout that a model expects of each customer."""
    history = judged.history
    return model.alive(history) * model.expected_if_alive(judged.ahead.weeks(judged.weeks), history)


def naive_purchases(history: History, weeks: float) -> Floats:
    """Own rate so far, x/T, times the weeks ahead; 0 on the day of the first purchase (T = 0)."""
    return history.x / np.where(history.T > 0, history.T, 1.0) * weeks


def compared(judged: Judged) -> list[dict[str, Any]]:
    """Holdout errors of every candidate, the ones not chosen too."""
    actual, rows = judged.purchases, []
    for model in judged.fitted.candidates:
        expected = expected_purchases(judged, model)
        ratio = float(expected.sum() / actual.sum()) if actual.sum() else float("nan")
        rows += [
            row("all", f"{model.name}_rmse", len(actual), rmse(actual, expected)),
            row("all", f"{model.name}_predicted_over_actual", len(actual), ratio),
            row("all", f"{model.name}_log_likelihood", len(actual), model.log_likelihood_),
        ]
    return rows


def squared_errors(judged: Judged) -> dict[str, Floats]:
    """Squared errors in purchases of every candidate that can be used, and of the model in use, by customer."""
    candidates = [model for model in judged.fitted.candidates if model.is_converged_]
    models = {model.name: model for model in (*candidates, judged.fitted.scorer.purchases)}
    return {name: (judged.purchases - expected_purchases(judged, model)) ** 2 for name, model in models.items()}


def rolling(judged: list[Judged]) -> list[dict[str, Any]]:
    """RMSE of purchases over all holdouts together, with the interval of the improvement; decides on publishing.

    Where the improvement is not certain, the same of all customers but the one whose errors differ most (`BUT_ONE`): a
    customer who buys every day is predicted by the own rate to the purchase, and may outweigh thousands.
    """
    errors = pd.concat(
        [
            pd.DataFrame(
                {
                    "customer_id": item.frame["customer_id"],
                    "customers": 1.0,
                    "model": (item.purchases - item.expected) ** 2,
                    "naive": (item.purchases - naive_purchases(history_of(item.frame), item.weeks)) ** 2,
                }
            )
            for item in judged
        ]
    )
    per_customer = errors.groupby("customer_id", sort=True)[["customers", "model", "naive"]].sum()
    rows = [_pooled("rmse_all_holdouts", per_customer)]
    if (rows[0]["ci_low"] or 0.0) <= 0 and len(per_customer) > 1:
        heaviest = (per_customer["model"] - per_customer["naive"]).abs().idxmax()
        rows.append(_pooled(BUT_ONE, per_customer.drop(index=heaviest)))
    return rows


def _pooled(metric: str, per_customer: pd.DataFrame) -> dict[str, Any]:
    model, naive, interval = pooled_improvement(*(per_customer[name].to_numpy() for name in per_customer))
    return row("all", metric, int(per_customer["customers"].sum()), model, naive, interval)
