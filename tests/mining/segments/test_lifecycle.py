"""Stages by each customer's own rhythm, told as people."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from mining.purchases.rhythm import overdue, own_rhythm, typical_rhythm
from mining.segments.dates import day_of
from mining.segments.job import score
from mining.segments.lifecycle import NAMES, STAGES, change, judge
from mining.segments.reading import read_customers
from mining.segments.tiers import Rule
from mining.store import feature_set

AS_OF = dt.date(2024, 12, 31)
DAYS = {
    "weekly_ana": range(2, 720, 7),
    "monthly_ben": range(5, 720, 30),
    "crowd_1": range(3, 700, 20),
    "crowd_2": range(9, 700, 18),
    "crowd_3": range(1, 700, 22),
}


def _bought(**ago) -> pd.DataFrame:
    """Purchases of people given by how many days before the as-of date they bought."""
    end = pd.Timestamp(AS_OF)
    rows = [(name, end - pd.Timedelta(days=int(day)), 10.0) for name, days in ago.items() for day in days]
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def _stage(segment_features, contracts=(), **ago):
    """Stage of people on the as-of date, among a steady crowd."""
    found = follow(segment_features, _bought(**DAYS, **ago), contracts)
    now = found.groupby("customer_id").tail(1)
    return dict(zip(now["customer_id"], now["lifecycle_stage"], strict=True))


def follow(segment_features, purchases, contracts=(), as_of=AS_OF) -> pd.DataFrame:
    """What became of everybody."""
    return score(segment_features(purchases, contracts, as_of), Rule())["stage_history"]


def test_the_same_absence_means_different_things(segment_features):
    found = _stage(segment_features, weekly=range(60, 700, 7), monthly=range(75, 700, 30), rarely=range(60, 720, 150))
    assert (found["weekly"], found["monthly"]) == ("lost", "dormant")
    assert found["rarely"] == "stable"
    assert found["weekly_ana"] == found["monthly_ben"] == "stable"


def test_a_daily_shopper_on_holiday_is_not_lost(segment_features):
    found = _stage(segment_features, away_12=range(12, 400), away_20=range(20, 400), away_30=range(30, 400))
    assert found["away_12"] not in ("dormant", "lost")
    assert (found["away_20"], found["away_30"]) == ("dormant", "lost")


def test_a_one_time_buyer_is_judged_by_the_typical_rhythm(segment_features):
    found = _stage(segment_features, came_last_week=[6], came_last_year=[400])
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
    assert NAMES[judge(young).stage].tolist() == ["new", "stable"]


def test_more_and_less_than_before(segment_features):
    found = _stage(
        segment_features,
        speeds_up=[*range(1, 80, 5), *range(100, 700, 30)],
        slows_down=[3, 23, 43, 63, 83, *range(90, 700, 7)],
        slow_and_steady=[20, 110, 200, 290, 380],
    )
    assert found["speeds_up"] == "growing"
    assert found["slow_and_steady"] == "stable"
    assert found["slows_down"] == "declining"


def test_won_back_until_a_rhythm_is_seen_again(segment_features):
    found = _stage(
        segment_features,
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
    assert set(NAMES[judge(frame).stage]) == {"new"}
    assert not len(judge(frame.iloc[:0]).stage)


def test_all_customers_of_a_shop_have_every_column(segment_features, purchases):
    features = segment_features(purchases)
    scored = score(features, Rule())["segments"]
    unknown = {"next_tier", "to_next_tier", "tier_margin", "is_unprofitable", "unavailable_reason"}
    assert scored.drop(columns=unknown).notna().all(axis=None)
    assert scored["customer_id"].tolist() == features.at(AS_OF)["customer_id"].tolist()
    assert set(scored["lifecycle_stage"]) <= set(STAGES)


def test_purchases_as_they_add_up_are_the_features_of_each_day(segment_features, build_features, purchases):
    some = purchases[purchases["customer_id"] < "C0300"]
    customers = read_customers(features := segment_features(some), features.at(AS_OF))
    for date in (dt.date(2023, 6, 30), dt.date(2024, 2, 29), AS_OF):
        expected = feature_set(build_features(some, date), date).at(date).set_index("customer_id")
        day = day_of(date)
        known = int((customers.purchases.first <= day).sum())
        found = customers.purchases.at(day, known).set_index(customers.ids.to_pandas()[:known]).sort_index()
        pd.testing.assert_frame_equal(
            found, expected[found.columns], check_names=False, check_dtype=False, atol=1e-6, rtol=0
        )


def test_the_history_of_ana_who_left_and_came_back(segment_features):
    found = follow(segment_features, _bought(**DAYS, ana=[5, *range(400, 640, 10)]))
    ana = found[found["customer_id"] == "ana"]
    days = [str(day)[:10] for day in ana["valid_from"]]
    assert days == ["2023-04-11", "2023-05-31", "2023-12-31", "2024-01-31", "2024-12-31"]
    assert ana["lifecycle_stage"].tolist() == ["new", "stable", "dormant", "lost", "won_back"]


def test_a_contract_that_runs_is_a_customer_and_one_that_ended_is_dormant_for_a_period(segment_features):
    def days(ago: int) -> dt.date:
        return AS_OF - dt.timedelta(days=ago)

    contracts = [
        ("runs", days(300), None),
        ("began", days(40), None),
        ("ended", days(300), days(20)),
        ("ended_long_ago", days(300), days(60)),
        ("returned", days(600), days(400)),
        ("returned", days(30), None),
        ("buys_no_more", days(500), None),
        ("took_more", days(400), None),
        ("took_more", days(50), None),
    ]
    found = _stage(segment_features, contracts, buys_no_more=range(300, 500, 10))
    assert (found["runs"], found["began"], found["buys_no_more"]) == ("stable", "new", "declining")
    assert (found["ended"], found["ended_long_ago"]) == ("dormant", "lost")
    assert (found["returned"], found["took_more"]) == ("won_back", "growing")


def test_what_comes_later_changes_no_earlier_stage_nor_tier(segment_features, purchases):
    """Half a year more of purchases, of newcomers too: month-ends before it are as they were."""
    some, middle = purchases[purchases["customer_id"] < "C0400"], dt.date(2024, 6, 30)
    contracts = [("C0001", dt.date(2024, 1, 10), dt.date(2024, 8, 1)), ("only", dt.date(2024, 3, 5), None)]
    for table in ("stage_history", "tier_history"):
        before, after = (score(segment_features(some, contracts, day), Rule())[table] for day in (middle, AS_OF))
        after = after[after["valid_from"] <= np.datetime64(middle)].reset_index(drop=True)
        pd.testing.assert_frame_equal(before.reset_index(drop=True), after, check_categorical=False)


def test_the_order_of_rows_changes_nothing(segment_features, purchases):
    some = purchases[purchases["customer_id"] < "C0200"]
    one, other = (score(segment_features(rows), Rule()) for rows in (some, some.sample(frac=1, random_state=2)))
    for table, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[table])
