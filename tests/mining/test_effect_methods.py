"""Methods for effects: as published or as in SciPy where these have them, by simulation where not."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, chi2, chi2_contingency, false_discovery_control, ttest_ind

from benchmarks.effects import conversions, means, misses, plain_margins, simulate
from mining.effects.means import difference_of_means, slope
from mining.effects.moments import Arm
from mining.effects.proportions import difference_of_shares
from mining.effects.ratios import difference_of_ratios
from mining.effects.sample_ratio import is_mismatch, sample_ratio_p_value
from mining.effects.sequential import always_valid_critical
from mining.effects.together import adjusted_p_values, shrink, variance_between
from mining.effects.trust import is_mean_trusted, skewness_of_difference

Floats = NDArray[np.float64]


def arm(done: Floats, before: Floats | None = None) -> Arm:
    """Sums over customers in the last axis."""
    done = np.atleast_2d(done)
    before = np.zeros_like(done) if before is None else np.atleast_2d(before)
    sums = [values.sum(axis=1) for values in (done, done**2, done**3, before, before**2, done * before)]
    return Arm(np.full(len(done), float(done.shape[1])), *sums)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sizes", [(30, 30), (40, 2000), (50_000, 300)])
def test_means_are_compared_as_by_scipy(seed: int, sizes: tuple[int, int]) -> None:
    random = np.random.default_rng(seed)
    groups = [random.gamma(0.3 + 0.2 * seed, 20.0, size).round(2) for size in sizes]
    found = difference_of_means(*map(arm, groups))
    expected = ttest_ind(*groups, equal_var=False)
    assert found.effect[0] == pytest.approx(groups[0].mean() - groups[1].mean(), rel=1e-9)
    assert (found.low[0], found.high[0]) == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-8)
    assert found.p_value[0] == pytest.approx(expected.pvalue, rel=1e-7)


def test_the_adjusted_effect_is_that_of_a_regression_on_arm_and_what_was_done_before() -> None:
    random = np.random.default_rng(1)
    before = random.poisson(2.0, 500).astype(float)
    is_treated = np.arange(500) < 400
    done = 0.5 * before + random.normal(size=500) + 0.3 * is_treated
    treated, control = (arm(done[rows], before[rows]) for rows in (is_treated, ~is_treated))
    (_, effect, theta), *_ = np.linalg.lstsq(np.column_stack([np.ones(500), is_treated, before]), done)
    found = difference_of_means(treated, control, slope(treated, control))
    assert found.effect[0] == pytest.approx(effect)
    assert slope(treated, control)[0] == pytest.approx(theta)


def test_the_adjusted_interval_is_narrower_and_as_wide_as_the_effect_varies() -> None:
    random = np.random.default_rng(2)
    before = random.poisson(2.0, (1000, 400)).astype(float)
    done = 0.5 * before + random.normal(size=before.shape)
    treated, control = arm(done[:, :300], before[:, :300]), arm(done[:, 300:], before[:, 300:])
    adjusted, plain = (
        difference_of_means(treated, control, slope(treated, control)),
        difference_of_means(treated, control),
    )
    width = (adjusted.high - adjusted.low).mean() / 2 / 1.97
    assert width == pytest.approx(adjusted.effect.std(), rel=0.05)
    assert width < 0.9 * (plain.high - plain.low).mean() / 2 / 1.97


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    # Newcombe (1998), Interval Estimation for the Difference between Independent Proportions, table II, method 6.
    [((56, 70, 48, 80), 0.0528, 0.3382), ((9, 10, 3, 10), 0.1700, 0.8406)],
)
def test_intervals_of_shares_are_the_published_ones(counts: tuple[int, ...], low: float, high: float) -> None:
    found = difference_of_shares(*(np.array([float(count)]) for count in counts))
    assert (found.low[0], found.high[0]) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize("counts", [(20, 400, 3, 90), (5, 30, 0, 30), (300, 9000, 60, 1000), (0, 50, 4, 50)])
def test_an_interval_of_shares_leaves_out_zero_where_the_score_test_rejects(counts: tuple[int, ...]) -> None:
    found = difference_of_shares(*(np.array([float(count)]) for count in counts))
    pooled = chi2_contingency([counts[::2], [counts[1] - counts[0], counts[3] - counts[2]]], correction=False).statistic
    everybody = counts[1] + counts[3]
    assert found.p_value[0] == pytest.approx(chi2.sf(pooled * (everybody - 1) / everybody, 1), rel=1e-6)
    assert (found.p_value[0] < 0.05) == (found.low[0] > 0 or found.high[0] < 0)


def test_nobody_buys_is_no_effect_with_an_interval() -> None:
    found = difference_of_shares(*(np.array([count]) for count in (0.0, 900.0, 0.0, 100.0)))
    assert found.effect[0] == 0 and found.p_value[0] == 1
    assert -0.05 < found.low[0] < 0 < found.high[0] < 0.01


def test_the_interval_of_a_ratio_is_as_wide_as_the_ratio_varies() -> None:
    """Of two arms of 1,000 and 400 customers, who make purchases of amounts that hang together within a customer."""
    random = np.random.default_rng(3)
    arms = []
    for size in (1000, 400):
        purchases = random.poisson(0.4, (800, size)).astype(float)
        arms.append(arm(purchases * random.lognormal(3, 0.5, (800, size)), purchases))
    found = difference_of_ratios(*arms)
    assert ((found.high - found.low) / 2 / 1.96).mean() == pytest.approx(found.effect.std(), rel=0.08)
    assert np.mean((found.low > 0) | (found.high < 0)) < 0.08


def test_a_planted_mismatch_is_found_and_chance_is_not() -> None:
    treated, share = np.full(4, 9_000.0), np.array([0.1, 0.1, 0.1, np.nan])
    p_value = sample_ratio_p_value(treated, np.array([1_000.0, 880.0, 1_130.0, 5.0]), share)
    assert is_mismatch(p_value).tolist() == [False, True, True, False]
    assert p_value[1] == pytest.approx(2 * binom.cdf(880, 9_880, 0.1))


def test_who_looks_every_day_is_rarely_misled_by_the_always_valid_interval() -> None:
    """2,000 campaigns without effect, looked at on each of 28 days; customers differ in how often they buy."""
    random = np.random.default_rng(4)
    is_misled = np.zeros((2, 2000), bool)
    rate = random.gamma(0.5, 1 / 28, (2, 2000, 100))
    done = np.zeros_like(rate)
    for day in range(28):
        done += random.poisson(rate)
        always = always_valid_critical(np.array([(day + 1) / 28]))
        for number, critical in enumerate((always, np.array([1.96]))):
            found = difference_of_means(arm(done[0]), arm(done[1]), 0.0, critical)
            is_misled[number] |= (found.low > 0) | (found.high < 0)
    always_valid, usual = is_misled.mean(axis=1)
    assert always_valid < 0.05 < 0.1 < usual


def test_effects_are_shrunk_by_the_variance_between_them() -> None:
    """With equal errors the variance between effects is theirs less that of the errors."""
    effect, error = np.array([0.1, 0.5, -0.3, 0.9, 0.2]), np.full(5, 0.2)
    assert variance_between(effect, error) == pytest.approx(effect.var(ddof=1) - 0.04)
    pull = 2 / 4 * 0.04 / effect.var(ddof=1)
    found = shrink(effect, error)
    assert found.effect == pytest.approx(pull * effect.mean() + (1 - pull) * effect)
    assert (found.low < found.effect).all() and (found.effect < found.high).all()


def test_shrunk_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(5)
    error = random.uniform(0.5, 2.0, (400, 12))
    truth = 1 + random.normal(size=error.shape)
    covered = []
    for true, each in zip(truth, error, strict=True):
        found = shrink(true + each * random.normal(size=12), each)
        covered.append((found.low < true) & (true < found.high))
    assert 0.93 < np.mean(covered) < 0.98


def test_equal_effects_are_shrunk_to_their_mean_and_three_are_not_shrunk() -> None:
    assert shrink(np.full(4, 0.2), np.full(4, 0.1)).effect == pytest.approx(np.full(4, 0.2))
    assert np.isnan(shrink(np.array([0.1, 0.2, 0.3]), np.full(3, 0.1)).effect).all()


def test_p_values_are_adjusted_as_by_scipy() -> None:
    p_value = np.array([0.04, 0.001, 0.5, 0.03, 0.001])
    assert adjusted_p_values(p_value) == pytest.approx(false_discovery_control(p_value))
    assert len(adjusted_p_values(np.array([]))) == 0


def test_the_plain_mean_is_trusted_with_many_buyers_and_little_skewness() -> None:
    random = np.random.default_rng(6)
    done = np.where(random.random(40_000) < 0.08, random.lognormal(size=40_000), 0.0)
    few, many = (arm(done[:30_000]), arm(done[30_000:31_000])), (arm(done[:30_000]), arm(done[30_000:]))
    equal = arm(done[:20_000]), arm(done[:20_000])
    assert skewness_of_difference(*few)[0] > 0.4 > 0.16 > skewness_of_difference(*many)[0]
    assert skewness_of_difference(*equal)[0] == 0
    assert is_mean_trusted(*many, np.array([800.0]))[0]
    assert not is_mean_trusted(*few, np.array([800.0]))[0]
    assert not is_mean_trusted(*many, np.array([199.0]))[0]


def test_simulated_campaigns_have_the_truth_in_their_intervals() -> None:
    """800 of the 5,000 that `python -m benchmarks effects` simulates; three binomial standard errors are allowed."""
    made = simulate(800, 20261201)
    allowed = 3 * np.sqrt(0.05 * 0.95 / made.is_admitted.sum())
    for found, truth in (
        (conversions(made), made.share_effect),
        (means(made.purchases), made.purchases_effect),
        (means(made.capped), made.capped_effect),
    ):
        above, below = misses(found, truth, made.is_admitted)
        assert above + below < 0.06 + allowed
        assert min(above, below) > 0
    plain, is_shown = plain_margins(made)
    assert is_shown.sum() > 100
    assert max(misses(plain, made.plain_effect, is_shown)) < 0.045 + allowed / 2
