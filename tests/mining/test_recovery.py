"""What follows a complaint: recovered where the past explains who complains, and nothing where nothing follows."""

import numpy as np
import pandas as pd
import pytest

from mining.recovery.job import recovery_effects


def rows(seed: int, *, loss: float = 0.0, complaints: int = 150, others: int = 400) -> pd.DataFrame:
    """Customers with a complaint, handled well or badly, and others; who buys more complains more often.

    `loss` is how many purchases fewer follow a complaint handled badly. In December everybody buys twice as much.
    """
    random = np.random.default_rng(seed)
    size = 2 * complaints + others
    rate = random.gamma(2.0, 1.0, size)
    past = random.poisson(rate * 3) + 1
    handled = np.full(size, "none", object)
    chosen = random.choice(size, 2 * complaints, replace=False, p=past / past.sum())
    handled[chosen[:complaints]], handled[chosen[complaints:]] = "well", "badly"
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 365, size), "D")
    season = np.where(start.month >= 10, 2.0, 1.0)
    bought = random.poisson(np.maximum(rate * season - loss * (handled == "badly"), 0))
    return pd.DataFrame(
        {
            "moment_id": [f"m{number:05d}" for number in range(size)],
            "handled": handled,
            "is_over": True,
            "recency_days": 60.0 // past,
            "tenure_days": 400.0,
            "purchase_days": past * 3.0,
            "purchase_days_28d": random.binomial(past, 0.3).astype(float),
            "purchase_days_84d": past.astype(float),
            "purchase_days_365d": past * 3.0,
            "net_sales": past * 30.0,
            "outcome_purchases": bought.astype(float),
            "outcome_net_sales": bought * 10.0,
            "outcome_margin": bought * 4.0,
            "start_date": start,
        }
    )


def of(frame: pd.DataFrame, way: str, measure: str = "margin") -> dict[str, float]:
    return recovery_effects(frame).set_index(["handled", "measure"]).loc[(way, measure)].to_dict()


def test_what_bad_handling_costs_is_recovered_and_good_handling_costs_nothing() -> None:
    found = [(of(frame, "badly"), of(frame, "well")) for frame in (rows(seed, loss=0.8) for seed in range(12))]
    # Fewer than 0.8 purchases of 4: who buys less than 0.8 cannot lose as much.
    assert np.mean([badly["effect"] for badly, _ in found]) == pytest.approx(-3.0, abs=0.6)
    assert sum(badly["effect_high"] < 0 for badly, _ in found) >= 10
    assert np.mean([well["effect"] for _, well in found]) == pytest.approx(0.0, abs=0.4)


def test_where_nothing_follows_the_intervals_hold_zero_about_as_often_as_they_promise() -> None:
    found = [of(rows(100 + seed), way) for seed in range(20) for way in ("well", "badly")]
    assert sum(each["effect_low"] <= 0 <= each["effect_high"] for each in found) >= 35


def test_the_order_of_rows_changes_nothing() -> None:
    frame = rows(3, loss=0.8)
    pd.testing.assert_frame_equal(recovery_effects(frame), recovery_effects(frame.sample(frac=1, random_state=1)))


def test_few_complaints_and_unknown_costs_are_no_effect_with_the_reason() -> None:
    few = of(rows(1, complaints=60), "well")
    assert np.isnan(few["effect"])
    assert few["unavailable_reason"] == "60 complaints handled well and 400 other customers: 100 of each are needed"
    frame = rows(1)
    frame.loc[0, "outcome_margin"] = np.nan
    frame.loc[0, "handled"] = "none"
    assert of(frame, "well")["unavailable_reason"] == "the cost of a part of the goods is unknown"
    assert not np.isnan(of(frame, "well", "purchases")["effect"])


def test_windows_that_are_not_over_and_customers_without_a_purchase_do_not_count() -> None:
    frame = rows(2)
    more = frame.assign(moment_id="later" + frame["moment_id"], is_over=False, outcome_margin=1e6)
    never = frame.assign(moment_id="never" + frame["moment_id"], recency_days=np.nan, outcome_margin=1e6)
    pd.testing.assert_frame_equal(recovery_effects(pd.concat([frame, more, never])), recovery_effects(frame))
