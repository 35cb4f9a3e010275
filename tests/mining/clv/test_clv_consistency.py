"""What must hold whatever the data: gradients, recovery, probabilities, invariances, calibration of the intervals."""

import json

import numpy as np
import pytest
from scipy.special import gammaln, hyp2f1

from mining.clv.evaluation import crps, cumulative, pit_deviation, poisson_slope
from mining.clv.gamma_gamma import GammaGamma
from mining.clv.value import discounted_purchases_if_alive, purchases_after, value_quantiles, weekly_discount_rate
from mining.purchases import NBD, BetaGeoNBD, CommonDeathNBD, ModifiedBetaGeoNBD, ParetoNBD
from mining.purchases.history import Floats, History
from mining.purchases.models.base import PurchaseModel
from mining.purchases.models.simulation import simulate
from mining.purchases.predictive import count_distribution, days_to_next_order

TRUTH: dict[type[PurchaseModel], tuple[float, ...]] = {
    BetaGeoNBD: (0.8, 6.0, 0.8, 2.5),
    ModifiedBetaGeoNBD: (0.8, 6.0, 0.8, 2.5),
    ParetoNBD: (0.8, 6.0, 0.7, 12.0),
    CommonDeathNBD: (0.8, 6.0, 40.0),
    NBD: (0.8, 6.0),
}
KINDS = tuple(TRUTH)
# A one-time buyer, one of today, a lapsed and a loyal one, a heavy one, and a heavy one who stopped long ago.
PEOPLE = History(
    np.array([0, 0, 3, 8, 300, 300]),
    np.array([0, 0, 5.0, 38.0, 51.7, 10.0]),
    np.array([39, 0, 39.0, 39.0, 52.0, 52.0]),
)
SPEND_DAYS = np.array([1, 0, 4, 9, 301, 250.0])
SPEND_AMOUNT = np.array([20.0, 0, 100, 300, 9000, 5000])


def model_of(kind: type[PurchaseModel], parameters: tuple[float, ...] | None = None) -> PurchaseModel:
    model = kind()
    model.params_ = dict(zip(kind.parameter_names, parameters or TRUTH[kind], strict=True))
    return model


def spend_model() -> GammaGamma:
    model = GammaGamma()
    model.params_ = {"p": 2.0, "q": 4.0, "gamma": 40.0}
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_is_the_slope_of_the_log_likelihood(kind: type[PurchaseModel]) -> None:
    gradient = model_of(kind).gradient(*PEOPLE)
    for index, value in enumerate(TRUTH[kind]):
        step = 1e-5 * value
        moved = [
            model_of(kind, (*TRUTH[kind][:index], value + shift, *TRUTH[kind][index + 1 :])).log_likelihood(*PEOPLE)
            for shift in (-step, step)
        ]
        assert gradient[index] == pytest.approx((moved[1] - moved[0]) / (2 * step), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_recovered(kind: type[PurchaseModel]) -> None:
    history, later = simulate(kind.name, TRUTH[kind], 20_000, seed=7, weeks=(40, 80), horizon=26)
    model = kind().fit(*history)
    assert model.is_converged_
    assert list(model.params_.values()) == pytest.approx(TRUTH[kind], rel=0.2)
    assert model.expected_purchases(26, *history).sum() == pytest.approx(later.sum(), rel=0.03)
    assert poisson_slope(later, model.expected_purchases(26, *history)) == pytest.approx(1, abs=0.05)
    counts = count_distribution(model, 26, history)
    assert pit_deviation(counts, later) < 0.01
    assert crps(counts, later) < np.mean(np.abs(later - np.median(later)))


@pytest.mark.parametrize(
    ("actual", "predicted"),
    [
        ([0.0, 3.0], [0.1, 0.2]),  # whoever was expected to buy more bought, the other one did not
        ([3.0, 0.0], [0.1, 0.2]),
        ([0.0, 0.0, 2.0, 5.0], [0.1, 0.15, 0.2, 0.2]),
        ([0.0, 0.0], [0.1, 0.2]),
        ([1.0, 2.0], [0.2, 0.2]),
    ],
)
def test_predictions_that_outcomes_separate_have_no_slope(actual: list[float], predicted: list[float]) -> None:
    assert np.isnan(poisson_slope(np.array(actual), np.array(predicted)))


@pytest.mark.parametrize(
    ("actual", "predicted", "slope"),
    [
        ([1.0, 3.0], [0.1, 0.2], np.log(3) / np.log(2)),
        ([0.0, 2.0, 0.0], [0.1, 0.2, 0.4], 0.0),  # symmetric about the one that bought
        ([1.0, 1e6], [0.1, 0.1001], np.log(1e6) / np.log(1.001)),
    ],
)
def test_two_customers_who_bought_have_the_slope_through_them(
    actual: list[float], predicted: list[float], slope: float
) -> None:
    found = poisson_slope(np.array(actual), np.array(predicted))
    assert np.isnan(found) if slope > 100 else found == pytest.approx(slope, abs=1e-6)


def test_spend_parameters_are_recovered() -> None:
    random = np.random.default_rng(3)
    visits = random.integers(1, 8, 20_000)
    rate = random.gamma(4.0, 1 / 40, 20_000)
    model = GammaGamma().fit(visits, random.gamma(2.0 * visits, 1 / rate) / visits)
    assert list(model.params_.values()) == pytest.approx([2.0, 4.0, 40.0], rel=0.08)
    assert model.population_mean == pytest.approx(2 * 40 / 3, rel=0.03)
    assert model.expected_spend([0], [0])[0] == pytest.approx(model.population_mean)


@pytest.mark.parametrize("kind", KINDS)
def test_no_purchase_is_a_ratio_of_likelihoods(kind: type[PurchaseModel]) -> None:
    model = model_of(kind)
    ratio = np.exp(model.log_likelihood(PEOPLE.x, PEOPLE.t_x, PEOPLE.T + 4) - model.log_likelihood(*PEOPLE))
    assert model.probability_no_purchase(4.0, *PEOPLE) == pytest.approx(ratio, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_count_distribution_agrees_with_the_closed_forms(kind: type[PurchaseModel]) -> None:
    model = model_of(kind)
    counts = count_distribution(model, 20.0, PEOPLE)
    assert counts.probability.sum(axis=1) == pytest.approx(np.ones(6))
    mean = np.sum(counts.probability * counts.purchases, axis=1)
    assert mean == pytest.approx(model.expected_purchases(20, *PEOPLE), rel=1e-4, abs=1e-12)
    assert counts.probability[:, 0] == pytest.approx(model.probability_no_purchase(20.0, *PEOPLE), rel=1e-9)
    assert cumulative(counts, np.zeros(6)) == pytest.approx(counts.probability[:, 0])


@pytest.mark.parametrize("share", [0.9, 0.4])
def test_purchases_of_which_a_share_counts(share: float) -> None:
    """Of Poisson purchases a share are Poisson purchases, as if time went slower: NBD has the answer in closed form."""
    model, people = model_of(NBD), History(*(column[:4] for column in PEOPLE))
    counts = count_distribution(model, 8.0, people, share)
    expected = model.count_pmf_if_alive(8.0 * share, people, np.arange(64.0))
    assert (counts.width == 1).all()
    assert counts.probability == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_new_customers_are_those_with_an_empty_history(kind: type[PurchaseModel]) -> None:
    model = model_of(kind)
    assert model.expected_purchases_new([52.0])[0] == pytest.approx(model.expected_purchases(52, [0], [0], [0])[0])


def test_the_limit_of_bg_nbd_at_a_equal_to_one() -> None:
    around = [
        model_of(BetaGeoNBD, (0.8, 6.0, a, 2.5)).expected_purchases(39, *PEOPLE) for a in (1 - 1e-3, 1.0, 1 + 1e-3)
    ]
    assert around[1] == pytest.approx((around[0] + around[2]) / 2, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_staying_and_leaving_average_to_the_expectation(kind: type[PurchaseModel]) -> None:
    model, rate = model_of(kind), weekly_discount_rate(0.1)
    stays, leaves = purchases_after(model, 52.0, 4.0, rate, PEOPLE)
    quiet = model.probability_no_purchase(4.0, *PEOPLE)
    expected = model.p_alive(*PEOPLE) * discounted_purchases_if_alive(model, 52.0, rate, PEOPLE)
    assert quiet * leaves + (1 - quiet) * stays == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert (stays > leaves).all()
    assert np.isfinite(stays).all()
    assert not purchases_after(model, 4.0, 4.0, rate, PEOPLE)[1].any()


def test_discounting_by_hand() -> None:
    model, rate = model_of(ParetoNBD), weekly_discount_rate(0.5)
    assert rate == pytest.approx(np.log(1.5) / 52)
    edges = np.linspace(0, 52, 52 * 70 + 1)
    cumulated = np.array([model.expected_if_alive(float(t), PEOPLE) for t in edges])
    by_steps = np.sum(np.diff(cumulated, axis=0) * np.exp(-rate * (edges[1:] + edges[:-1]) / 2)[:, None], axis=0)
    assert discounted_purchases_if_alive(model, 52.0, rate, PEOPLE) == pytest.approx(by_steps, rel=1e-7)
    assert discounted_purchases_if_alive(model, 52.0, 0.0, PEOPLE) == pytest.approx(cumulated[-1])


def test_the_next_order_is_the_first_day_with_even_odds() -> None:
    model = model_of(ParetoNBD)
    days = days_to_next_order(model, 365, PEOPLE)
    assert days[4] < days[3] < 365
    assert days[[2, 5]].tolist() == [0, 0]
    for index in (3, 4):
        one = [column[index : index + 1] for column in PEOPLE]
        assert model.probability_no_purchase(days[index] / 7, *one)[0] <= 0.5
        assert model.probability_no_purchase((days[index] - 1) / 7, *one)[0] > 0.5


def quantiles(model: PurchaseModel, history: History, days: Floats, amount: Floats) -> Floats:
    levels = (0.1, 0.5, 0.9)
    return value_quantiles(model, spend_model(), levels, history, days, amount, horizon=52.0, rate=0.0018)


@pytest.mark.parametrize("kind", KINDS)
def test_a_customer_has_the_same_numbers_in_any_company(kind: type[PurchaseModel]) -> None:
    model, order = model_of(kind), np.array([5, 1, 0, 4, 2, 3])
    everyone = quantiles(model, PEOPLE, SPEND_DAYS, SPEND_AMOUNT)
    shuffled = History(*(column[order] for column in PEOPLE))
    assert np.array_equal(quantiles(model, shuffled, SPEND_DAYS[order], SPEND_AMOUNT[order]), everyone[order])
    for index in range(6):
        one = History(*(column[index : index + 1] for column in PEOPLE))
        alone = quantiles(model, one, SPEND_DAYS[[index]], SPEND_AMOUNT[[index]])
        assert np.array_equal(alone[0], everyone[index])


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_cover_what_happens(kind: type[PurchaseModel]) -> None:
    """share(v < q) ≤ level ≤ share(v ≤ q), up to sampling noise, when the model is the truth."""
    size = 6000
    history, later = simulate(kind.name, TRUTH[kind], size, seed=11, weeks=(30, 60), horizon=52)
    random = np.random.default_rng(5)
    rate = random.gamma(4.0, 1 / 40, size)
    visits = history.x + 1
    before = random.gamma(2.0 * visits) / rate
    after = np.where(later > 0, random.gamma(np.maximum(2.0 * later, 1e-9)) / rate, 0.0)
    found = value_quantiles(
        model_of(kind), spend_model(), (0.1, 0.5, 0.9), history, visits, before, horizon=52.0, rate=0.0
    )
    for index, level in enumerate((0.1, 0.5, 0.9)):
        assert np.mean(after < found[:, index]) <= level + 0.015
        assert np.mean(after <= found[:, index]) >= level - 0.015


def test_a_free_purchase_has_no_value() -> None:
    """Half of the purchases are free: P(no value) is P(no purchase in half of the time)."""
    history, _ = simulate("nbd", TRUTH[NBD], 500, seed=11, weeks=(30, 60))
    model, levels = model_of(NBD), (0.1, 0.3, 0.5, 0.7)
    found = value_quantiles(
        model,
        spend_model(),
        levels,
        history,
        history.x + 1,
        30 * history.x + 30,
        horizon=52.0,
        rate=0.0,
        share_paid=0.5,
    )
    nothing = model.probability_no_purchase(26.0, *history)
    assert np.array_equal(found == 0, nothing[:, None] >= levels)


@pytest.mark.parametrize("kind", KINDS)
def test_row_order_and_duplicates_do_not_matter(kind: type[PurchaseModel]) -> None:
    history, _ = simulate(kind.name, TRUTH[kind], 3000, seed=1, weeks=(30, 60))
    order = np.random.default_rng(2).permutation(3000)
    first = kind().fit(*history)
    assert kind().fit(*(column[order] for column in history)).to_dict() == first.to_dict()
    twice = kind().fit(*history, counts=np.full(3000, 2.0))
    assert twice.params_ == pytest.approx(first.params_, rel=1e-9)
    assert twice.log_likelihood_ == pytest.approx(2 * first.log_likelihood_)


@pytest.mark.parametrize("kind", KINDS)
def test_days_and_weeks_tell_the_same(kind: type[PurchaseModel]) -> None:
    history, _ = simulate(kind.name, TRUTH[kind], 3000, seed=1, weeks=(30, 60))
    weeks = kind().fit(*history)
    days = kind("day").fit(history.x, history.t_x * 7, history.T * 7)
    in_days = {name: v * (7 if name in kind.time_parameters else 1) for name, v in weeks.params_.items()}
    assert days.params_ == pytest.approx(in_days, rel=1e-6)
    assert days.log_likelihood_ == pytest.approx(weeks.log_likelihood_ - np.log(7) * history.x.sum())
    assert days.p_alive(history.x, history.t_x * 7, history.T * 7) == pytest.approx(weeks.p_alive(*history), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_survives_json(kind: type[PurchaseModel]) -> None:
    history, _ = simulate(kind.name, TRUTH[kind], 500, seed=4, weeks=(30, 60))
    model = kind().fit(*history)
    again = kind.from_dict(json.loads(json.dumps(model.to_dict())))
    assert again.to_dict() == model.to_dict()
    assert np.array_equal(again.p_alive(*history), model.p_alive(*history))


@pytest.mark.parametrize(
    "parameters", [(0.55, 10.6, 0.6, 11.7), (0.55, 10.6, 0.6, 0.1), (5.0, 10.0, 0.05, 300.0), (3.0, 2.0, 20.0, 900.0)]
)
def test_the_likelihood_integral_against_hypergeometric_functions(parameters: tuple[float, ...]) -> None:
    """Fader & Hardie (2005), eq. 20-22: the form with 2F1, where SciPy can evaluate it."""
    r, alpha, s, beta = parameters
    x, t_x, T = np.array([0, 2, 7, 26]), np.array([0, 3.4, 5.6, 30.9]), np.array([39, 39.0, 34.3, 31.0])
    larger, difference = max(alpha, beta), abs(alpha - beta)
    second = s + 1 if alpha >= beta else r + x
    k = r + s + x

    def term(time: Floats) -> Floats:
        return hyp2f1(k, second, k + 1, difference / (larger + time)) / (larger + time) ** k

    bracket = (alpha + T) ** -(r + x) * (beta + T) ** -s + s / k * (term(t_x) - term(T))
    expected = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.log(bracket)
    assert model_of(ParetoNBD, parameters).log_likelihood(x, t_x, T) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("kind", "near", "people"),
    [
        (CommonDeathNBD, (0.8, 6.0, 2e6, 8e7), PEOPLE),
        # The heavy buyer who stopped long ago shows a death however rare deaths are.
        (NBD, (0.8, 6.0, 1e-9, 100.0), History(*(column[:5] for column in PEOPLE))),
    ],
)
def test_limits_of_pareto_nbd(kind: type[PurchaseModel], near: tuple[float, ...], people: History) -> None:
    limit, pareto = model_of(kind), model_of(ParetoNBD, near)
    y = np.arange(40.0)
    for found, expected in (
        (limit.log_likelihood(*people), pareto.log_likelihood(*people)),
        (limit.p_alive(*people), pareto.p_alive(*people)),
        (limit.expected_purchases(20, *people), pareto.expected_purchases(20, *people)),
        (limit.expected_purchases_new([0, 5, 52]), pareto.expected_purchases_new([0, 5, 52])),
        (limit.probability_no_purchase(4.0, *people), pareto.probability_no_purchase(4.0, *people)),
        (limit.quietly_alive(4.0, people), pareto.quietly_alive(4.0, people)),
        (limit.count_pmf_if_alive(20.0, people, y), pareto.count_pmf_if_alive(20.0, people, y)),
    ):
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_one_death_rate_by_hand() -> None:
    """Three repeat purchases until week 5, then silence: the integral over the week of death, by fine steps."""
    r, alpha, lifetime = TRUTH[CommonDeathNBD]
    edges = np.linspace(5.0, 39.0, 200_001)
    middle = (edges[1:] + edges[:-1]) / 2
    dead = np.sum((alpha + middle) ** -(r + 3) * np.exp(-middle / lifetime) / lifetime) * (edges[1] - edges[0])
    alive = (alpha + 39.0) ** -(r + 3) * np.exp(-39.0 / lifetime)
    model = model_of(CommonDeathNBD)
    assert model.p_alive([3], [5.0], [39.0])[0] == pytest.approx(alive / (alive + dead), rel=1e-8)
    constant = gammaln(r + 3) - gammaln(r) + r * np.log(alpha)
    assert model.log_likelihood([3], [5.0], [39.0])[0] == pytest.approx(constant + np.log(alive + dead), abs=1e-8)


def test_with_one_death_rate_pareto_nbd_runs_to_its_limit() -> None:
    history, _ = simulate("nbd_common_death", (2.0, 2.0, 60.0), 3000, seed=6, weeks=(30, 60))
    pareto, limit, none = (kind().fit(*history) for kind in (ParetoNBD, CommonDeathNBD, NBD))
    assert limit.is_converged_
    assert limit.log_likelihood_ > none.log_likelihood_ + 10
    assert limit.log_likelihood_ == pytest.approx(pareto.log_likelihood_, abs=2.0)


def test_a_missing_death_process_is_not_called_converged() -> None:
    """Regular customers who never leave: every model with a death process has its maximum at its edge."""
    random = np.random.default_rng(8)
    rate, T = random.gamma(2.0, 0.5, 2000), np.full(2000, 40.0)
    x = random.poisson(rate * T).astype(float)
    t_x = np.where(x > 0, T * random.uniform(0.9, 1.0, 2000) ** (1 / np.maximum(x, 1)), 0.0)
    for kind in (ParetoNBD, CommonDeathNBD, ModifiedBetaGeoNBD):
        assert not kind().fit(x, t_x, T).is_converged_
    model = NBD().fit(x, t_x, T)
    assert model.is_converged_
    assert (model.p_alive(x, t_x, T) == 1).all()
