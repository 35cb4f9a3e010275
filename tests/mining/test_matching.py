"""Matched effects: recovered where the past explains who was contacted; where it does not, the placebo says so."""

import numpy as np
import pandas as pd
import pytest

from mining.matching.job import matched_effects
from mining.matching.nearest import Pairs, effect, pair, whitened

RANDOM = np.random.default_rng


def rows(seed: int, *, gain: float = 0.0, hidden: float = 0.0, contacted: int = 200, others: int = 600) -> pd.DataFrame:
    """Customers of a campaign and of the window before it; who has bought more days is contacted more often.

    `gain` is what the campaign adds, `hidden` by how much more the contacted buy in any window, whatever their past.
    """
    random = RANDOM(seed)
    size = contacted + others
    rate = random.gamma(2.0, 1.0, size)
    past = random.poisson(rate * 3) + 1
    is_contacted = np.zeros(size, bool)
    is_contacted[random.choice(size, contacted, replace=False, p=past / past.sum())] = True
    frames = []
    for period in ("campaign", "before"):
        extra = hidden * is_contacted + gain * is_contacted * (period == "campaign")
        bought = random.poisson(rate + extra)
        frame = pd.DataFrame(
            {
                "campaign_id": "letter",
                "period": period,
                "customer_id": [f"c{number:05d}" for number in range(size)],
                "arm": np.where(is_contacted, "contacted", "not_contacted"),
                "recency_days": 60 // past,
                "tenure_days": 400.0,
                "purchase_days": past * 3.0,
                "purchase_days_28d": random.binomial(past, 0.3),
                "purchase_days_84d": past,
                "purchase_days_365d": past * 3.0,
                "net_sales": past * 30.0,
                "net_sales_84d": past * 10.0,
                "campaigns_received_84d": 0,
                "outcome_purchases": bought,
                "outcome_net_sales": bought * 10.0,
            }
        )
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def of(frame: pd.DataFrame, measure: str = "purchases") -> dict[str, float]:
    return matched_effects(frame).set_index("measure").loc[measure].to_dict()


def test_the_effect_is_the_mean_difference_to_the_nearest_neighbours() -> None:
    """Two contacted customers between others; where the regression is flat, nothing is corrected."""
    pairs = Pairs(
        contacted=np.array([0, 1]),
        others=np.arange(2, 6),
        neighbours=np.array([[0, 1], [2, 3]]),
        next_to=np.array([[1], [0], [3], [2]]),
        inputs=np.zeros((6, 1)),
    )
    found = effect(pairs, np.array([5.0, 3.0, 1.0, 1.0, 2.0, 2.0]))
    assert found.value == pytest.approx((5 - 1 + 3 - 2) / 2)


def test_whitened_inputs_are_uncorrelated_and_what_does_not_vary_is_left_out() -> None:
    inputs = RANDOM(1).normal(size=(500, 2))
    made = whitened(np.column_stack([inputs[:, 0], inputs.sum(axis=1), np.ones(500)]))
    assert made.T @ made / 500 == pytest.approx(np.eye(2))


def test_a_neighbour_is_never_the_customer_itself() -> None:
    inputs = np.repeat(RANDOM(2).normal(size=(40, 2)), 8, axis=0)
    pairs = pair(inputs, np.arange(len(inputs)) % 4 == 0)
    assert (pairs.next_to != np.arange(len(pairs.others))[:, None]).all()
    assert pairs.next_to.shape == (len(pairs.others), 5)


def test_an_effect_is_recovered_where_frequent_buyers_are_contacted_and_the_raw_difference_is_not_it() -> None:
    found = [of(rows(seed, gain=0.6)) for seed in range(16)]
    frame = rows(0, gain=0.6).query("period == 'campaign'").groupby("arm")["outcome_purchases"].mean()
    assert frame["contacted"] - frame["not_contacted"] > 0.9
    assert np.mean([each["effect"] for each in found]) == pytest.approx(0.6, abs=0.15)


def test_without_an_effect_the_intervals_and_the_placebo_hold_zero_about_as_often_as_they_promise() -> None:
    found = [of(rows(100 + seed)) for seed in range(40)]
    for name in ("effect", "placebo_effect"):
        held = [each[f"{name}_low"] <= 0 <= each[f"{name}_high"] for each in found]
        assert np.mean(held) >= 0.85


def test_the_placebo_tells_that_the_contacted_always_bought_more() -> None:
    found = [of(rows(seed, hidden=1.0)) for seed in range(5)]
    assert all(each["placebo_effect_low"] > 0 for each in found)


def test_too_few_customers_have_a_reason_and_no_effect() -> None:
    found = of(rows(1, contacted=40))
    assert np.isnan(found["effect"])
    assert found["unavailable_reason"] == (
        "40 customers it contacted and 600 others had bought before: 100 of each are needed"
    )


def test_without_a_window_before_there_is_an_effect_and_no_placebo() -> None:
    found = of(rows(1, gain=0.6).query("period == 'campaign'"), "net_sales")
    assert found["effect"] > 0
    assert np.isnan(found["placebo_effect"])


def test_any_order_of_rows_gives_the_same_and_randomised_campaigns_are_not_matched() -> None:
    frame = rows(3, gain=0.5)
    shuffled = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(matched_effects(shuffled), matched_effects(frame))
    assert matched_effects(frame.assign(arm="treated")).empty
