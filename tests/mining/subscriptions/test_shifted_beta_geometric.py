"""The shifted beta-geometric reproduces Fader & Hardie, "How to project customer retention" (2007)."""

import json

import numpy as np
import pytest

from mining.subscriptions import ShiftedBetaGeometric
from pipeline.base.errors import UserError

HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
"""Customers of 1,000 who are left after each of seven years; the model is fitted on these."""


@pytest.mark.parametrize(
    ("survivors", "alpha", "beta", "log_likelihood"),
    [(HIGH_END, 0.668, 3.806, -1611.2), (REGULAR, 0.704, 1.182, -1680.3)],
)
def test_published_parameters_and_likelihood(survivors, alpha, beta, log_likelihood):
    model = ShiftedBetaGeometric().fit(survivors)
    assert model.is_converged_
    assert [round(value, 3) for value in model.params_.values()] == [alpha, beta]
    assert round(model.log_likelihood_, 1) == log_likelihood


@pytest.mark.parametrize(
    ("survivors", "projected", "actual"),
    [
        (HIGH_END, [46.0, 43.6, 41.4, 39.5, 37.8], [46.8, 44.5, 42.7, 40.9, 39.4]),
        (REGULAR, [22.0, 20.4, 19.1, 18.0, 17.0], [22.3, 20.7, 19.4, 18.3, 17.3]),
    ],
)
def test_published_projection_of_the_years_8_to_12(survivors, projected, actual):
    percent = 100 * ShiftedBetaGeometric().fit(survivors).survival(np.arange(8, 13))
    assert np.round(percent, 1).tolist() == projected
    assert np.abs(percent - actual).max() < 1.7


def test_retention_rises_and_multiplies_to_survival():
    model = ShiftedBetaGeometric().fit(REGULAR)
    rates = model.retention(np.arange(1, 30))
    assert (np.diff(rates) > 0).all()
    np.testing.assert_allclose(np.cumprod(rates), model.survival(np.arange(1, 30)), rtol=1e-12)


def test_discounted_lifetimes_are_the_sums_that_they_stand_for():
    model, ages = ShiftedBetaGeometric().fit(HIGH_END), np.arange(4000)
    discounted = model.survival(ages) / 1.1**ages
    assert model.expected_lifetime(0.1) == pytest.approx(discounted.sum(), rel=1e-12)
    for renewed in (0, 1, 6):
        later = np.arange(renewed + 1, 4000)
        sums = (model.survival(later) / model.survival(renewed) / 1.1 ** (later - renewed - 1)).sum()
        assert model.expected_residual_lifetime(0.1, renewed) == pytest.approx(sums, rel=1e-12)
    assert (np.diff(model.expected_residual_lifetime(0.1, np.arange(10))) > 0).all()


def test_without_discount_a_mean_lifetime_exists_from_alpha_one_on():
    model = ShiftedBetaGeometric().fit(HIGH_END)
    assert model.expected_lifetime(0) == np.inf
    model.params_ = {"alpha": 3.0, "beta": 4.0}
    assert model.expected_lifetime(0) == pytest.approx((3 + 4 - 1) / (3 - 1))


def test_cohorts_of_different_length_are_fitted_together():
    both = ShiftedBetaGeometric().fit(HIGH_END, [1000, 869, 743, 653])
    lost, left = -np.diff(HIGH_END).astype(float), np.zeros(7)
    lost[:3] += -np.diff([1000, 869, 743, 653])
    left[6], left[2] = 491, 653
    assert both.params_ == ShiftedBetaGeometric().fit_counts(lost, left).params_
    assert ShiftedBetaGeometric().fit([1000, 869, 743, 653], HIGH_END).params_ == both.params_


def test_simulated_contracts_are_recovered():
    random = np.random.default_rng(3)
    ends = random.geometric(random.beta(1.5, 6.0, 200_000))
    counts = [int((ends > age).sum()) for age in range(25)]
    model = ShiftedBetaGeometric().fit(counts)
    assert model.params_["alpha"] == pytest.approx(1.5, rel=0.03)
    assert model.params_["beta"] == pytest.approx(6.0, rel=0.03)


def test_a_stored_model_is_the_same():
    model = ShiftedBetaGeometric().fit(REGULAR)
    again = ShiftedBetaGeometric.from_dict(json.loads(json.dumps(model.to_dict())))
    assert again.survival(5) == model.survival(5) and again.to_dict() == model.to_dict()


@pytest.mark.parametrize(
    ("survivors", "said"),
    [
        ([100], "needs its size at the start"),
        ([100, 90, 95], "grows from 90 to 95 at renewal 2"),
        ([100, -1], "counts -1 contracts"),
        ([100, np.nan], "finite numbers"),
        ([100, 100, 100], "none of 100 contracts has ended"),
        ([100, 0], "all contracts ended at the first renewal"),
    ],
)
def test_what_cannot_be_learned_from_is_said(survivors, said):
    with pytest.raises(UserError, match=said):
        ShiftedBetaGeometric().fit(survivors)


def test_contracts_that_all_end_at_the_same_rate_are_no_interior_maximum():
    model = ShiftedBetaGeometric().fit(np.round(1e6 * 0.8 ** np.arange(12)))
    assert not model.is_converged_
    assert model.retention([1, 10]) == pytest.approx([0.8, 0.8], abs=1e-3)
