"""Metrics of probabilities, and the interval that decides on publishing."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from mining.churn.evaluation import (
    calibration_line,
    evaluate,
    expected_calibration_error,
    improvement_intervals,
    metrics,
    top_decile_lift,
)


@pytest.fixture(scope="module")
def sample():
    random = np.random.default_rng(11)
    log_odds = random.normal(-1, 1.5, 4000)
    return (random.random(4000) < expit(log_odds)).astype(float), expit(log_odds)


def test_true_probabilities_are_calibrated(sample):
    slope, intercept = calibration_line(*sample)
    assert slope == pytest.approx(1, abs=0.1) and intercept == pytest.approx(0, abs=0.1)
    assert expected_calibration_error(*sample) < 0.02


def test_overconfident_probabilities_have_a_slope_of_one_half(sample):
    outcome, probability = sample
    twice = expit(2 * np.log(probability / (1 - probability)))
    assert calibration_line(outcome, twice)[0] == pytest.approx(calibration_line(*sample)[0] / 2, rel=1e-6)
    assert expected_calibration_error(outcome, twice) > 0.04


def test_calibration_error_by_hand():
    outcome = np.array([1.0, 0.0, 0.0, 0.0, 1.0])
    probability = np.array([0.25, 0.25, 0.25, 0.25, 1.0])
    assert expected_calibration_error(outcome, probability) == 0
    assert expected_calibration_error(outcome, np.full(5, 0.5)) == pytest.approx(0.1)


def test_lift_counts_ties_in_part():
    outcome = np.array([1.0] * 10 + [0.0] * 90)
    perfect, useless = outcome * 0.5 + 0.2, np.full(100, 0.3)
    assert top_decile_lift(outcome, perfect) == pytest.approx(10)
    assert top_decile_lift(outcome, useless) == pytest.approx(1)
    assert top_decile_lift(outcome[::-1], useless) == pytest.approx(1)


def test_row_order_moves_no_metric(sample):
    order = np.random.default_rng(0).permutation(4000)
    rounded = np.round(np.clip(sample[1], 0.01, 0.99), 2)
    expected, got = metrics(sample[0], rounded), metrics(sample[0][order], rounded[order])
    assert got == pytest.approx(expected, abs=1e-10)


def test_the_interval_covers_the_gain_and_is_the_same_twice(sample):
    outcome, probability = sample
    blunt = np.round(np.clip(probability, 0.1, 0.9), 1)
    first = improvement_intervals(outcome, probability, blunt)
    low, high = first["roc_auc"]
    assert low < roc_auc_score(outcome, probability) - roc_auc_score(outcome, blunt) < high
    assert all(ends[0] > 0 for ends in first.values())
    assert improvement_intervals(outcome, probability, blunt) == first


def test_a_model_equal_to_its_baseline_gains_nothing(sample):
    outcome, probability = sample
    assert set(improvement_intervals(outcome, probability, probability).values()) == {(0.0, 0.0)}


def test_strata_too_small_to_judge_report_their_size_only(sample):
    outcome, probability = (part[:400] for part in sample)
    frame = pd.DataFrame({"is_left_truncated": [True] * 390 + [False] * 10, "purchase_days": 2.0})
    rows = evaluate(frame, outcome, probability, probability)
    reported = {
        stratum: {r["metric"] for r in rows if r["stratum"] == stratum} for stratum in {r["stratum"] for r in rows}
    }
    assert reported["not_left_truncated"] == reported["one_time_buyers"] == {"customers"}
    assert len(reported["all"]) == len(reported["left_truncated"]) == 12
    sizes = {r["stratum"]: r["rows"] for r in rows if r["metric"] == "customers"}
    assert sizes == {
        "all": 400,
        "left_truncated": 390,
        "not_left_truncated": 10,
        "one_time_buyers": 0,
        "repeat_buyers": 400,
    }
