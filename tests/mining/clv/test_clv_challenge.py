"""The challenger of lifetime value, what spend depends on, and the value at other rates and over other horizons."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from mining.clv.challenge import challenger, trees
from mining.clv.challenge.assumptions import check_spend
from mining.clv.challenge.challenger import OF_FEATURES, _against, factors
from mining.clv.gamma_gamma import GammaGamma
from mining.clv.holdout import Judged
from mining.clv.models import FittedModels, write_scorer
from mining.clv.scoring import MONEY, score
from mining.clv.sensitivity import sensitivity, unknown_sensitivity
from mining.clv.value import discounted_purchases_if_alive, weekly_discount_rate
from mining.purchases import ParetoNBD
from mining.purchases.clock import history_of

ASK = {"horizon_days": 365, "annual_discount_rate": 0.1, "horizons": (182, 365), "rates": (0.0, 0.1)}


@pytest.fixture(scope="module")
def judged() -> Judged:
    """A holdout of 1,500 customers whom the models know, and who bought as they expect."""
    random, size = np.random.default_rng(2), 1500
    x = random.integers(0, 9, size)
    last = np.where(x > 0, random.integers(1, 300, size), 0)
    day = np.datetime64("2024-12-31")
    frame = pd.DataFrame(dict.fromkeys(OF_FEATURES, np.nan), index=range(size)).assign(
        customer_id=[f"c{n:04}" for n in range(size)],
        as_of_date=day,
        first_purchase_date=day - np.timedelta64(365, "D"),
        last_purchase_date=day - (365 - last).astype("timedelta64[D]"),
        purchase_days=x + 1,
        spend_days=x + 1,
        spend_amount=(x + 1) * random.gamma(4.0, 5.0, size),
        recency_days=365 - last,
    )
    purchases = ParetoNBD.from_dict(
        {
            "model": "pareto_nbd", "time_unit": "week", "log_likelihood": 0.0, "is_converged": True, "gradient": 0.0,
            "customers": size, "parameters": {"r": 0.5533, "alpha": 10.578, "s": 0.6061, "beta": 11.6562},
        }
    )  # fmt: skip
    spend = GammaGamma().fit(frame["spend_days"], frame["spend_amount"] / frame["spend_days"])
    empty = Judged(frame, FittedModels([purchases], spend, 1.0), 52.0, np.zeros(size), np.zeros(size))
    bought = random.poisson(empty.expected)
    return empty._replace(purchases=bought.astype(float), value=bought * empty.expected_value / empty.expected)


def test_stored_trees_say_what_the_fitted_ones_say() -> None:
    random = np.random.default_rng(1)
    inputs = random.normal(size=(600, 3))
    inputs[::7, 1], inputs[:, 2] = np.nan, np.nan
    outcome = random.poisson(np.exp(inputs[:, 0])).astype(float)
    fitted = HistGradientBoostingRegressor(
        loss="poisson", max_iter=trees.ROUNDS, max_leaf_nodes=trees.LEAVES, min_samples_leaf=trees.LEAST_PER_LEAF,
        learning_rate=trees.LEARNING_RATE, early_stopping=False, random_state=0,
    ).fit(inputs[:, :2], outcome)  # fmt: skip
    found = trees.predict(trees.grow(inputs, outcome), inputs)
    assert found == pytest.approx(fitted.predict(inputs[:, :2]), rel=1e-6)


def test_where_the_model_is_right_the_challenger_does_not_win(judged: Judged) -> None:
    other = np.random.default_rng(5).poisson(judged.expected) * judged.expected_value / judged.expected
    _, (low, _) = _against(judged, judged._replace(value=other))
    assert low < 0


def test_where_recent_customers_buy_much_more_the_challenger_wins(judged: Judged) -> None:
    factor = np.where(judged.frame["recency_days"] < 180, 3.0, 0.3)
    moved = judged._replace(value=judged.value * factor)
    (challenged, model), (low, _) = _against(moved, moved)
    assert challenged < model
    assert low > 0
    correction = {**trees.grow(challenger._inputs(moved), moved.value), "days": 364}
    found = factors(correction, moved.frame, moved.expected, moved.expected_value)
    totals = [float((found * moved.expected_value)[chosen].sum()) for chosen in (factor > 1, factor < 1)]
    plain = [float(moved.expected_value[chosen].sum()) for chosen in (factor > 1, factor < 1)]
    assert totals[0] > 2 * plain[0]
    assert totals[1] < 0.6 * plain[1]


@pytest.mark.parametrize("change", [1.0, 1.5], ids=["as before", "half as much again"])
def test_spend_that_changes_with_time_is_seen(judged: Judged, change: float) -> None:
    expected = judged.expected_value / judged.expected
    after = judged.frame.assign(
        spend_days=judged.frame["spend_days"] + judged.purchases,
        spend_amount=judged.frame["spend_amount"] + change * expected * judged.purchases,
    )
    found = check_spend(judged, after)
    assert {row["metric"]: row["value"] for row in found.rows} == pytest.approx(
        {"spend_paid_over_expected": change, "spend_frequent_over_others": 1.0}
    )
    assert ("changes over time, which is not modelled" in found.sentence) == (change != 1.0)
    assert "holds over frequency" in found.sentence


def test_few_who_paid_say_nothing_of_spend(judged: Judged) -> None:
    assert check_spend(judged, judged.frame).rows == []


def test_a_value_at_another_rate_moves_with_the_discounted_purchases(judged: Judged) -> None:
    model = {"model": write_scorer(judged.fitted.scorer)}
    found = sensitivity(judged.frame, model, **ASK)
    pairs = found.groupby(["horizon_days", "annual_discount_rate"]).size()
    assert pairs.to_dict() == {(182, 0.0): 1500, (182, 0.1): 1500, (365, 0.0): 1500}
    history = history_of(judged.frame)
    half, whole = (
        discounted_purchases_if_alive(judged.fitted.scorer.purchases, days / 7, weekly_discount_rate(rate), history)
        for days, rate in ((182, 0.0), (365, 0.1))
    )
    chosen = found[(found["horizon_days"] == 182) & (found["annual_discount_rate"] == 0.0)]
    assert chosen["value_factor"].to_numpy() == pytest.approx(half / whole, abs=1e-8)


def test_without_a_model_the_same_rows_have_the_reason(judged: Judged) -> None:
    found = unknown_sensitivity(judged.frame, "No model.", **ASK)
    assert (len(found), set(found["unavailable_reason"])) == (4500, {"No model."})
    assert found["value_factor"].isna().all()


def test_a_challenger_that_has_won_scales_every_amount(judged: Judged) -> None:
    plain = {"model": write_scorer(judged.fitted.scorer)}
    moved = judged._replace(value=judged.value * 2)
    correction = {**trees.grow(challenger._inputs(moved), moved.value), "days": 364}
    corrected = {"model": {**plain["model"], "challenger": correction}}
    ask = {"horizon_days": 365, "churn_horizon_days": 28, "annual_discount_rate": 0.1, "currency": "EUR"}
    before, after = (score(judged.frame, model, **ask) for model in (plain, corrected))
    factor = factors(correction, judged.frame, judged.expected, judged.expected_value)
    assert np.median(factor) == pytest.approx(2.0, rel=0.2)
    for name in MONEY:
        assert after[name].astype(float).to_numpy() == pytest.approx(
            before[name].astype(float).to_numpy() * factor, abs=0.01 + 0.006 * factor.max()
        )
    unchanged = ["p_alive", "expected_purchases", "expected_spend", "expected_next_order_date"]
    pd.testing.assert_frame_equal(before[unchanged], after[unchanged])
