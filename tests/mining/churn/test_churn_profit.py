"""Expected maximum profit: the closed form against the integral that it solves."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta
from sklearn.metrics import roc_curve

from mining.churn.profit import ALPHA, BETA, CONTACT, INCENTIVE, VALUE, expected_maximum_profit, roc_hull


def _by_integration(outcome, probability) -> float:
    """The definition: the best profit over all thresholds, averaged over the acceptance rate g ~ Beta(6, 14)."""
    others, churners, _ = roc_curve(outcome, probability, drop_intermediate=False)
    churn = np.mean(outcome)

    def best(g):
        kept = churn * churners * (g * (VALUE - INCENTIVE) - CONTACT)
        return np.max(kept - (1 - churn) * others * (INCENTIVE + CONTACT))

    grid = np.linspace(0, 1, 201)
    return sum(quad(lambda g: best(g) * beta.pdf(g, ALPHA, BETA), a, b, limit=200)[0] for a, b in pairwise(grid))


@pytest.mark.parametrize(("rate", "strength"), [(0.1, 1.0), (0.5, 2.0), (0.17, 0.3), (0.9, 1.5)])
def test_closed_form_is_the_integral(rate, strength):
    random = np.random.default_rng(int(100 * rate))
    outcome = (random.random(300) < rate).astype(float)
    probability = 1 / (1 + np.exp(-strength * outcome - random.normal(size=300)))
    assert expected_maximum_profit(outcome, probability) == pytest.approx(
        _by_integration(outcome, probability), abs=1e-6
    )


def test_ties_and_useless_scores_are_worth_contacting_everybody_or_nobody():
    outcome = np.array([1.0, 0.0] * 50)
    constant = np.full(100, 0.5)
    assert expected_maximum_profit(outcome, constant) == pytest.approx(_by_integration(outcome, constant), abs=1e-6)


def test_a_perfect_score_contacts_churners_only():
    outcome = np.array([1.0] * 20 + [0.0] * 80)
    accepted = ALPHA / (ALPHA + BETA)
    expected = 0.2 * (accepted * (VALUE - INCENTIVE) - CONTACT)
    assert expected_maximum_profit(outcome, outcome * 0.8 + 0.1) == pytest.approx(expected, abs=1e-3)


def test_the_hull_is_concave_and_spans_the_square():
    random = np.random.default_rng(5)
    outcome = (random.random(500) < 0.3).astype(float)
    churners, others = roc_hull(outcome, np.round(random.random(500) + outcome / 3, 1))
    assert (churners[0], others[0], churners[-1], others[-1]) == (0, 0, 1, 1)
    slopes = np.diff(churners)[1:-1] / np.diff(others)[1:-1]
    assert (np.diff(slopes) < 0).all()
