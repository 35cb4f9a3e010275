"""What is recorded of a model beside its scores: errors by group, and the weeks of the last holdout."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mining.clv.holdout import Judged, judge
from mining.purchases.clock import PLAIN
from mining.reports.groups import biased, by_group
from mining.reports.tracking import track
from mining.store import FeatureSet, feature_set
from tests.mining.purchases.test_total import calendar_of

AS_OF = dt.date(2024, 12, 31)
START = AS_OF - dt.timedelta(days=243)
Builder = Callable[..., pa.Table]


@pytest.fixture(scope="module")
def features(build_features: Builder, purchases: pd.DataFrame) -> FeatureSet:
    """Features of 400 customers on two days, with the purchases of each day."""
    few = purchases[purchases["customer_id"] < "C0400"]
    found = feature_set(build_features(few, dates=[START, AS_OF]), AS_OF)
    return replace(found, purchase_days=calendar_of(few, [START, AS_OF]))


@pytest.fixture(scope="module")
def judged(features: FeatureSet) -> Judged:
    return judge(features.at(START), features.at(AS_OF), PLAIN)


def test_weeks_add_up_to_the_forecast_and_the_interval_holds_it(features: FeatureSet, judged: Judged) -> None:
    told = track(judged, judged.outcome(), features.calendar(START))
    assert told["days"] == list(range(7, 243, 7))
    cumulative, weekly = np.array(told["cumulative"]), np.array(told["weekly"])
    assert np.cumsum(weekly[:, 0]) == pytest.approx(cumulative[:, 0], abs=0.1)
    assert cumulative[-1, 0] == pytest.approx(judged.expected.sum() * 238 / 243, rel=0.01)
    assert cumulative[-1, 1] < judged.purchases.sum() < cumulative[-1, 2]
    for limits in (cumulative, weekly):
        assert (limits[:, 1] <= limits[:, 0]).all() and (limits[:, 0] <= limits[:, 2]).all()


def test_no_week_is_told_without_the_purchases_of_each_day(features: FeatureSet, judged: Judged) -> None:
    assert track(judged, judged.outcome(), features.calendar(START).iloc[:0])["days"] == []


def test_groups_of_fewer_than_ten_are_not_shown(features: FeatureSet) -> None:
    frame = features.at(START).iloc[:40].reset_index(drop=True)
    frame["acquisition_channel"] = ["web"] * 31 + ["store"] * 9
    nothing = np.zeros(40)
    rows = by_group(features, frame, nothing, nothing, nothing)
    shown = {row["stratum"]: row["rows"] for row in rows}
    assert shown["channel: web"] == 31
    assert "channel: store" not in shown
    assert min(shown.values()) >= 10
    assert sum(size for stratum, size in shown.items() if stratum.startswith("forecast: ")) == 40
    assert biased(rows) == []


def test_a_channel_of_which_too_much_was_said_is_named(features: FeatureSet) -> None:
    frame = features.at(START).iloc[:300].reset_index(drop=True)
    frame["acquisition_channel"] = np.where(np.arange(300) % 3 == 0, "affiliate", "web")
    random = np.random.default_rng(2)
    came = random.poisson(2.0, 300).astype(float)
    said = np.where(frame["acquisition_channel"] == "affiliate", 3.0, 2.0)
    rows = by_group(features, frame, came, said, np.full(300, 2.0))
    assert [stratum for stratum, _ in biased(rows) if stratum.startswith("channel")] == ["channel: affiliate"]
    (bias,) = [row for row in rows if (row["stratum"], row["metric"]) == ("channel: affiliate", "bias")]
    assert bias["ci_low"] < bias["value"] < bias["ci_high"] and bias["value"] == pytest.approx(1.0, abs=0.4)
    (error,) = [row for row in rows if (row["stratum"], row["metric"]) == ("channel: affiliate", "mean_squared_error")]
    assert error["value"] > error["baseline_value"] and error["ci_high"] < 0
