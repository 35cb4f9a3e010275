"""Inputs that drift are told from inputs that chance has moved."""

import datetime as dt
import json

import numpy as np
import pytest

from mining.reports.drift import Drift, compare, profile

DRIFTED = 0.25
NOBODY = np.array([])


def drift(before: object, now: object) -> Drift:
    """Compare two samples of an input, by way of what is stored."""
    stored = profile(dt.date(2024, 1, 1), {"input": np.asarray(before, dtype=np.float64)})
    return compare(json.loads(json.dumps(stored))["inputs"]["input"], np.asarray(now, dtype=np.float64))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize("draw", ["normal", "poisson", "exponential"])
def test_two_samples_of_one_distribution_differ_by_chance(random: np.random.Generator, draw: str) -> None:
    of = getattr(random, draw)
    found = drift(of(size=3000), of(size=2000))
    assert 0 < found.psi < found.psi_by_chance < 0.1


def test_a_shifted_input_drifts(random: np.random.Generator) -> None:
    found = drift(random.normal(0, 1, 2000), random.normal(1, 1, 2000))
    assert found.psi > DRIFTED > found.psi_by_chance


def test_a_source_that_stops_is_seen_as_missing(random: np.random.Generator) -> None:
    found = drift(random.poisson(3, 1000), np.full(1000, np.nan))
    assert found.psi > DRIFTED
    assert (found.reference_missing_share, found.missing_share) == (0.0, 1.0)


def test_yes_and_no_are_two_bins_and_another_value_is_a_third() -> None:
    before = [0.0] * 900 + [1.0] * 100
    assert drift(before, [0.0] * 450 + [1.0] * 50).psi == pytest.approx(0, abs=0.001)
    assert drift(before, [0.0] * 100 + [1.0] * 900).psi > DRIFTED
    assert drift(before, [2.0] * 1000).psi > DRIFTED


def test_a_constant_is_stable_until_it_changes() -> None:
    assert drift([7.0] * 500, [7.0] * 400) == Drift(0.0, 0.0, 0.0, 0.0)
    assert drift([7.0] * 500, [7.5] * 400).psi > DRIFTED


def test_of_few_customers_chance_explains_everything(random: np.random.Generator) -> None:
    found = drift(random.normal(size=30), random.normal(size=25))
    assert found.psi_by_chance > DRIFTED


def test_nobody_before_or_now_is_no_drift() -> None:
    assert drift(NOBODY, [1.0, 2.0]).psi == drift([1.0, 2.0], NOBODY).psi == 0.0


def test_the_order_of_customers_does_not_matter(random: np.random.Generator) -> None:
    before, now = random.gamma(2, size=500), random.gamma(3, size=500)
    assert drift(before, now) == drift(before[::-1], random.permutation(now))
