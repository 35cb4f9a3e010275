"""How often stages follow each other, and how long they last, with intervals that hold."""

import numpy as np
import pytest
from scipy.stats import binomtest

from mining.segments.lifecycle import CODE, STAGES
from mining.segments.transitions import shares, transitions, wilson

NEW, STABLE, LOST = (int(CODE[name]) for name in ("new", "stable", "lost"))


def months(*moves: tuple[int, int, int, int], customers: int) -> np.ndarray:
    """Months from rows of customer, from, to, number."""
    found = np.zeros((customers, len(STAGES), len(STAGES)), dtype=np.int8)
    for customer, start, end, number in moves:
        found[customer, start, end] = number
    return found


def test_ana_stays_new_for_three_months_ben_for_one():
    """Of six months that began new, four ended new: a stay is six months over two exits."""
    found = transitions(months((0, NEW, NEW, 3), (0, NEW, STABLE, 1), (1, NEW, NEW, 1), (1, NEW, LOST, 1), customers=3))
    rows = found.set_index(["from_stage", "to_stage"])
    assert set(found["from_stage"]) == {"new"} and len(found) == len(STAGES)
    stays = rows.loc[("new", "new")]
    assert (stays["customers"], stays["months"], stays["moves"]) == (2, 6, 4)
    assert stays["probability"] == pytest.approx(4 / 6, abs=1e-6) and stays["expected_months"] == pytest.approx(3.0)
    assert stays["expected_months_low"] < 3 < stays["expected_months_high"]
    assert rows["probability"].sum() == pytest.approx(1, abs=1e-5)
    assert rows.loc[("new", "stable"), "expected_months":].isna().all()


def test_nobody_has_left_a_stage():
    row = transitions(months((0, LOST, LOST, 12), (1, LOST, LOST, 12), customers=2)).query("to_stage == 'lost'").iloc[0]
    assert row["probability"] == row["probability_high"] == 1 and row["probability_low"] < 0.5
    assert np.isnan(row["expected_months"]) and row["expected_months_low"] > 1


def test_nobody_at_all():
    assert transitions(months(customers=0)).empty and transitions(months(customers=3)).empty


def test_limits_are_those_of_scipy_where_cases_are_independent():
    for moved, number in ((0, 10), (3, 10), (10, 10), (40, 1000)):
        expected = binomtest(moved, number).proportion_ci(0.95, method="wilson")
        low, high = wilson(np.array([moved / number]), np.array([float(number)]))
        assert (low[0], high[0]) == pytest.approx((expected.low, expected.high))


def test_intervals_hold_although_the_months_of_a_customer_are_alike():
    """Customers have own probabilities; 95 % of the intervals have the mean, where plain ones have it too seldom."""
    random = np.random.default_rng(5)
    number = np.full(150, 12)
    held = plain = 0
    for _ in range(400):
        moved = random.binomial(number, random.beta(0.8, 2.4, len(number)))[:, None]
        share, low, high = shares(moved, number)
        held += bool(low[0] <= 0.25 <= high[0])
        alone = wilson(share, np.array([float(number.sum())]))
        plain += bool(alone[0][0] <= 0.25 <= alone[1][0])
    assert held >= 0.92 * 400 and plain < 0.8 * 400
