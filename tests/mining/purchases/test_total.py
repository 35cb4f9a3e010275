"""The sum of all customers' purchases, its interval, and the grade of a forecast of hidden days."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mining.clv.hidden import Grade, grade
from mining.purchases import total
from mining.purchases.clock import PLAIN, history_of
from mining.purchases.history import History
from mining.purchases.models.pareto_nbd import ParetoNBD
from mining.store import FeatureSet, feature_set

AS_OF = dt.date(2024, 12, 31)
START = AS_OF - dt.timedelta(days=243)
Builder = Callable[..., pa.Table]


def calendar_of(purchases: pd.DataFrame, dates: list[dt.date]) -> pa.Table:
    """Rows of features.purchase_calendar, by the plainest means."""
    frames = []
    for date in dates:
        days = purchases[purchases["date"] <= pd.Timestamp(date)][["customer_id", "date"]].drop_duplicates()
        first = days.groupby("customer_id")["date"].min().value_counts()
        frame = days["date"].value_counts().rename("all").to_frame().join(first.rename("first_purchases")).fillna(0)
        frame["repeat_purchases"] = frame["all"] - frame["first_purchases"]
        frames.append(frame.rename_axis("purchase_date").reset_index().assign(as_of_date=date))
    table = pd.concat(frames).drop(columns="all")
    table["purchase_date"] = table["purchase_date"].dt.date
    return pa.Table.from_pandas(table, preserve_index=False)


def features_of(build_features: Builder, purchases: pd.DataFrame) -> FeatureSet:
    dates = [START, AS_OF]
    features = feature_set(build_features(purchases, dates=dates), AS_OF)
    return replace(features, purchase_days=calendar_of(purchases, dates))


@pytest.fixture(scope="module")
def graded(build_features: Builder, purchases: pd.DataFrame) -> Grade:
    found = grade(features_of(build_features, purchases), 365)
    assert isinstance(found, Grade)
    return found


def test_what_comes_after_the_cut_changes_no_forecast(
    build_features: Builder, purchases: pd.DataFrame, graded: Grade
) -> None:
    later = purchases[purchases["date"] > pd.Timestamp(START)].head(500)
    planted = pd.concat([purchases, later.assign(date=later["date"] + pd.Timedelta(days=1), amount=999.0)])
    planted = planted[planted["date"] <= pd.Timestamp(AS_OF)]
    found = grade(features_of(build_features, planted), 365)
    assert isinstance(found, Grade)
    assert found.came > graded.came
    assert (found.expected, found.own_rate, found.customers) == (graded.expected, graded.own_rate, graded.customers)


def test_what_came_lies_in_the_interval_and_the_forecast_is_nearer_than_the_own_rate(graded: Grade) -> None:
    assert graded.is_within
    assert abs(graded.expected.mean - graded.came) < abs(graded.own_rate - graded.came)
    assert graded.rmse < graded.own_rate_rmse


def test_too_few_customers_are_no_forecast(build_features: Builder, purchases: pd.DataFrame) -> None:
    few = purchases[purchases["customer_id"] < "C0030"]
    assert "50 are needed" in str(grade(features_of(build_features, few), 365))


def test_the_variance_of_a_sum_is_that_of_customers_who_buy_independently() -> None:
    model = ParetoNBD.from_dict(
        {
            "model": "pareto_nbd", "time_unit": "week", "log_likelihood": 0.0, "is_converged": True, "gradient": 0.0,
            "parameters": {"r": 0.8, "alpha": 6.0, "s": 0.6, "beta": 15.0}, "customers": 3,
        }
    )  # fmt: skip
    history = History(np.array([0.0, 2.0, 6.0]), np.array([0.0, 10.0, 28.0]), np.array([20.0, 25.0, 30.0]))
    customers = np.array([5.0, 2.0, 1.0])
    y = np.arange(400.0)
    pmf = model.count_pmf_if_alive(13.0, history, y) * model.alive(history)[:, None]
    mean = pmf @ y
    variance = pmf @ y**2 - mean**2
    found = total._moments(model, 13.0, history, customers)
    assert found == pytest.approx((mean @ customers, variance @ customers), rel=1e-6)


def test_shocks_are_what_months_differ_by_beyond_chance(build_features: Builder, purchases: pd.DataFrame) -> None:
    features = features_of(build_features, purchases)
    frame, calendar = features.at(START), features.calendar(START)
    model = ParetoNBD().fit(*history_of(frame))
    swings = np.where(calendar["purchase_date"].dt.month % 2, 0.5, 1.5)
    uneven = calendar.assign(repeat_purchases=calendar["repeat_purchases"] * swings)
    calm, moved = (total.shared_shock(model, PLAIN, each, START, 243) for each in (calendar, uneven))
    season = total.SEASON * np.sinc(243 / 365)
    assert season <= calm < moved
