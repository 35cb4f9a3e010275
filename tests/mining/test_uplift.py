"""Uplift: rank-weighted effects, learners, the test for order, and the list that it may make."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from benchmarks.uplift import customers, gains, outcomes, published
from mining.store import CAMPAIGN_CUSTOMERS, FeatureSet, feature_set
from mining.uplift.learners import arms, doubly_robust, effect_scores, two_models
from mining.uplift.rates import autoc_weights, qini_weights, rate
from mining.uplift.scoring import score
from mining.uplift.training import train
from mining.uplift.validation import Trial, chance_to_find, folds, holm, is_large_enough, trial
from tests.support.builds.mined import AS_OF

RANDOM = np.random.default_rng


def test_autoc_is_the_mean_over_depths_of_the_gain_above_all() -> None:
    effects = np.array([5.0, 1.0, 0.0, -2.0])
    gain = [effects[: depth + 1].mean() - effects.mean() for depth in range(4)]
    found = rate(-np.arange(4.0), effects, autoc_weights)
    assert found.value == pytest.approx(np.mean(gain))
    assert rate(-np.arange(4.0), effects, qini_weights).value == pytest.approx(
        np.mean([share * each for share, each in zip((0.25, 0.5, 0.75, 1), gain, strict=True)])
    )


@pytest.mark.parametrize("weights", [autoc_weights, qini_weights])
def test_the_error_of_half_samples_is_that_of_the_estimate(weights) -> None:
    found = [rate(random.random(400), random.exponential(1, 400), weights) for random in map(RANDOM, range(300))]
    values, errors = np.array(found).T
    assert values.mean() == pytest.approx(0, abs=3 * values.std() / np.sqrt(300))
    assert errors.mean() == pytest.approx(values.std(), rel=0.15)


def test_learners_find_a_linear_effect() -> None:
    random = RANDOM(1)
    inputs = random.normal(size=(20_000, 3))
    is_treated = random.random(20_000) < 0.3
    outcome = inputs[:, 1] + is_treated * (1 + 2 * inputs[:, 0]) + random.normal(size=20_000)
    for learner in (doubly_robust, two_models):
        found = learner(inputs, outcome, is_treated, 0.3)
        assert found.coefficients == pytest.approx([2, 0, 0], abs=0.06)
        assert found.intercept == pytest.approx(1, abs=0.06)


def test_effect_scores_have_the_effect_as_their_mean_with_wrong_models_too() -> None:
    random = RANDOM(2)
    inputs = random.normal(size=(50_000, 1))
    is_treated = random.random(50_000) < 0.2
    outcome = np.exp(inputs[:, 0]) + 0.5 * is_treated
    wrong = arms(inputs[:100], outcome[:100] * 3, is_treated[:100])
    assert effect_scores(inputs, outcome, is_treated, 0.2, wrong).mean() == pytest.approx(0.5, abs=0.1)


def test_holm_multiplies_the_smallest_by_the_number_of_tests() -> None:
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03}) == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})


def test_each_fold_has_a_fifth_of_each_arm() -> None:
    is_treated = RANDOM(3).random(1000) < 0.25
    of = folds(Trial(np.zeros((1000, 1)), np.zeros(1000), is_treated))
    for arm in (is_treated, ~is_treated):
        counts = np.bincount(of[arm], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_a_campaign_of_a_thousand_in_each_arm_is_too_small_and_one_of_ten_thousand_is_not() -> None:
    def of(size: int) -> Trial:
        bought = np.where(np.arange(size) % 5 < 1, 1.0, 0.0)
        return Trial(np.zeros((2 * size, 1)), np.repeat(bought, 2), np.arange(2 * size) % 2 == 0)

    assert not is_large_enough(of(1_000))
    assert is_large_enough(of(10_000))
    assert chance_to_find(Trial(np.zeros((4, 1)), np.zeros(4), np.array([True, True, False, False]))) == 0


def features(*campaigns: tuple[str, pd.DataFrame]) -> FeatureSet:
    """The features of a day on which these campaigns are over, everybody of the first one is a customer still."""
    rows = pd.concat([frame.assign(campaign_id=name) for name, frame in campaigns], ignore_index=True)
    rows = rows.assign(as_of_date=AS_OF, period="campaign", outcome_net_sales=10.0, outcome_margin=4.0)
    made = feature_set(
        pa.Table.from_pandas(rows.assign(start_date=AS_OF), preserve_index=False), AS_OF, key=CAMPAIGN_CUSTOMERS.key
    )
    people = pa.Table.from_pandas(campaigns[0][1].assign(as_of_date=AS_OF), preserve_index=False)
    return FeatureSet(AS_OF, made.table, made.content_hash, population=people)


@pytest.fixture(scope="module")
def company() -> tuple[FeatureSet, np.ndarray]:
    """One campaign that works best on some, one that changes nobody, and one that is small; the true uplift."""
    people = customers(20_000, 1)
    works, silent = outcomes(people, 1, lift=0.45), outcomes(people, 2, lift=0.0)
    small = outcomes(customers(600, 3), 3, lift=0.45)
    return features(("works", works), ("silent", silent), ("small", small)), people["uplift"].to_numpy()


def test_a_list_is_made_of_the_campaign_whose_order_is_certain_and_no_other(company) -> None:
    found, uplift = company
    model = train(found, {})
    assert model["is_published"]
    assert list(model["model"]) == ["works"]
    assert model["decision"].startswith("Orders customers by uplift better than chance for 1 of 2")
    metrics = {(row["stratum"], row["metric"]): row for row in model["model_metrics"]}
    assert ("small", "qini_doubly_robust") not in metrics
    assert metrics["small", "power"]["value"] < 0.8
    assert metrics["silent", "qini_doubly_robust"]["ci_low"] < 0 < metrics["works", "autoc_doubly_robust"]["ci_low"]
    scored = score(found.population_at(AS_OF), model)
    assert sorted(scored["uplift_rank"]) == list(range(1, 20_001))
    by_rank = scored.sort_values("uplift_rank")
    assert by_rank["expected_uplift"].is_monotonic_decreasing
    assert set(by_rank["uplift_class"][:2000]) == {"persuadable"}
    assert set(by_rank.loc[by_rank["expected_uplift"] < 0, "uplift_class"]) <= {"sleeping_dog"}
    assert scored["margin_share"].unique() == pytest.approx([0.4])
    order = scored.set_index("customer_id")["expected_uplift"].loc[found.population_at(AS_OF)["customer_id"]]
    assert min(gains(order.to_numpy(), uplift)) > 0.5


def test_the_model_is_the_same_in_any_order_of_rows(company) -> None:
    found, _ = company
    shuffled = found.table.take(RANDOM(4).permutation(found.table.num_rows))
    other = feature_set(shuffled, AS_OF, key=CAMPAIGN_CUSTOMERS.key)
    assert train(FeatureSet(AS_OF, other.table, other.content_hash), {}) == train(found, {})


def test_a_trial_is_in_an_order_that_neither_arm_nor_outcome_decides(company) -> None:
    rows = company[0].at(AS_OF).query("campaign_id == 'small'")
    first, second = trial(rows), trial(rows.sample(frac=1, random_state=5))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_without_campaigns_and_with_small_ones_there_is_a_reason() -> None:
    none = features(("small", outcomes(customers(600, 3), 3, lift=0.45)))
    assert train(none, {})["decision"] == (
        "Not published: none of 1 randomised campaigns has customers enough to tell whom it changed."
    )
    empty = FeatureSet(AS_OF, none.table.slice(0, 0), "")
    assert train(empty, {})["decision"] == (
        "Not published: no campaign of the last two years had a control group and is over."
    )


def test_of_campaigns_that_change_nobody_or_everybody_alike_few_make_a_list() -> None:
    """A short version of `python -m benchmarks uplift`: at most 5 % of runs; 40 runs of 2 campaigns each."""
    assert sum(published(seed, campaigns=2, size=3_000) for seed in range(40)) <= 5
