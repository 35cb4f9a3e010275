"""Erlang gaps: k learned from the gaps, and Pareto/CNBD-k against brute force and simulation."""

from math import factorial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gamma

from mining.purchases.choice import choose, fit_candidates, read_purchase_model
from mining.purchases.history import Floats, History, check_history
from mining.purchases.models.pareto_cnbd import ParetoCNBD
from mining.purchases.models.pareto_nbd import ParetoNBD
from mining.purchases.predictive import count_distribution
from mining.purchases.regularity import CHANCE, learn_stages

PARAMETERS = {"r": 1.2, "alpha": 3.0, "s": 0.7, "beta": 18.0}
STORIES = History(*(np.array(column) for column in ([0.0, 1, 4, 9, 2], [0.0, 2, 20, 28, 5], [30.0, 31, 22, 30, 40])))


def given(stages: int, parameters: dict[str, float] | None = None) -> ParetoCNBD:
    """A model with known parameters."""
    model = ParetoCNBD(stages=stages)
    model.params_ = dict(parameters or PARAMETERS)
    return model


def company(stages: int, size: int, seed: int, weeks: float = 100.0) -> tuple[History, pd.DataFrame, Floats]:
    """Histories in weeks of customers with Erlang gaps, their features, and their purchases in the 26 weeks after."""
    random = np.random.default_rng(seed)
    rate = random.gamma(PARAMETERS["r"], 1 / PARAMETERS["alpha"], size)
    death = random.exponential(1 / random.gamma(PARAMETERS["s"], 1 / PARAMETERS["beta"], size))
    gaps = random.gamma(stages, 1 / np.maximum(rate, 1e-9)[:, None], (size, 400))
    times = np.cumsum(gaps, axis=1)
    seen = times <= np.minimum(death, weeks)[:, None]
    x = seen.sum(axis=1).astype(float)
    t_x = np.where(seen, times, 0.0).max(axis=1)
    later = ((times > weeks) & (times <= np.minimum(death, weeks + 26)[:, None])).sum(axis=1)
    log_mean = np.where(seen, np.log(gaps * 7), 0.0).sum(axis=1) / np.maximum(x, 1)
    frame = pd.DataFrame({"purchase_days": x + 1, "active_span_days": t_x * 7, "gap_log_mean": log_mean})
    frame["is_alive"] = death > weeks
    return check_history(x, t_x, np.full(size, weeks)), frame, later.astype(float)


def test_one_stage_is_pareto_nbd() -> None:
    """k = 1 gives the numbers of Pareto/NBD."""
    one, plain = given(1), ParetoNBD()
    plain.params_ = PARAMETERS
    y = np.arange(12.0)
    np.testing.assert_allclose(one.log_likelihood(*STORIES), plain.log_likelihood(*STORIES), rtol=1e-9)
    np.testing.assert_allclose(one.gradient(*STORIES), plain.gradient(*STORIES), rtol=1e-8)
    np.testing.assert_allclose(one.alive(STORIES), plain.alive(STORIES), rtol=1e-10)
    np.testing.assert_allclose(one.expected_if_alive(8.0, STORIES), plain.expected_if_alive(8.0, STORIES), rtol=1e-10)
    for name in ("no_purchase_if_alive", "quietly_alive"):
        np.testing.assert_allclose(getattr(one, name)(8.0, STORIES), getattr(plain, name)(8.0, STORIES), rtol=1e-10)
    counts = (model.count_pmf_if_alive(8.0, STORIES, y) for model in (one, plain))
    np.testing.assert_allclose(*counts, rtol=1e-9)


@pytest.mark.parametrize("story", [0, 2, 4])
def test_likelihood_is_the_integral_over_rates(story: int) -> None:
    """The likelihood is the mean, over customers' rates to buy and to leave, of that of known rates."""
    k, (x, t_x, T) = 3, (float(column[story]) for column in STORIES)
    r, alpha, s, beta = PARAMETERS.values()
    nodes, weights = np.polynomial.legendre.leggauss(160)
    levels, shares = (nodes + 1) / 2, weights / 2
    rate = gamma.ppf(levels, r, scale=1 / alpha)[:, None]
    leaving = gamma.ppf(levels, s, scale=1 / beta)[None, :]
    last = gamma.pdf(t_x, k * x, scale=1 / rate) if x else 1.0
    quiet = gamma.sf(T - t_x, k, scale=1 / rate) * np.exp(-leaving * T)
    for node, share in zip(*np.polynomial.legendre.leggauss(40), strict=True):
        age = t_x + (T - t_x) * (node + 1) / 2
        dies = leaving * np.exp(-leaving * age) * (T - t_x) / 2
        quiet = quiet + share * dies * gamma.sf(age - t_x, k, scale=1 / rate)
    found = float(shares @ (last * quiet) @ shares)
    between = t_x ** (x - 1) / factorial(int(x) - 1) if x else 1.0
    assert np.exp(given(k).log_likelihood(x, t_x, T)[0]) * between == pytest.approx(found, rel=1e-3)


def test_gradient_is_the_slope_of_the_likelihood() -> None:
    """The analytic gradient agrees with differences."""
    model = given(4)
    for place, name in enumerate(model.parameter_names):
        step = 1e-5 * PARAMETERS[name]
        up, down = (given(4, {**PARAMETERS, name: PARAMETERS[name] + sign * step}) for sign in (1, -1))
        slope = (up.log_likelihood(*STORIES) - down.log_likelihood(*STORIES)) / (2 * step)
        np.testing.assert_allclose(model.gradient(*STORIES)[place], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_forecasts_agree_with_each_other(k: int) -> None:
    """Mean, P(no purchase) and P(y purchases) are of one distribution."""
    model, y = given(k), np.arange(64.0)
    pmf = model.count_pmf_if_alive(10.0, STORIES, y)
    np.testing.assert_allclose(pmf.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(pmf[:, 0], model.no_purchase_if_alive(10.0, STORIES), rtol=1e-7)
    np.testing.assert_allclose(pmf @ y, model.expected_if_alive(10.0, STORIES), rtol=1e-7)
    np.testing.assert_allclose(model.expected_purchases_new([0.0, 10.0])[0], 0.0, atol=1e-12)


@pytest.fixture(scope="module")
def regular() -> tuple[History, pd.DataFrame, Floats]:
    """A company whose customers buy with a rhythm."""
    return company(3, 6000, 11)


def test_rhythm_is_learned_and_forecast(regular: tuple[History, pd.DataFrame, Floats]) -> None:
    """k = 3 is found and chosen; it knows who has left, and what comes, better than Pareto/NBD."""
    history, frame, later = regular
    assert learn_stages(frame) == 3
    candidates = fit_candidates(history, 3)
    chosen = choose(candidates)
    assert isinstance(chosen, ParetoCNBD) and chosen.is_converged_
    for name, true in PARAMETERS.items():
        assert chosen.params_[name] == pytest.approx(true, rel=0.25), name
    plain = candidates[0]
    left = frame["is_alive"].to_numpy(float)
    assert np.mean((chosen.alive(history) - left) ** 2) < 0.95 * np.mean((plain.alive(history) - left) ** 2)
    counts = count_distribution(chosen, 26.0, history)
    assert counts.probability[:, 0].mean() == pytest.approx(np.mean(later == 0), abs=0.015)
    assert chosen.expected_purchases(26.0, *history).sum() == pytest.approx(later.sum(), rel=0.05)
    read = read_purchase_model(chosen.to_dict())
    np.testing.assert_array_equal(read.alive(history), chosen.alive(history))
    assert read.meaning == chosen.meaning


def test_rows_alone_and_in_any_order(regular: tuple[History, pd.DataFrame, Floats]) -> None:
    """A customer's forecast depends on no other customer; nor do the estimates on the order of rows."""
    history = History(*(column[:500] for column in regular[0]))
    order = np.random.default_rng(1).permutation(500)
    shuffled = History(*(column[order] for column in history))
    model, again = (ParetoCNBD(stages=3).fit(*rows) for rows in (history, shuffled))
    assert model.params_ == again.params_
    whole = count_distribution(model, 26.0, history)
    part = count_distribution(model, 26.0, History(*(column[order[:50]] for column in history)))
    np.testing.assert_array_equal(whole.probability[order[:50]], part.probability)
    np.testing.assert_array_equal(
        model.expected_purchases(26.0, *history)[order], model.expected_purchases(26.0, *shuffled)
    )


def test_chance_is_no_rhythm() -> None:
    """Where gaps are exponential, k = 1, and the candidates are those without a rhythm."""
    history, frame, _ = company(1, 4000, 12)
    assert learn_stages(frame) == CHANCE
    assert "pareto_cnbd" not in {model.name for model in fit_candidates(history, CHANCE)}


def test_few_gaps_show_no_rhythm() -> None:
    """Nobody with two gaps, or a handful of even ones, is a rhythm."""
    frame = pd.DataFrame({"purchase_days": [1.0, 2, 3], "active_span_days": [0.0, 10, 20]})
    frame["gap_log_mean"] = [np.nan, np.log(10), np.log(10)]
    assert learn_stages(frame) == CHANCE
    assert learn_stages(frame.iloc[:2]) == CHANCE


def test_regular_gaps_with_silences_of_any_length_are_no_rhythm() -> None:
    """Even gaps in histories that a rhythm does not make likelier: Pareto/NBD is used."""
    history, _, _ = company(1, 4000, 13)
    candidates = fit_candidates(history, 3)
    chosen = choose(candidates)
    assert "pareto_cnbd" in {model.name for model in candidates}
    assert chosen is not None and chosen.name == ParetoNBD.name
