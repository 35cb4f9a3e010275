"""Stages by each customer's own rhythm, told as people."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from mining.purchases.rhythm import overdue, own_rhythm, typical_rhythm
from mining.segments.job import score
from mining.segments.lifecycle import STAGES, change, stages
from mining.store import feature_set

AS_OF = dt.date(2024, 12, 31)
DAYS = {
    "weekly_ana": range(2, 720, 7),
    "monthly_ben": range(5, 720, 30),
    "crowd_1": range(3, 700, 20),
    "crowd_2": range(9, 700, 18),
    "crowd_3": range(1, 700, 22),
}


def _stage(build_features, **ago):
    """Stage of people given by how many days before the as-of date they bought, among a steady crowd."""
    people = {**DAYS, **ago}
    rows = [
        (name, pd.Timestamp(AS_OF) - pd.Timedelta(days=int(day)), 10.0) for name, days in people.items() for day in days
    ]
    purchases = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    earlier = [AS_OF - dt.timedelta(days=28 * k) for k in range(1, 10)]
    features = feature_set(build_features(purchases, dates=earlier), AS_OF)
    frame = features.at(AS_OF).assign(is_left_truncated=False)
    found = stages(frame, [features.at(date) for date in earlier])
    return dict(zip(frame["customer_id"], found, strict=True))


def test_the_same_absence_means_different_things(build_features):
    found = _stage(build_features, weekly=range(60, 700, 7), monthly=range(75, 700, 30), yearly=range(60, 720, 300))
    assert (found["weekly"], found["monthly"]) == ("lost", "dormant")
    assert found["yearly"] == "stable"
    assert found["weekly_ana"] == found["monthly_ben"] == "stable"


def test_a_daily_shopper_on_holiday_is_not_lost(build_features):
    found = _stage(build_features, away_12=range(12, 400), away_20=range(20, 400), away_30=range(30, 400))
    assert found["away_12"] not in ("dormant", "lost")
    assert (found["away_20"], found["away_30"]) == ("dormant", "lost")


def test_a_one_time_buyer_is_judged_by_the_typical_rhythm(build_features):
    found = _stage(build_features, came_last_week=[6], came_last_year=[400])
    assert found["came_last_week"] == "new" and found["came_last_year"] == "lost"


def test_a_customer_older_than_the_data_is_not_new():
    young = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "purchase_days": [2.0, 2.0],
            "purchase_days_84d": [2.0, 2.0],
            "recency_days": [1.0, 1.0],
            "tenure_days": [10.0, 10.0],
            "gap_mean_days": [9.0, 9.0],
            "gap_stddev_days": [np.nan, np.nan],
            "is_left_truncated": [False, True],
        }
    )
    assert stages(young).tolist() == ["new", "stable"]


def test_more_and_less_than_before(build_features):
    found = _stage(
        build_features,
        speeds_up=[*range(1, 80, 5), *range(100, 700, 30)],
        slows_down=[3, 23, 43, 63, 83, *range(90, 700, 7)],
        slow_and_steady=[20, 110, 200, 290, 380],
    )
    assert found["speeds_up"] == "growing"
    assert found["slow_and_steady"] == "stable"
    assert found["slows_down"] == "declining"


def test_won_back_until_a_rhythm_is_seen_again(build_features):
    found = _stage(
        build_features,
        back=[5, *range(400, 700, 10)],
        back_for_good=[*range(5, 60, 10), *range(400, 700, 10)],
    )
    assert found["back"] == "won_back"
    assert found["back_for_good"] != "won_back"


def test_change_is_the_binomial_tail():
    """336 days, 12 repeats: 3 expected in the last 84; P(at least 7) = 0.014, P(at least 6) = 0.054, P(0) = 0.032."""
    frame = pd.DataFrame({"purchase_days": 13.0, "tenure_days": 336.0, "purchase_days_84d": [7.0, 6.0, 3.0, 1.0, 0.0]})
    assert change(frame).tolist() == [1, 0, 0, 0, -1]
    assert not change(frame.assign(tenure_days=120.0)).any()


def test_rhythm_is_shrunk_towards_the_typical_and_never_without_spread():
    frame = pd.DataFrame(
        {
            "purchase_days": [1.0, 2.0, 101.0],
            "gap_mean_days": [np.nan, 30.0, 30.0],
            "gap_stddev_days": [np.nan, np.nan, 0.0],
            "recency_days": 30.0,
        }
    )
    rhythm = own_rhythm(frame, (6.0, 6.0))
    assert rhythm.gap.tolist() == pytest.approx([6.0, (30 + 2 * 6) / 3, (100 * 30 + 2 * 6) / 102])
    assert rhythm.deviation.tolist()[:2] == pytest.approx([6.0, 14.0])
    assert rhythm.deviation[2] == pytest.approx(rhythm.gap[2] / 2)
    assert np.isfinite(overdue(frame, (6.0, 0.0))).all()


def test_only_one_time_buyers_have_no_typical_gap_but_a_stage():
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "purchase_days": 1.0,
            "purchase_days_84d": [1.0, 0.0],
            "recency_days": [3.0, 200.0],
            "tenure_days": [3.0, 200.0],
            "gap_mean_days": np.nan,
            "gap_stddev_days": np.nan,
            "is_left_truncated": False,
        }
    )
    assert typical_rhythm(frame) == (200.0, 200.0)
    assert set(stages(frame)) == {"new"}
    assert stages(frame.iloc[:0]).empty


def test_all_customers_of_a_shop_have_every_column(shop):
    features = feature_set(shop, AS_OF)
    scored = score(features)
    assert scored.drop(columns="unavailable_reason").notna().all().all()
    assert scored["unavailable_reason"].isna().all()
    assert scored["customer_id"].tolist() == features.at(AS_OF)["customer_id"].tolist()
    assert set(scored["lifecycle_stage"]) <= set(STAGES)
