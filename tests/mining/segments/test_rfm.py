"""Scores of 1 to 5 with ties alike, and segments read off one table."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mining.segments.lifecycle import STAGES, judge
from mining.segments.rfm import rfm, scores, segments
from mining.segments.table import ROWS


def _customers(**columns) -> pd.DataFrame:
    """Customers who bought at even gaps, unless the columns say otherwise."""
    frame = pd.DataFrame({"recency_days": 10, "purchase_days": 3, "net_sales_365d": 100.0, **columns})
    gap = frame.pop("gap") if "gap" in frame else 30.0
    span = (frame["purchase_days"] - 1) * gap
    frame["tenure_days"] = frame["recency_days"] + span
    frame["gap_mean_days"] = (span / (frame["purchase_days"] - 1)).where(frame["purchase_days"] > 1)
    frame["gap_stddev_days"] = (frame["gap_mean_days"] / 2).where(frame["purchase_days"] > 2)
    recent = np.ceil((84 - frame["recency_days"]).clip(lower=0) / gap).clip(upper=frame["purchase_days"])
    return frame.assign(customer_id=frame.index.astype(str), purchase_days_84d=recent, is_left_truncated=False)


def _segments(frame: pd.DataFrame) -> pd.DataFrame:
    judged = judge(frame)
    return segments(frame, rfm(frame), judged.stage, judged.away)


def test_ten_different_values_make_five_pairs():
    assert scores(range(10)).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7], [1]),
        ([7, 7, 7, 7], [1, 1, 1, 1]),
        ([1, 1, 1, 1, 2], [1, 1, 1, 1, 5]),
        ([1, 1, 1, 9, 9], [1, 1, 1, 4, 4]),
        ([1, 5, 5, 5, 5], [1, 2, 2, 2, 2]),
        ([], []),
    ],
)
def test_a_tie_has_the_score_of_its_lowest_place(values, expected):
    assert scores(values).tolist() == expected


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.randoms())
def test_row_order_never_matters_and_more_is_never_less(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    found = scores(values)
    assert scores(np.take(values, order)).tolist() == found[order].tolist()
    by_value = sorted(zip(values, found.tolist(), strict=True))
    assert all(a[1] <= b[1] and (a[0] != b[0] or a[1] == b[1]) for a, b in pairwise(by_value))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60))
def test_a_score_is_the_share_of_customers_that_one_is_above(values):
    for value, score in zip(values, scores(values).tolist(), strict=True):
        below = sum(other < value for other in values) / len(values)
        assert (score - 1) / 5 <= below < score / 5


def test_many_different_values_fill_fifths_evenly():
    found = scores(np.random.default_rng(0).permutation(1003))
    assert set(np.bincount(found)[1:]) <= {200, 201}


def test_a_row_of_the_table_is_a_stage_or_what_a_stage_becomes():
    assert {*ROWS} - {"steady", "slipping"} == set(STAGES) - {"growing", "stable", "declining"}


def test_ana_buys_often_ben_faded_and_cleo_just_came():
    crowd = _customers(recency_days=[20, 30, 40, 25, 35, 45, 15], purchase_days=[14, 15, 16, 17, 18, 19, 20])
    ana = _customers(recency_days=[1], purchase_days=[40], net_sales_365d=[900.0])
    ben = _customers(recency_days=[100], purchase_days=[39], net_sales_365d=[800.0])
    cleo = _customers(recency_days=[2], purchase_days=[1], net_sales_365d=[5.0])
    named = _segments(pd.concat([ana, ben, cleo, crowd], ignore_index=True))
    assert named["segment_name"].head(3).tolist() == ["Champions", "Cannot lose", "New or occasional"]
    assert named["segment_id"].head(3).tolist() == [1, 6, 4]


def test_the_amount_of_one_purchase_makes_nobody_loyal():
    """A shop that was popular once: who bought on one day this year has more sales this year than almost everybody."""
    once = _customers(recency_days=[5] * 200, purchase_days=[1] * 200, net_sales_365d=np.linspace(50, 900, 200))
    faded = _customers(recency_days=np.arange(600, 900), purchase_days=[1] * 300, net_sales_365d=[0.0] * 300)
    repeat = _customers(recency_days=[3, 4, 6], purchase_days=[2, 3, 9], net_sales_365d=[60.0, 70.0, 80.0])
    frame = pd.concat([once, faded, repeat], ignore_index=True)
    assert set(rfm(frame)["frequency_score"].head(500)) == {1}
    named = _segments(frame)["segment_name"]
    assert set(named.head(200)) == {"New or occasional"}
    assert not set(named.head(500)) & {"Champions", "Loyal", "Potential loyalists", "At risk", "Cannot lose"}


@pytest.mark.parametrize(("days", "claims"), [(1, "New or occasional"), (14, "Potential loyalists")])
def test_who_is_like_everybody_is_called_neither_good_nor_bad(days, claims):
    frame = _customers(recency_days=[20] * 120, purchase_days=[days] * 120, net_sales_365d=[29.0 * days] * 120)
    assert (rfm(frame) == 1).all(axis=None)
    assert set(_segments(frame)["segment_name"]) == {claims}


def test_an_absence_of_a_year_is_no_place_in_the_middle():
    frame = _customers(recency_days=[500, 600, 700, 800, 900], net_sales_365d=[0.0] * 5, gap=300.0)
    assert rfm(frame)["recency_score"].tolist() == [5, 4, 3, 2, 1]
    assert set(_segments(frame)["segment_name"]) <= {"Hibernating", "At risk", "Lost"}


def test_late_by_the_own_rhythm_is_slipping_whoever_bought_longer_ago():
    """Both were here 60 days ago: for Ana, who buys once in 20 days, that is late; for Ben, once in 60, it is not."""
    crowd = _customers(recency_days=range(1, 60), purchase_days=range(6, 65), net_sales_365d=np.arange(59.0), gap=30.0)
    ana = _customers(recency_days=[40], purchase_days=[20], net_sales_365d=[20.0], gap=20.0)
    ben = _customers(recency_days=[60], purchase_days=[20], net_sales_365d=[20.0], gap=60.0)
    named = _segments(pd.concat([ana, ben, crowd], ignore_index=True))["segment_name"]
    assert named.head(2).tolist() == ["About to sleep", "Potential loyalists"]


def test_nobody_at_all():
    frame = _customers(recency_days=[], purchase_days=[], net_sales_365d=[])
    assert rfm(frame).empty and _segments(frame).empty
