"""The oracle is right in its own world, agrees with published figures, and knows nothing of the future."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import special, stats

from demo.oracle import Oracle, counts_table, oracle, oracle_table, pareto_nbd, write_oracle
from demo.oracle.draws import posterior_draws
from demo.oracle.histories import observe, seen_persons
from demo.world.lives import Lives, simulate
from demo.world.worlds import CLEAN, CUSTOMER, RETAIL, WORLDS

END = 1096.0
CUSTOMERS, SAMPLE = 8_000, 1_000
# CDNOW, weeks: Fader, Hardie & Lee 2005, A Note on Implementing the Pareto/NBD Model; figures of the R package BTYD.
CDNOW = replace(CUSTOMER, r=0.5533971, alpha=10.5776, s=0.6061625, beta=11.66902)


@cache
def lives_of(name: str, seed: int = 21) -> Lives:
    return simulate(WORLDS[name], CUSTOMERS, seed)


@cache
def oracle_of(name: str, exact: bool | None = None) -> Oracle:
    return oracle(WORLDS[name], lives_of(name), END, SAMPLE, exact=exact)


def outcome(lives: Lives, persons: np.ndarray, days: int, as_of: float = END) -> np.ndarray:
    """Distinct days with a purchase after the as-of day."""
    purchases = lives.purchases
    ahead = (purchases.at >= as_of) & (purchases.at < as_of + days)
    keys = np.unique(purchases.person[ahead] * 10_000 + np.floor(purchases.at[ahead]).astype(int))
    return np.bincount(keys // 10_000, minlength=len(lives.persons.rate))[persons]


def probabilities(cdf: np.ndarray) -> np.ndarray:
    return np.diff(np.concatenate((np.zeros((len(cdf), 1)), cdf), axis=1), axis=1)


def crps(cdf: np.ndarray, y: np.ndarray) -> float:
    width = max(cdf.shape[1], int(y.max()) + 1)
    padded = np.pad(cdf, ((0, 0), (0, width - cdf.shape[1])), constant_values=1.0)
    return float(((padded - (np.arange(width) >= y[:, None])) ** 2).sum(axis=1).mean())


def standard_error(forecast: Oracle) -> float:
    """Of the sum of the counts, by their own law."""
    pmf, k = probabilities(forecast.count_cdf), np.arange(forecast.count_cdf.shape[1])
    return float(np.sqrt((pmf @ k**2 - (pmf @ k) ** 2).sum()))


def ratio_z(forecast: Oracle, lives: Lives, as_of: float = END) -> float:
    rows = np.searchsorted(forecast.person, forecast.count_person)
    expected = forecast.expected_purchases[rows].sum()
    return float((expected - outcome(lives, forecast.count_person, 365, as_of).sum()) / standard_error(forecast))


def brier_z(probability: np.ndarray, happened: np.ndarray) -> float:
    return float((probability - happened).sum() / np.sqrt((probability * (1 - probability)).sum()))


# the closed form


def test_the_published_figures_of_cdnow() -> None:
    """Customer 1516: x = 26, t_x = 30.86, T = 31; BTYD says P(alive) .9979, 25.46 in 52 weeks, and 1.473 if new."""
    given = pareto_nbd.posterior(CDNOW, np.array([26.0]), np.array([30.86]), np.array([31.0]))
    assert given.p_alive[0] == pytest.approx(0.9979, abs=5e-5)
    assert pareto_nbd.expected_purchases(given, 364)[0] == pytest.approx(25.46, abs=5e-3)
    new = pareto_nbd.posterior(CDNOW, np.zeros(1), np.zeros(1), np.zeros(1))
    assert pareto_nbd.expected_purchases(new, 364)[0] == pytest.approx(1.473, abs=1e-3)


def test_p_alive_is_the_hypergeometric_formula() -> None:
    """Equation A.11 of the note by Fader & Hardie, for alpha < beta."""
    x, t_x, age = np.array([0.0, 1, 4, 9, 30]), np.array([0.0, 3, 50, 100, 90]), np.array([40.0, 80, 140, 101, 156])
    r, alpha, s, beta = CUSTOMER.r, CUSTOMER.alpha, CUSTOMER.s, CUSTOMER.beta
    total = r + s + x
    earlier, now = (
        special.hyp2f1(total, r + x, total + 1, (beta - alpha) / (beta + time)) / (beta + time) ** total
        for time in (t_x, age)
    )
    expected = 1 / (1 + s / total * (alpha + age) ** (r + x) * (beta + age) ** s * (earlier - now))
    given = pareto_nbd.posterior(CUSTOMER, x, t_x, age)
    np.testing.assert_allclose(given.p_alive, expected, rtol=1e-5)


def test_purchase_days_by_brute_force() -> None:
    x, t_x, age = np.array([0.0, 3, 40]), np.array([0.0, 20, 100]), np.array([30.0, 60, 101])
    given = pareto_nbd.posterior(CUSTOMER, x, t_x, age)
    levels = (np.arange(600) + 0.5) / 600
    for row in range(3):
        rate = stats.gamma.ppf(levels, given.r[row], scale=1 / given.alpha[row])[:, None] / 7
        hazard = stats.gamma.ppf(levels, given.s, scale=1 / given.beta[row])[None] / 7
        days = np.arange(365)[:, None]
        alive_days = np.exp(-hazard * days).sum(axis=0)
        buys = rate / (rate + hazard) * -np.expm1(-rate - hazard)
        brute = given.p_alive[row] * (buys * alive_days).mean()
        assert pareto_nbd.expected_purchase_days(given, 365)[row] == pytest.approx(brute, rel=3e-3)
        quiet = 1 - given.p_alive[row] * (rate / (rate + hazard) * -np.expm1(-28 * (rate + hazard))).mean()
        assert pareto_nbd.p_no_purchase(given, 28)[row] == pytest.approx(quiet, abs=1e-3)


def test_counts_have_the_mean_and_the_zero_of_the_closed_form() -> None:
    x = np.array([0.0, 1, 5, 20, 150])
    given = pareto_nbd.posterior(CUSTOMER, x, np.full(5, 50.0), np.full(5, 52.0))
    cdf = pareto_nbd.count_cdf(given, 365)
    assert np.all(np.diff(cdf, axis=1) >= 0)
    np.testing.assert_allclose(cdf[:, -1], 1, atol=1e-6)
    mean = probabilities(cdf) @ np.arange(cdf.shape[1])
    np.testing.assert_allclose(mean, pareto_nbd.expected_purchase_days(given, 365), rtol=3e-3)
    np.testing.assert_allclose(cdf[:, 0], pareto_nbd.p_no_purchase(given, 365), atol=2e-3)
    assert np.all(pareto_nbd.expected_purchase_days(given, 365) < pareto_nbd.expected_purchases(given, 365))


def test_the_general_law_agrees_with_the_closed_form() -> None:
    exact, simulated = oracle_of("clean"), oracle_of("clean", exact=False)
    rows = np.searchsorted(exact.person, simulated.person)
    assert exact.is_exact
    assert len(exact.person) == CUSTOMERS
    np.testing.assert_allclose(simulated.p_alive, exact.p_alive[rows], atol=1e-7)
    np.testing.assert_allclose(simulated.p_no_purchase_28d, exact.p_no_purchase_28d[rows], atol=3e-3)
    for name, tolerance in (("expected_purchases", 0.01), ("expected_value", 0.015)):
        one, other = getattr(simulated, name), getattr(exact, name)[rows]
        assert one.sum() == pytest.approx(other.sum(), rel=tolerance)
        assert np.corrcoef(one, other)[0, 1] > 0.998
    width = min(simulated.count_cdf.shape[1], exact.count_cdf.shape[1])
    assert np.abs(simulated.count_cdf[:, :width] - exact.count_cdf[:, :width]).mean(axis=0).max() < 0.01


# every world


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_the_oracle_is_calibrated_in_its_own_world(name: str) -> None:
    forecast, lives = oracle_of(name), lives_of(name)
    assert abs(ratio_z(forecast, lives)) < 2
    alive = lives.persons.left_at[forecast.person] >= END
    assert abs(brier_z(forecast.p_alive, alive)) < 2.5
    quiet = outcome(lives, forecast.person, 28) == 0
    assert abs(brier_z(forecast.p_no_purchase_28d, quiet)) < 2.5
    likely = forecast.p_alive > 0.7
    assert abs(brier_z(forecast.p_alive[likely], alive[likely])) < 2.5


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_the_counts_are_uniform_under_their_own_law(name: str) -> None:
    """The randomised probability integral transform (Czado, Gneiting & Held 2009)."""
    forecast, lives = oracle_of(name), lives_of(name)
    y = outcome(lives, forecast.count_person, 365)
    cdf = np.pad(forecast.count_cdf, ((0, 0), (1, int(y.max()) + 1)), constant_values=1.0)
    cdf[:, 0] = 0.0
    rows = np.arange(len(y))
    below, at_most = cdf[rows, y], cdf[rows, y + 1]
    transform = below + np.random.default_rng(3).random(len(y)) * (at_most - below)
    assert stats.kstest(transform, "uniform").pvalue > 0.02


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_the_oracle_beats_the_own_rate_and_the_crowd(name: str) -> None:
    forecast, lives = oracle_of(name), lives_of(name)
    y = outcome(lives, forecast.count_person, 365)
    seen = observe(lives, END, forecast.count_person)
    rate = (seen.repeats + 0.01) / np.maximum(END - seen.first_at, 30) * 365
    own_rate = stats.poisson.cdf(np.arange(400), rate[:, None])
    crowd = np.broadcast_to((y[:, None] <= np.arange(400)).mean(axis=0), (len(y), 400))
    assert crps(forecast.count_cdf, y) < 0.9 * min(crps(own_rate, y), crps(crowd, y))


@pytest.mark.parametrize("name", ["retail", "regular", "correlated"])
def test_knowing_the_law_improves_the_forecast(name: str) -> None:
    """The plain law, told the same histories, is worse: the worlds differ in what matters."""
    lives, right = lives_of(name), oracle_of(name)
    wrong = oracle(CLEAN, replace(lives, world=CLEAN), END, SAMPLE)
    y = outcome(lives, right.count_person, 365)
    assert np.array_equal(wrong.count_person, right.count_person)
    assert crps(right.count_cdf, y) < crps(wrong.count_cdf, y)


def test_campaigns_to_come_are_part_of_the_year_ahead() -> None:
    lives = lives_of("retail")
    forecast = oracle(RETAIL, lives, 610.0, SAMPLE)
    assert abs(ratio_z(forecast, lives, 610.0)) < 2.5
    quiet = outcome(lives, forecast.person, 28, 610.0) == 0
    assert abs(brier_z(forecast.p_no_purchase_28d, quiet)) < 2.5


def test_latent_classes_are_as_frequent_as_the_posterior_says() -> None:
    lives = lives_of("retail")
    persons = seen_persons(lives, END)[:SAMPLE]
    draws = posterior_draws(RETAIL, observe(lives, END, persons), 64, seed=2)
    alive = lives.persons.left_at[persons] >= END
    for index in range(len(RETAIL.classes)):
        chance = draws.p_alive * (draws.latent_class == index).mean(axis=1)
        assert abs(brier_z(chance, alive & (lives.persons.latent_class[persons] == index))) < 3


# what it may know


@pytest.mark.parametrize("name", ["clean", "retail", "truncated"])
def test_nothing_after_the_as_of_day_changes_the_forecast(name: str) -> None:
    lives = lives_of(name)
    as_of = 1090.0
    kept = lives.purchases.at < as_of
    purchases = replace(
        lives.purchases,
        **{field: getattr(lives.purchases, field)[kept] for field in lives.purchases.__dataclass_fields__},
    )
    # The latent truth is spoilt too.
    persons = replace(
        lives.persons,
        rate=np.full(CUSTOMERS, np.nan),
        hazard=np.full(CUSTOMERS, np.nan),
        left_at=np.full(CUSTOMERS, np.nan),
        latent_class=np.zeros(CUSTOMERS, dtype=np.int8),
    )
    one = oracle(lives.world, lives, as_of, 200)
    other = oracle(lives.world, replace(lives, purchases=purchases, persons=persons), as_of, 200)
    assert oracle_table(one).equals(oracle_table(other))
    assert counts_table(one).equals(counts_table(other))


def test_customers_not_seen_in_the_window_are_not_forecast() -> None:
    lives = simulate(WORLDS["truncated"], 500, 21)
    forecast = oracle(lives.world, lives, END)
    inside = (lives.purchases.at >= 0) & (lives.purchases.at < END)
    assert np.array_equal(forecast.person, np.unique(lives.purchases.person[inside]))
    assert len(forecast.person) < 500


def test_without_customers_the_tables_are_empty() -> None:
    forecast = oracle(RETAIL, lives_of("retail"), 0.0)
    assert oracle_table(forecast).num_rows == counts_table(forecast).num_rows == 0


@pytest.mark.parametrize(("as_of", "exact", "words"), [(10.5, None, "midnight"), (END, True, "no closed form")])
def test_impossible_arguments_are_refused(as_of: float, exact: bool | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        oracle(RETAIL, lives_of("retail"), as_of, exact=exact)


def test_the_tables_hold_whole_distributions() -> None:
    forecast = oracle_of("retail")
    counts = counts_table(forecast).to_pandas()
    assert list(counts) == ["person_id", "k", "probability_at_most"]
    last = counts.groupby("person_id")["probability_at_most"].max()
    assert np.array_equal(last.index, forecast.count_person)
    assert last.min() > 1 - 1e-5
    mean = (1 - counts["probability_at_most"]).groupby(counts["person_id"]).sum().to_numpy()
    np.testing.assert_allclose(mean, forecast.expected_purchases, atol=2e-3)


def test_the_files_are_equal_for_equal_lives(tmp_path: Path) -> None:
    lives = simulate(RETAIL, 300, 9)
    for folder in ("one", "two"):
        write_oracle(lives, END, tmp_path / folder)
    for name in ("oracle.parquet", "oracle_counts.parquet"):
        first = (tmp_path / "one" / name).read_bytes()
        assert pq.read_table(tmp_path / "one" / name).num_rows >= 300
        assert first == (tmp_path / "two" / name).read_bytes()
