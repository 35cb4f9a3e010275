"""Scores of 1 to 5 with ties alike, and segments read off one table."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mining.segments.rfm import GRID, SEGMENTS, quintile_scores, rfm


def _customers(**columns) -> pd.DataFrame:
    defaults = {"recency_days": 10, "purchase_days": 3, "net_sales_365d": 100.0}
    return pd.DataFrame({**defaults, **columns})


def test_ten_different_values_make_five_pairs():
    assert quintile_scores(range(10)).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


@pytest.mark.parametrize(
    ("values", "scores"),
    [
        ([7], [3]),
        ([7, 7, 7, 7], [3, 3, 3, 3]),
        ([1, 1, 1, 1, 2], [3, 3, 3, 3, 5]),  # mid-rank of four fifths is 0.4: score 3
        ([1, 1, 1, 9, 9], [2, 2, 2, 5, 5]),
        ([], []),
    ],
)
def test_ties_share_the_score_of_their_middle(values, scores):
    assert quintile_scores(values).tolist() == scores


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.randoms())
def test_row_order_never_matters_and_more_is_never_less(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    scores = quintile_scores(values)
    assert quintile_scores(np.take(values, order)).tolist() == scores[order].tolist()
    by_value = sorted(zip(values, scores.tolist(), strict=True))
    assert all(a[1] <= b[1] and (a[0] != b[0] or a[1] == b[1]) for a, b in pairwise(by_value))


def test_many_different_values_fill_fifths_evenly():
    scores = quintile_scores(np.random.default_rng(0).permutation(1003))
    assert set(np.bincount(scores)[1:]) <= {200, 201}


def test_every_cell_of_the_table_names_a_known_segment_and_every_segment_is_used():
    assert set(GRID) == {(r, worth) for r in range(1, 6) for worth in range(1, 6)}
    assert set(GRID.values()) == set(SEGMENTS)


def test_ana_buys_often_ben_faded_and_cleo_just_came():
    crowd = _customers(recency_days=[20, 30, 40, 50, 60, 70, 80], purchase_days=[4, 5, 6, 7, 8, 9, 10])
    ana = _customers(recency_days=[1], purchase_days=[30], net_sales_365d=[900.0])
    ben = _customers(recency_days=[200], purchase_days=[25], net_sales_365d=[800.0])
    cleo = _customers(recency_days=[2], purchase_days=[1], net_sales_365d=[5.0])
    scored = rfm(pd.concat([ana, ben, cleo, crowd], ignore_index=True))
    assert scored["segment_name"].head(3).tolist() == ["Champions", "Cannot lose", "New or occasional"]
    assert scored["segment_id"].head(3).tolist() == [1, 6, 4]


def test_a_middle_rank_among_former_customers_is_still_an_absence():
    frame = _customers(recency_days=[500, 600, 700, 800, 900], net_sales_365d=[0.0] * 5)
    scored = rfm(frame)
    assert scored["recency_score"].tolist() == [5, 4, 3, 2, 1]
    assert set(scored["segment_name"]) == {GRID[1, 3]}


def test_nobody_at_all():
    assert rfm(_customers(recency_days=[], purchase_days=[], net_sales_365d=[])).empty
