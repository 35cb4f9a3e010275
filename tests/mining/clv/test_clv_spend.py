"""Spend where amounts hardly differ: the limits of Gamma-Gamma, which of them is taken, and what it says."""

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import gamma

from mining.clv.gamma_gamma import GammaGamma
from mining.clv.models import SPEND, FittedModels, fit_spend, read_scorer, too_few, write_scorer
from mining.clv.scoring import MONEY, score
from mining.clv.spend import CommonSpend, OnePrice, OwnPrice, SpendModel
from mining.clv.totals import count_quantile
from mining.clv.training import train
from mining.clv.value import value_quantiles
from mining.purchases import NBD
from mining.purchases.history import History
from mining.purchases.predictive import CountDistribution, count_distribution
from pipeline.base.errors import UserError
from tests.mining.clv.test_clv_job import AS_OF, ASK, SCORE, features, shop

VISITS = np.tile([1.0, 2.0, 3.0, 9.0], 500)
LEVELS = (0.1, 0.5, 0.9)


def alike(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Mean amounts of customers who do not differ: Gamma(4) of mean 20 each purchase, with less than chance between."""
    random = np.random.default_rng(seed)
    places = (np.argsort(np.argsort(random.random(len(VISITS)))) + 0.5) / len(VISITS)
    return VISITS, gamma.ppf(places, 4 * VISITS) / VISITS * 5


def fixed(*prices: float) -> np.ndarray:
    """One price for each customer, of a few."""
    return np.random.default_rng(1).choice(prices, len(VISITS))


def own_levels(q: float) -> np.ndarray:
    """Mean amounts of customers with own levels, whose spread over customers has a finite mean where q > 1."""
    random = np.random.default_rng(6)
    return random.gamma(3 * VISITS) / VISITS / random.gamma(q, 1 / 40, len(VISITS))


def model_of(kind: type[SpendModel], **parameters: float) -> SpendModel:
    model = kind()
    model.params_ = parameters
    model.log_likelihood_, model.is_converged_, model.n_customers_ = -1.0, True, 9
    return model


@pytest.mark.parametrize(
    ("mean", "name"),
    [
        (fixed(29.0), "one_price"),
        (fixed(29.0) * 3 / 3.0000000000000004, "one_price"),
        (fixed(29.0, 29.01), "one_price"),
        (fixed(29.0, 49.0), "own_price"),
        (fixed(29.0, 290.0, 2900.0), "own_price"),
        (alike()[1], "common_spend"),
        (own_levels(4.0), "gamma_gamma"),
    ],
    ids=["one", "rounding", "a cent", "two plans", "three plans", "alike", "own levels"],
)
def test_the_simplest_model_that_is_right_is_taken(mean: np.ndarray, name: str) -> None:
    chosen = fit_spend(VISITS, mean)
    assert (chosen.name, chosen.is_converged_) == (name, True)
    assert fit_spend(VISITS[::-1], mean[::-1]).to_dict() == chosen.to_dict()
    in_cents = fit_spend(VISITS, 100 * mean)
    assert in_cents.name == name
    assert in_cents.population_mean == pytest.approx(100 * chosen.population_mean, rel=1e-4)


def test_what_each_limit_expects_of_a_customer() -> None:
    days, amount = np.array([0.0, 1.0, 4.0]), np.array([0.0, 49.0, 116.0])
    assert fit_spend(VISITS, fixed(29.0)).expected_spend(days, amount).tolist() == [29.0] * 3
    two_plans = fit_spend(VISITS, fixed(29.0, 49.0))
    assert two_plans.expected_spend(days, amount)[1:].tolist() == [49.0, 29.0]
    assert two_plans.expected_spend(days, amount)[0] == pytest.approx(39, abs=0.7)
    assert fit_spend(*alike()).expected_spend(days, amount).tolist() == pytest.approx([20.0] * 3, abs=0.5)


def test_a_mean_that_is_infinite_is_a_problem_and_not_replaced() -> None:
    chosen = fit_spend(VISITS, own_levels(0.7))
    assert chosen.name == "gamma_gamma" and chosen.is_interior_ and not chosen.is_converged_
    purchases = NBD()
    purchases.params_, purchases.log_likelihood_, purchases.is_converged_ = {"r": 1.0, "alpha": 9.0}, -1.0, True
    assert "no finite mean" in str(FittedModels([purchases], chosen, 1.0).problem)


def test_customers_alike_are_what_gamma_gamma_becomes() -> None:
    limit, near = model_of(CommonSpend, p=3.0, nu=0.15), model_of(GammaGamma, p=3.0, q=1e9, gamma=1e9 / 0.15)
    n, z = np.array([1.0, 2.0, 7.0]), np.array([5.0, 20.0, 31.0])
    values = limit._log_likelihood(limit.parameters, n, z)[0]
    assert values == pytest.approx(near._log_likelihood(near.parameters, n, z)[0], rel=1e-4)
    assert values == pytest.approx(gamma.logpdf(z, 3.0 * n, scale=1 / (0.15 * n)))
    days, amount = np.array([0.0, 1.0, 5.0]), np.array([0.0, 18.0, 140.0])
    assert limit.expected_spend(days, amount) == pytest.approx(near.expected_spend(days, amount), rel=1e-4)


def test_an_own_price_is_seen_once_however_often_it_is_paid() -> None:
    model = fit_spend(VISITS, fixed(29.0, 290.0, 2900.0))
    assert model.population_mean == pytest.approx(fixed(29.0, 290.0, 2900.0).mean())
    values = model._log_likelihood(model.parameters, np.array([1.0, 9.0]), np.array([29.0, 29.0]))[0]
    k, nu = model.parameters
    assert values == pytest.approx(gamma.logpdf([29.0, 29.0], k, scale=1 / nu))


@pytest.mark.parametrize("model", [model_of(CommonSpend, p=3.0, nu=0.15), model_of(OwnPrice, k=4.0, nu=0.15)])
def test_gradient_is_the_slope_of_the_log_likelihood(model: SpendModel) -> None:
    n, z = np.array([1.0, 2.0, 7.0]), np.array([5.0, 20.0, 31.0])
    for index, value in enumerate(model.parameters):
        step = np.eye(2)[index] * 1e-6 * value
        low, high = (model._log_likelihood(model.parameters + sign * step, n, z)[0] for sign in (-1, 1))
        slope = model._log_likelihood(model.parameters, n, z)[1][index]
        assert slope == pytest.approx((high - low) / (2e-6 * value), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "draw"),
    [
        (model_of(CommonSpend, p=3.0, nu=0.15), lambda random, y: random.gamma(3.0 * np.maximum(y, 1e-9)) / 0.15),
        (model_of(OwnPrice, k=4.0, nu=0.15), lambda random, y: y * random.gamma(4.0, size=len(y)) / 0.15),
        (model_of(OnePrice, price=29.0), lambda random, y: y * 29.0),
    ],
)
def test_quantiles_are_those_of_simulated_totals(model: SpendModel, draw: Any) -> None:
    purchases = NBD()
    purchases.params_ = {"r": 2.0, "alpha": 8.0}
    history = History(np.array([3.0]), np.array([10.0]), np.array([20.0]))
    random = np.random.default_rng(9)
    counts = random.negative_binomial(5.0, 28.0 / 48.0, 400_000)
    totals = np.where(counts > 0, draw(random, counts), 0.0)
    new = np.zeros(1)
    found = value_quantiles(purchases, model, LEVELS, history, new, new, horizon=20.0, rate=0.0)
    assert found[0] == pytest.approx(np.quantile(totals, LEVELS, method="inverted_cdf"), rel=0.01)


def test_a_known_price_is_paid_for_each_of_the_purchases() -> None:
    purchases = NBD()
    purchases.params_ = {"r": 2.0, "alpha": 8.0}
    history = History(np.array([3.0, 3.0]), np.array([10.0, 10.0]), np.array([20.0, 20.0]))
    days, amount = np.array([4.0, 4.0]), np.array([116.0, 196.0])
    model = model_of(OwnPrice, k=4.0, nu=0.15)
    found = value_quantiles(purchases, model, LEVELS, history, days, amount, horizon=20.0, rate=0.0)
    counts = count_distribution(purchases, 20.0, history)
    assert found.tolist() == [[price * count_quantile(counts, level)[0] for level in LEVELS] for price in (29.0, 49.0)]


def test_the_quantile_of_a_count_is_the_first_that_is_reached() -> None:
    counts = CountDistribution(np.array([[0.1, 0.4, 0.5]]), np.array([[0.0, 1.0, 2.0]]), np.ones(1))
    assert [count_quantile(counts, level).item() for level in (0.05, 0.1, 0.11, 0.5, 0.51, 1.0)] == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("kind", SPEND)
def test_every_spend_model_is_stored_and_read_back(kind: type[SpendModel]) -> None:
    purchases = NBD("week")
    purchases.params_, purchases.log_likelihood_, purchases.is_converged_ = {"r": 1.0, "alpha": 9.0}, -1.0, True
    purchases.gradient_, purchases.n_customers_ = 0.0, 9
    spend = kind().fit(VISITS, fixed(29.0, 49.0))
    stored = write_scorer(FittedModels([purchases], spend, 0.9).scorer)
    read = read_scorer(json.loads(json.dumps(stored)))
    assert type(read.spend) is kind and write_scorer(read) == stored
    with pytest.raises(UserError, match="model is 'other': expected"):
        kind.from_dict({"model": "other"})


@pytest.mark.parametrize(
    ("prices", "says"),
    [((29.0,), "Spend: one price for all"), ((29.0, 49.0), "Spend: each customer's own mean")],
    ids=["one", "two"],
)
def test_a_company_with_fixed_prices_has_values(prices: tuple[float, ...], says: str) -> None:
    days = shop(1500)
    numbers = days["customer_id"].str[1:].astype(int)
    found = features(days.assign(spend=np.array(prices)[numbers % len(prices)]))
    assert too_few(found.at(AS_OF)) is None
    model = train(found, **ASK)
    assert model["is_published"], model["decision"]
    assert says in model["decision"]
    assert json.loads(json.dumps(model, allow_nan=False)) == model
    scores = score(found.at(AS_OF), json.loads(json.dumps(model)), **SCORE)
    price = np.array(prices)[scores["customer_id"].str[1:].astype(int) % len(prices)]
    assert (scores["expected_spend"] == price).all()
    money = scores[list(MONEY)].astype(float)
    assert (money["clv_future_p10"] <= money["clv_future_p50"]).all()
    assert (money["clv_future_p50"] <= money["clv_future_p90"]).all()
    assert (money["clv_future"] <= scores["expected_purchases"] * price + 0.01).all()


def test_the_reason_for_too_little_spend_is_the_true_one() -> None:
    frame = features(shop(300)).at(AS_OF)
    frame["spend_days"] = np.where(np.arange(len(frame)) < 7, frame["spend_days"], 0)
    assert too_few(frame) == "7 customers had bought for more than nothing"
