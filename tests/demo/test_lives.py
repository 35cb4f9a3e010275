"""Lives follow the laws that their world states: recovered moments, martingales, and effects that are absent."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from demo.world.clocks import FIRST_DAY, hazard_clock, purchase_factors
from demo.world.laws import FAILURES, HANDLING, HORIZON_DAYS, LEAVING_REASONS, WINDOW_DAYS, World
from demo.world.lives import Lives, simulate, states
from demo.world.paths import loads
from demo.world.worlds import CLEAN, RETAIL, WORLDS, get_world
from pipeline.base.errors import UserError

ALL = sorted(WORLDS)


@cache
def lives_of(name: str, customers: int = 20_000, seed: int = 11) -> Lives:
    return simulate(WORLDS[name], customers, seed)


def arrays(lives: Lives) -> dict[str, np.ndarray]:
    return {
        f"{part}.{name}": getattr(getattr(lives, part), name)
        for part in ("persons", "purchases", "audience")
        for name in getattr(lives, part).__dataclass_fields__
    }


def z_score(difference: np.ndarray) -> float:
    """Mean over its standard error."""
    return float(difference.mean() / (difference.std(ddof=1) / np.sqrt(len(difference))))


def counts(lives: Lives, chosen: np.ndarray) -> np.ndarray:
    return np.bincount(lives.purchases.person[chosen], minlength=len(lives.persons.rate))


def observed_until(lives: Lives) -> np.ndarray:
    return np.minimum(lives.persons.left_at, HORIZON_DAYS)


@pytest.mark.parametrize("name", ALL)
def test_equal_arguments_give_equal_lives_and_another_seed_gives_others(name: str) -> None:
    first, again = arrays(simulate(WORLDS[name], 300, 5)), arrays(simulate(WORLDS[name], 300, 5))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not np.array_equal(first["persons.rate"], arrays(simulate(WORLDS[name], 300, 6))["persons.rate"])


@pytest.mark.parametrize("name", ALL)
def test_the_arrays_are_sorted_and_within_their_limits(name: str) -> None:
    lives = lives_of(name)
    persons, purchases = lives.persons, lives.purchases
    same = np.diff(purchases.person) == 0
    assert np.all(np.diff(purchases.person) >= 0)
    assert np.all(np.diff(purchases.at)[same] >= 0)
    assert np.array_equal(np.unique(purchases.person), np.arange(len(persons.rate)))
    first = np.concatenate(([True], ~same))
    assert np.array_equal(purchases.at[first], persons.arrived_at)
    assert np.all(purchases.campaign[first] == -1)
    assert np.all(purchases.at <= observed_until(lives)[purchases.person])
    assert np.all((persons.left_at < HORIZON_DAYS) | np.isinf(persons.left_at))
    assert np.all(persons.arrived_at < WINDOW_DAYS)
    assert np.all(purchases.net_cents >= 1)
    assert set(np.unique(purchases.failure)) == set(range(len(FAILURES)))
    assert set(np.unique(purchases.handled)) == set(range(len(HANDLING)))
    assert np.all(purchases.handled[purchases.failure == 0] == 0)
    assert 0.015 < persons.is_business.mean() < 0.025


def test_an_unknown_world_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"no world 'cleen'.*clean.*null"):
        get_world("cleen")


@pytest.mark.parametrize("law", [{"gap_stages": 2}, {"score_correlations": (0.1, 0.1, 0.1)}, {"early_share": 0.1}])
def test_laws_that_the_oracle_cannot_join_are_refused(law: dict) -> None:
    assert replace(CLEAN, **law).name == "clean"
    with pytest.raises(ValueError, match="otherwise plain"):
        replace(RETAIL, **law)


def test_only_clean_is_plain() -> None:
    assert [name for name, world in WORLDS.items() if world.is_plain] == ["clean"]


def test_a_company_may_have_no_customers() -> None:
    assert len(simulate(RETAIL, 0, 1).purchases.at) == 0
    assert len(simulate(RETAIL, 1, 1).persons.rate) == 1


# clean: the published laws


def test_clean_traits_are_gamma() -> None:
    lives, (latent,) = lives_of("clean"), CLEAN.classes
    assert stats.kstest(lives.persons.rate, stats.gamma(latent.r, scale=1 / latent.alpha).cdf).pvalue > 0.01
    assert stats.kstest(lives.persons.hazard, stats.gamma(latent.s, scale=1 / latent.beta).cdf).pvalue > 0.01
    spend_rate = CLEAN.order_shape / lives.persons.mean_spend
    assert stats.kstest(spend_rate, stats.gamma(latent.q, scale=1 / latent.gamma).cdf).pvalue > 0.01
    arrivals = lives.persons.arrived_at / WINDOW_DAYS
    assert stats.kstest(arrivals, "uniform").pvalue > 0.01


def test_clean_purchases_and_leaving_have_the_mean_of_the_paper() -> None:
    """E[X(t)] = r beta / (alpha (s - 1)) (1 - (beta / (beta + t))^(s - 1)) (Schmittlein et al. 1987, equation 17)."""
    lives, (latent,) = lives_of("clean"), CLEAN.classes
    weeks = (HORIZON_DAYS - lives.persons.arrived_at) / 7
    gone = (latent.beta / (latent.beta + weeks)) ** latent.s
    expected = latent.r * latent.beta / (latent.alpha * (latent.s - 1))
    expected = expected * (1 - (latent.beta / (latent.beta + weeks)) ** (latent.s - 1))
    repeats = counts(lives, np.ones(len(lives.purchases.at), dtype=bool)) - 1
    assert abs(z_score(repeats - expected)) < 3
    assert abs(z_score(np.isinf(lives.persons.left_at) - gone)) < 3


def test_clean_purchases_are_poisson_given_the_rate() -> None:
    lives = lives_of("clean")
    mean = lives.persons.rate * (observed_until(lives) - lives.persons.arrived_at) / 7
    often = mean > 5
    repeats = (counts(lives, np.ones(len(lives.purchases.at), dtype=bool)) - 1)[often]
    squares = (repeats - mean[often]) ** 2 / mean[often]
    assert abs(z_score(squares - 1)) < 3.5


def test_clean_spend_is_gamma_gamma() -> None:
    lives = lives_of("clean")
    ratio = lives.purchases.net_cents / 100 / lives.persons.mean_spend[lives.purchases.person]
    assert abs(z_score(ratio - 1)) < 3
    assert abs(z_score((ratio - 1) ** 2 - 1 / CLEAN.order_shape)) < 3
    assert abs(lives.persons.mean_spend.mean() - 60) < 1.5


def test_clean_has_neither_season_nor_hours() -> None:
    at = lives_of("clean").purchases.at
    at = at[(at > 400) & (at < 1096)]
    by_hour, by_weekday = np.bincount((at % 1 * 24).astype(int)), np.bincount(np.floor(at).astype(int) % 7)
    assert stats.chisquare(by_hour).pvalue > 0.001
    assert stats.chisquare(by_weekday).pvalue > 0.001


# the variants


def test_regular_gaps_are_erlang() -> None:
    lives = lives_of("regular")
    purchases, persons = lives.purchases, lives.persons
    same = np.diff(purchases.person) == 0
    person = purchases.person[1:][same]
    gap = np.diff(purchases.at)[same] / 7 * persons.rate[person]
    # Long windows only: the last, cut gap of a short one would be missing from the sample.
    long = (persons.rate * (observed_until(lives) - persons.arrived_at) / 7)[person] > 40
    assert abs(gap[long].mean() - 1) < 0.03
    assert abs(gap[long].std() / gap[long].mean() - 1 / np.sqrt(3)) < 0.02


def test_correlated_traits_have_the_stated_copula() -> None:
    lives = lives_of("correlated")
    persons = lives.persons
    pairs = ((persons.rate, persons.mean_spend), (persons.rate, persons.hazard), (persons.mean_spend, persons.hazard))
    assert WORLDS["correlated"].score_correlations == (0.4, -0.5, -0.4)
    for (one, other), normal in zip(pairs, (0.4, -0.5, -0.4), strict=True):
        rank = stats.spearmanr(one, other).statistic
        assert abs(rank - 6 / np.pi * np.arcsin(normal / 2)) < 0.025
    (latent,) = WORLDS["correlated"].classes
    assert stats.kstest(persons.rate, stats.gamma(latent.r, scale=1 / latent.alpha).cdf).pvalue > 0.01
    assert stats.kstest(persons.hazard, stats.gamma(latent.s, scale=1 / latent.beta).cdf).pvalue > 0.01


def test_half_of_truncated_is_older_than_the_data() -> None:
    arrived_at = lives_of("truncated").persons.arrived_at
    assert abs((arrived_at < 0).mean() - 0.5) < 0.015
    assert -1095 <= arrived_at.min() < -1090
    assert stats.kstest(-arrived_at[arrived_at < 0] / 1095, "uniform").pvalue > 0.01


def test_the_shock_takes_customers_and_purchases() -> None:
    lives = lives_of("shock")
    shock = WORLDS["shock"].shock
    assert shock is not None
    before, after = states(lives, shock.start_day), states(lives, shock.start_day + 1)
    assert np.isclose(after.hazard[after.is_alive], shock.hazard_factor * before.hazard[after.is_alive]).mean() > 0.99
    assert np.isclose(after.rate[after.is_alive], shock.rate_factor * before.rate[after.is_alive]).mean() > 0.99
    in_shock = (lives.persons.left_at >= shock.start_day) & (lives.persons.left_at < shock.start_day + 30)
    external = lives.persons.leaving_reason == LEAVING_REASONS.index("external")
    assert np.all(in_shock[external])
    share = 1 - 1 / shock.hazard_factor
    assert abs(z_score(external[in_shock] - share)) < 3


# the hazard and the rate, day by day


@cache
def day_by_day(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Integrated hazard of each person without and with a load, and leaving in the same states; brute force by day."""
    lives = lives_of(name, 6_000)
    world, persons, purchases = lives.world, lives.persons, lives.purchases
    core, encounter = loads(world.service, purchases.failure, purchases.handled)
    failed = (purchases.failure > 0) & (purchases.handled != 1)
    n = len(persons.rate)
    load, has_failed = np.zeros(n), np.zeros(n, dtype=bool)
    by_day = np.argsort(purchases.at, kind="stable")
    edges = np.searchsorted(purchases.at[by_day], np.arange(HORIZON_DAYS + 1))
    factors = np.stack(
        [np.diff(hazard_clock(world, c).at(np.arange(HORIZON_DAYS + 1.0))) for c in range(len(world.classes))]
    )
    hazard, left = np.zeros((2, n)), np.zeros((2, n))
    for day in range(HORIZON_DAYS):
        alive_for = np.clip(np.minimum(persons.left_at, day + 1) - np.maximum(persons.arrived_at, day), 0, None)
        state = has_failed.astype(int)
        hazard[state, np.arange(n)] += persons.hazard / 7 * factors[persons.latent_class, day] * (1 + load) * alive_for
        leaves = (persons.left_at >= day) & (persons.left_at < day + 1)
        left[state[leaves], leaves] += 1
        rows = by_day[edges[day] : edges[day + 1]]
        np.add.at(load, purchases.person[rows], (core + encounter)[rows])
        has_failed[purchases.person[rows[failed[rows]]]] = True
    return hazard[0], left[0], hazard[1], left[1]


@pytest.mark.parametrize("name", ["retail", "null"])
def test_as_many_leave_as_the_hazard_says_before_and_after_a_failure(name: str) -> None:
    """Leaving less the integrated hazard is a martingale; the day of a failure itself is cut roughly."""
    hazard, left, hazard_failed, left_failed = day_by_day(name)
    assert left_failed.sum() > 300
    assert abs((left - hazard).sum()) < 3.5 * np.sqrt(hazard.sum())
    assert abs((left_failed - hazard_failed).sum()) < 3.5 * np.sqrt(hazard_failed.sum())


def left_within(lives: Lives, days: float, chosen: np.ndarray) -> np.ndarray:
    return (lives.persons.left_at[chosen] - lives.persons.arrived_at[chosen]) < days


@pytest.mark.parametrize("name", ["retail", "null", "clean"])
def test_badly_handled_complaints_drive_customers_away_in_retail_only(name: str) -> None:
    lives = lives_of(name, 60_000)
    first = np.searchsorted(lives.purchases.person, np.arange(60_000))
    badly = lives.purchases.handled[first] == HANDLING.index("badly")
    well = lives.purchases.handled[first] == HANDLING.index("well")
    untroubled = lives.purchases.failure[first] == 0
    shares = [left_within(lives, 180, chosen).mean() for chosen in (untroubled, well, badly)]
    errors = [
        np.sqrt(share * (1 - share) / chosen.sum())
        for share, chosen in zip(shares, (untroubled, well, badly), strict=True)
    ]
    assert abs(shares[1] - shares[0]) < 3 * errors[1]
    if name == "retail":
        assert shares[2] - shares[0] > 8 * errors[2]
    else:
        assert abs(shares[2] - shares[0]) < 3 * errors[2]


def test_retail_buys_by_its_season() -> None:
    lives = lives_of("retail", 60_000)
    persons, purchases = lives.persons, lives.purchases
    months = np.array([334, 365, 699, 730, 1064, 1095])  # three Decembers
    for index, latent in enumerate(RETAIL.classes):
        factors = purchase_factors(RETAIL, latent)[-FIRST_DAY:]
        mine = persons.latent_class == index
        expected = bought = 0.0
        for start, end in months.reshape(3, 2):
            for day in range(start, end):
                alive_for = np.clip(np.minimum(persons.left_at, day + 1) - np.maximum(persons.arrived_at, day), 0, 1)
                expected += (persons.rate / 7 * factors[day] * alive_for)[mine].sum()
            inside = (purchases.at >= start) & (purchases.at < end) & (purchases.campaign == -1)
            inside &= purchases.at > persons.arrived_at[purchases.person]
            bought += mine[purchases.person[inside]].sum()
        assert abs(bought - expected) < 4 * np.sqrt(expected)


def test_december_doubles_the_purchases_of_gift_buyers() -> None:
    gift = next(latent for latent in RETAIL.classes if latent.name == "gift")
    factors = purchase_factors(RETAIL, gift)[-FIRST_DAY:]
    assert factors[334:358].mean() > 2.5 * factors[212:243].mean()


# reasons


@pytest.mark.parametrize("name", ALL)
def test_reasons_are_those_of_the_world(name: str) -> None:
    lives = lives_of(name)
    found = {LEAVING_REASONS[index] for index in np.unique(lives.persons.leaving_reason)}
    stated = {"clean": {"none", "natural"}, "null": {"none"}, "shock": {"none", "natural", "external"}}
    retail = {"none", "natural", "core_service_failure", "service_encounter", "price"}
    assert found == (retail if name == "retail" else stated.get(name, {"none", "natural"}))
    if name != "null":
        assert np.array_equal(lives.persons.leaving_reason == 0, np.isinf(lives.persons.left_at))


def test_retail_leaves_for_price_only_after_a_price_rise_and_for_service_only_after_a_failure() -> None:
    lives = lives_of("retail")
    persons, purchases = lives.persons, lives.purchases
    price = persons.leaving_reason == LEAVING_REASONS.index("price")
    after_rise = np.zeros(len(price), dtype=bool)
    for rise in RETAIL.price_rises:
        after_rise |= (persons.left_at >= rise.start_day) & (persons.left_at < rise.start_day + rise.days)
    assert price.sum() > 200
    assert np.all(after_rise[price])
    core, encounter = loads(RETAIL.service, purchases.failure, purchases.handled)
    for added, reason in ((core, "core_service_failure"), (encounter, "service_encounter")):
        felt = np.bincount(purchases.person, weights=added, minlength=len(price)) > 0
        left_for_it = persons.leaving_reason == LEAVING_REASONS.index(reason)
        assert left_for_it.sum() > 200
        assert np.all(felt[left_for_it])


# campaigns


def test_each_arm_gets_its_potential_outcome() -> None:
    lives = lives_of("retail")
    audience, purchases = lives.audience, lives.purchases
    n = len(lives.persons.rate)
    for number, campaign in enumerate(lives.campaigns):
        inside = (purchases.at >= campaign.start_day) & (purchases.at < campaign.end_day)
        inside &= (purchases.campaign == -1) | (purchases.campaign == number)
        bought = np.bincount(purchases.person[inside], minlength=n)
        cents = np.bincount(purchases.person[inside], weights=purchases.net_cents[inside], minlength=n)
        rows = audience.campaign == number
        person, treated = audience.person[rows], audience.is_treated[rows]
        should = np.where(treated, audience.purchases_if_treated[rows], audience.purchases_if_control[rows])
        sales = np.where(treated, audience.sales_if_treated[rows], audience.sales_if_control[rows])
        assert np.array_equal(bought[person], should)
        assert np.array_equal(cents[person], sales)
        assert np.all(lives.persons.arrived_at[person] < campaign.start_day)
        assert abs(treated.mean() - campaign.treated_share) < 4 * np.sqrt(0.25 / len(treated))


def test_a_campaign_lifts_by_what_its_world_says() -> None:
    lives = lives_of("retail", 60_000)
    audience, persons = lives.audience, lives.persons
    factors = np.stack([purchase_factors(RETAIL, latent)[-FIRST_DAY:] for latent in RETAIL.classes])
    response = np.array([latent.campaign_response for latent in RETAIL.classes])
    for number, campaign in enumerate(RETAIL.campaigns):
        rows = audience.campaign == number
        person = audience.person[rows]
        gain = audience.purchases_if_treated[rows] - audience.purchases_if_control[rows]
        expected = np.zeros(len(person))
        for day in range(campaign.start_day, campaign.end_day):
            alive_for = np.clip(persons.left_at[person] - day, 0, 1)
            expected += persons.rate[person] / 7 * factors[persons.latent_class[person], day] * alive_for
        expected *= campaign.lift * response[persons.latent_class[person]]
        assert abs((gain - expected).sum()) <= 4 * np.sqrt(expected.sum())


@pytest.mark.parametrize("name", sorted(set(ALL) - {"retail"}))
def test_elsewhere_no_campaign_has_an_effect(name: str) -> None:
    audience = lives_of(name).audience
    assert len(audience.person) > 10_000
    assert np.array_equal(audience.purchases_if_treated, audience.purchases_if_control)
    assert np.array_equal(audience.sales_if_treated, audience.sales_if_control)
    assert np.all(lives_of(name).purchases.campaign == -1)


def test_no_campaign_runs_after_the_window() -> None:
    assert all(campaign.end_day <= WINDOW_DAYS for world in WORLDS.values() for campaign in world.campaigns)


def test_campaigns_only_add_purchases() -> None:
    silent: World = replace(RETAIL, campaigns=tuple(replace(c, lift=0.0) for c in RETAIL.campaigns))
    one, other = simulate(RETAIL, 3_000, 4), simulate(silent, 3_000, 4)
    assert np.array_equal(one.persons.left_at, other.persons.left_at)
    base = one.purchases.campaign == -1
    assert np.array_equal(one.purchases.at[base], other.purchases.at)
    assert np.array_equal(one.purchases.net_cents[base], other.purchases.net_cents)


def test_states_agree_with_the_lives() -> None:
    lives = lives_of("retail")
    now = states(lives, 800.0)
    assert np.array_equal(now.is_alive, (lives.persons.arrived_at < 800) & (lives.persons.left_at >= 800))
    assert np.all(now.rate[~now.is_alive] == 0)
    assert np.all(now.hazard[now.is_alive] > 0)
    alive = now.is_alive
    bought = counts(lives, (lives.purchases.at >= 799) & (lives.purchases.at < 800))[alive]
    old = lives.persons.arrived_at[alive] < 799
    expected = (now.rate[alive] / 7)[old]
    assert abs((bought[old] - expected).sum()) < 4 * np.sqrt(expected.sum())
