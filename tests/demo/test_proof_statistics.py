"""The figures of the proof: known answers."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, brier_score_loss, roc_auc_score

from demo.proof import statistics
from demo.proof.bounds import allowance, around, is_within, near_oracle
from demo.proof.statistics import Estimate

RNG_SEED = 7


def test_pairwise_precision_and_recall_of_three_records() -> None:
    # Ana's two records were put together with Ben's one: 3 pairs together, 1 of them right; 1 pair belongs together.
    precision, recall = statistics.pairwise_precision_recall(["x", "x", "x"], ["ana", "ana", "ben"])
    assert (precision, recall) == (pytest.approx(1 / 3), 1.0)


def test_records_that_are_never_joined_have_recall_0_and_no_precision() -> None:
    precision, recall = statistics.pairwise_precision_recall([1, 2, 3], ["ana", "ana", "ben"])
    assert np.isnan(precision)
    assert recall == 0.0


def test_pairwise_figures_equal_a_count_of_all_pairs() -> None:
    rng = np.random.default_rng(RNG_SEED)
    found, true = rng.integers(0, 12, 60), rng.integers(0, 15, 60)
    first, second = np.triu_indices(60, 1)
    together, belonging = found[first] == found[second], true[first] == true[second]
    precision, recall = statistics.pairwise_precision_recall(found, true)
    assert precision == pytest.approx((together & belonging).sum() / together.sum())
    assert recall == pytest.approx((together & belonging).sum() / belonging.sum())


def test_adjusted_rand_of_hubert_and_arabie() -> None:
    rng = np.random.default_rng(RNG_SEED)
    first, second = rng.integers(0, 4, 300), rng.integers(0, 3, 300)
    assert statistics.adjusted_rand(first, second) == pytest.approx(adjusted_rand_score(first, second))
    assert statistics.adjusted_rand(first, 7 - first) == 1.0
    assert statistics.adjusted_rand(["a", "a"], ["b", "b"]) == 1.0


def test_ratio_and_its_error_over_repeated_companies() -> None:
    rng = np.random.default_rng(RNG_SEED)
    mean = rng.gamma(0.5, 2.0, 4000)
    values = [statistics.ratio(mean, rng.poisson(mean).astype(float)) for _ in range(300)]
    spread = np.std([estimate.value for estimate in values])
    assert np.mean([estimate.value for estimate in values]) == pytest.approx(1.0, abs=0.005)
    # The error also covers the draw of the customers, so it is not below the spread of these outcomes alone.
    assert values[0].error == pytest.approx(spread, rel=0.25)


@pytest.mark.parametrize("power", [0.6, 1.0, 1.4])
def test_poisson_slope_is_recovered(power: float) -> None:
    rng = np.random.default_rng(RNG_SEED)
    predicted = rng.gamma(1.0, 1.0, 40_000)
    actual = rng.poisson(0.7 * predicted**power).astype(float)
    estimate = statistics.poisson_slope(actual, predicted)
    assert estimate.value == pytest.approx(power, abs=4 * estimate.error)
    assert estimate.error < 0.02


def test_poisson_slope_leaves_out_expectations_of_zero() -> None:
    actual, predicted = np.array([1.0, 2.0, 4.0, 9.0]), np.array([1.0, 2.0, 4.0, 0.0])
    assert statistics.poisson_slope(actual, predicted).value == pytest.approx(1.0)


def test_poisson_slope_without_spread_is_no_number() -> None:
    assert np.isnan(statistics.poisson_slope(np.array([1.0, 2.0, 3.0]), np.ones(3)).value)


def test_calibration_line_is_recovered() -> None:
    rng = np.random.default_rng(RNG_SEED)
    logits = rng.normal(0.5, 1.5, 60_000)
    outcome = (rng.random(60_000) < 1 / (1 + np.exp(-(0.3 + 0.8 * logits)))).astype(float)
    slope, intercept = statistics.calibration_line(outcome, 1 / (1 + np.exp(-logits)))
    assert slope.value == pytest.approx(0.8, abs=4 * slope.error)
    assert intercept.value == pytest.approx(0.3, abs=4 * intercept.error)
    assert max(slope.error, intercept.error) < 0.02


def test_a_line_far_from_the_start_is_found() -> None:
    # Full Newton steps, or steps cut one by one, circle here for ever.
    rng = np.random.default_rng(RNG_SEED)
    inputs = np.log1p(np.concatenate([np.zeros(40), rng.integers(1, 182, 540)]))
    outcome = (rng.random(580) < 1 / (1 + np.exp(1.2 - 0.6 * inputs))).astype(float)
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(inputs[:, None], outcome)
    slope, intercept = statistics.logistic_fit(inputs, outcome)
    assert slope == pytest.approx(expected.coef_[0, 0], rel=1e-4)
    assert intercept == pytest.approx(expected.intercept_[0], rel=1e-4)


def test_a_separated_outcome_has_no_line() -> None:
    slope, intercept = statistics.calibration_line(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.8, 0.9]))
    assert np.isnan(slope.value)
    assert np.isnan(intercept.value)


def test_auc_is_that_of_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(RNG_SEED)
    outcome, score = rng.integers(0, 2, 500).astype(float), rng.integers(0, 9, 500).astype(float)
    assert statistics.auc(outcome, score) == pytest.approx(roc_auc_score(outcome, score))
    assert np.isnan(statistics.auc(np.ones(3), np.arange(3.0)))


def test_difference_of_squares_is_the_difference_of_brier_scores() -> None:
    outcome, first, second = np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.2, 0.6]), np.array([0.5, 0.5, 0.5])
    gap = statistics.difference((first - outcome) ** 2, (second - outcome) ** 2)
    assert gap.value == pytest.approx(brier_score_loss(outcome, first) - brier_score_loss(outcome, second))


def test_crps_of_a_certain_count_is_the_distance() -> None:
    certain_2 = np.array([[0.0, 0.0, 1.0, 1.0]] * 4)
    assert statistics.crps_of_counts(certain_2, np.array([2, 0, 3, 9])).tolist() == [0.0, 2.0, 1.0, 7.0]


def test_crps_equals_the_expected_absolute_error_less_half_the_spread() -> None:
    # Gneiting & Raftery 2007, eq. 21: E|X - y| - E|X - X'| / 2.
    probability = np.array([0.5, 0.2, 0.2, 0.1])
    values = np.arange(4)
    for actual in (0, 1, 3, 5):
        spread = np.abs(values[:, None] - values) * probability[:, None] * probability
        expected = float(np.abs(values - actual) @ probability - spread.sum() / 2)
        found = statistics.crps_of_counts(np.cumsum(probability)[None, :], np.array([actual]))
        assert found[0] == pytest.approx(expected)


def test_pit_of_right_forecasts_is_uniform_and_of_wrong_ones_not() -> None:
    rng = np.random.default_rng(RNG_SEED)
    points = np.linspace(0.05, 0.95, 19)
    at_most = np.cumsum(np.array([0.6, 0.2, 0.1, 0.1]))[None, :].repeat(20_000, axis=0)
    right = rng.choice(4, 20_000, p=[0.6, 0.2, 0.1, 0.1]).astype(float)
    assert np.max(np.abs(statistics.pit_of_counts(at_most, right, points) - points)) < 0.015
    wrong = rng.choice(4, 20_000, p=[0.3, 0.3, 0.3, 0.1]).astype(float)
    assert np.max(np.abs(statistics.pit_of_counts(at_most, wrong, points) - points)) > 0.1


def test_pit_of_a_count_beyond_the_last_column() -> None:
    at_most = np.array([[0.5, 0.9]])
    assert statistics.pit_of_counts(at_most, np.array([7.0]), np.array([0.5, 0.95])).tolist() == [
        0.0,
        pytest.approx(0.5),
    ]


@pytest.mark.parametrize(
    ("quantile", "level", "expected"),
    [(0.0, 0.5, 0.5), (0.0, 0.1, 0.1), (0.0, 0.9, 0.75), (5.0, 0.9, 0.9), (2.0, 0.5, 0.75)],
)
def test_a_quantile_among_equal_values_is_given_the_nearer_share(
    quantile: float, level: float, expected: float
) -> None:
    # Three of four values are 0, one is 5: at 0 lie all levels up to .75, at 5 all from .75 on.
    actual = np.array([0.0, 0.0, 0.0, 5.0])
    assert statistics.quantile_level(actual, np.full(4, quantile), level) == pytest.approx(expected)


def test_bounds_widen_in_a_small_company_only() -> None:
    estimate = Estimate(1.0, 0.02)
    assert around(1.0, 0.03, estimate, 100_000) == (0.97, 1.03)
    assert around(1.0, 0.03, estimate, 5_000) == pytest.approx((0.91, 1.09))
    assert allowance(float("nan"), 5_000) == 0.0


def test_a_loss_is_near_the_oracles_over_the_persons_of_its_sample() -> None:
    theirs = np.array([1.0, 3.0, 2.0, 2.0])
    assert near_oracle(1.04, theirs * 1.02, theirs, overall=2.04, customers=100_000) == pytest.approx(2.08)
    # Everybody's loss is higher than the sample's: so is the bound.
    assert near_oracle(1.04, theirs * 1.02, theirs, overall=4.08, customers=100_000) == pytest.approx(4.16)
    assert near_oracle(1.04, theirs * 1.02, theirs, overall=2.04, customers=5_000) > 2.08


def test_what_is_no_number_keeps_no_bound() -> None:
    assert not is_within(float("nan"), None, 1.0)
    assert is_within(0.5, None, 1.0)
    assert not is_within(1.5, None, 1.0)
