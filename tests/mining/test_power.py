"""Power of comparing two shares: a published table, simulation, and what must hold."""

import numpy as np
import pytest

from mining.effects.power import control_for_mean, control_needed, detectable_effect, is_admitted, power


@pytest.mark.parametrize(
    ("rate", "other", "each", "known"),
    # Sample sizes per group for a power of 80 % and a two-sided test at 5 %: n = (1.96 + 0.84)² (p₁q₁ + p₂q₂) / d².
    [(0.10, 0.15, 683, 0.8), (0.20, 0.30, 291, 0.8), (0.50, 0.60, 385, 0.8)],
)
def test_known_sample_sizes_have_the_known_power(rate, other, each, known):
    assert power(each, each, rate, other - rate) == pytest.approx(known, abs=0.002)


def test_it_is_the_share_of_simulated_tests_that_find_the_effect():
    rng = np.random.default_rng(20260331)
    treated, control, rate, effect, runs = 3000, 400, 0.2, 0.06, 20_000
    first, second = rng.binomial(treated, rate + effect, runs) / treated, rng.binomial(control, rate, runs) / control
    error = np.sqrt(first * (1 - first) / treated + second * (1 - second) / control)
    found = np.mean(np.abs(first - second) / error > 1.959964)
    assert power(treated, control, rate, effect) == pytest.approx(found, abs=0.015)


def test_without_an_effect_it_is_the_level_of_the_test():
    assert power(500, 500, 0.3, 0.0) == pytest.approx(0.05)


def test_an_empty_arm_finds_nothing():
    assert power(0, 100, 0.3, 0.1) == power(100, 0, 0.3, 0.1) == 0.0


def test_the_detectable_effect_is_found_with_80_percent():
    effect = detectable_effect(900, 100, 0.25)
    assert effect is not None
    assert power(900, 100, 0.25, effect) == pytest.approx(0.8)
    assert detectable_effect(2, 2, 0.25) is None


def test_the_control_group_needed_is_the_smallest_that_is_enough():
    needed = control_needed(5000, 0.25, 0.05)
    assert needed is not None
    assert power(5000 - needed, needed, 0.25, 0.05) >= 0.8 > power(5001 - needed, needed - 1, 0.25, 0.05)
    assert control_needed(100, 0.25, 0.05) is None
    assert control_needed(0, 0.25, 0.05) is None


def test_a_campaign_is_admitted_with_power_and_buyers():
    assert is_admitted(3000, 800, 0.1, 0.05)
    assert not is_admitted(3000, 300, 0.1, 0.02)
    assert power(3000, 390, 0.1, 0.1) > 0.8 and not is_admitted(3000, 390, 0.1, 0.1)


def test_the_plain_mean_needs_a_control_group_of_thousands():
    assert control_for_mean(20_000, 0.08) == pytest.approx(4_237, abs=1)
    assert control_for_mean(4_000, 0.08) is None
    assert control_for_mean(100_000, 0.5) == pytest.approx(1_500, abs=500)
    assert control_for_mean(1_000, 0.0) is None


def test_the_more_buy_the_smaller_is_the_control_group_that_the_mean_needs():
    needed = [control_for_mean(50_000, rate) for rate in (0.02, 0.05, 0.1, 0.3)]
    assert needed == sorted(needed, reverse=True)
