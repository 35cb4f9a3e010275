"""When contracts end: renewal dates, ends that nobody chose, horizons that never contradict each other, thin data."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mining.store import SUBSCRIPTION_TERMS, feature_set
from mining.subscriptions.job import JOB
from mining.subscriptions.periods import INVOLUNTARY, VOLUNTARY, over
from mining.subscriptions.scoring import score, unscored
from mining.subscriptions.terms import Terms
from mining.subscriptions.training import train

AS_OF = dt.date(2024, 12, 31)
HORIZONS = [28, 90, 365]
SCHEMA = pa.schema(
    {
        "as_of_date": pa.date32(),
        "subscription_id": pa.string(),
        "customer_id": pa.string(),
        "plan": pa.string(),
        "price": pa.float64(),
        "start_date": pa.date32(),
        "end_date": pa.date32(),
        "period_months": pa.int32(),
        "period_days": pa.int32(),
        "is_period_known": pa.bool_(),
        "is_involuntary": pa.bool_(),
        "is_returning": pa.bool_(),
    }
)


def subscriptions(rows: list[dict]) -> pa.Table:
    """Rows of features.subscription_terms: by default monthly, running, of one plan."""
    usual = {"as_of_date": AS_OF, "plan": "basic", "price": 9.9, "end_date": None, "period_months": 1,
             "period_days": None, "is_period_known": True, "is_returning": False}  # fmt: skip
    full = [
        {**usual, "subscription_id": f"s{n:05d}", "customer_id": f"c{n:05d}", **row,
         "is_involuntary": row.get("is_involuntary", False) if row.get("end_date") else None}
        for n, row in enumerate(rows)
    ]  # fmt: skip
    return pa.Table.from_pylist(full, SCHEMA)


def features(rows: list[dict]):
    return feature_set(subscriptions(rows), AS_OF, key=SUBSCRIPTION_TERMS.key)


def plus_months(day: dt.date, months: int) -> dt.date:
    return (pd.Timestamp(day) + pd.DateOffset(months=months)).date()


def simulated(number: int, seed: int, *, at_renewals: bool = True) -> list[dict]:
    """Contracts of three years: monthly ones of which a plan leaves more, and yearly ones; a quarter fail to pay."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(number):
        start = AS_OF - dt.timedelta(days=int(random.integers(1, 1095)))
        is_yearly, is_plus = random.random() < 0.2, random.random() < 0.4
        months = 12 if is_yearly else 1
        theta = random.beta(1.2, 4.0) if is_yearly else random.beta(1.5, 16.0) * (2.2 if is_plus else 1.0)
        lasts = int(random.geometric(min(theta, 0.99)))
        end = plus_months(start, months * lasts)
        if not at_renewals:
            end = start + dt.timedelta(days=1 + int(random.exponential(200)))
        rows.append({
            "start_date": start, "period_months": months, "plan": "plus" if is_plus else "basic",
            "price": 19.9 if is_plus else 9.9, "end_date": end if end <= AS_OF else None,
            "is_involuntary": bool(random.random() < 0.25),
        })  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def shop():
    return features(simulated(4000, 1))


@pytest.fixture(scope="module")
def trained(shop):
    return train(shop, horizons=HORIZONS)


@pytest.fixture(scope="module")
def scored(shop, trained):
    return score(shop.at(AS_OF), AS_OF, trained, HORIZONS)


def terms(rows: list[dict]) -> Terms:
    return Terms.of(features(rows).at(AS_OF), AS_OF)


def test_renewals_keep_the_day_of_the_month_or_take_its_last_one():
    one = terms([{"start_date": dt.date(2024, 1, 31)}, {"start_date": dt.date(2024, 1, 31), "period_months": 12},
                 {"start_date": dt.date(2024, 1, 31), "period_months": None, "period_days": 28}])  # fmt: skip
    assert one.renewal(np.array([1, 1, 1])).astype(str).tolist() == ["2024-02-29", "2025-01-31", "2024-02-28"]
    assert one.renewals_by(np.datetime64("2024-03-31")).tolist() == [2, 0, 2]
    assert one.renewals_by(np.datetime64("2024-03-30")).tolist() == [1, 0, 2]


def test_a_period_counts_where_it_is_over_and_an_end_on_a_renewal_belongs_to_the_one_before():
    ana = {"start_date": dt.date(2024, 9, 15)}  # three renewals so far
    ben = {"start_date": dt.date(2024, 9, 15), "end_date": dt.date(2024, 11, 15)}
    cleo = {"start_date": dt.date(2024, 9, 15), "end_date": dt.date(2024, 10, 20), "is_involuntary": True}
    dan = {"start_date": dt.date(2024, 12, 10), "end_date": dt.date(2024, 12, 20)}  # its first period is not over
    periods = over(terms([ana, ben, cleo, dan]))
    assert periods.subscription.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert periods.number.tolist() == [1, 2, 3, 1, 2, 1, 2]
    assert periods.outcome.tolist() == [0, 0, 0, 0, VOLUNTARY, 0, INVOLUNTARY]


def test_what_was_known_on_an_earlier_day_has_neither_later_ends_nor_later_begins():
    later = terms([{"start_date": dt.date(2024, 1, 1), "end_date": dt.date(2024, 6, 1), "is_involuntary": True},
                   {"start_date": dt.date(2024, 6, 1)}])  # fmt: skip
    before = later.known_on(np.datetime64("2024-05-31"))
    assert before.number == 1 and not before.has_ended.any() and not before.is_involuntary.any()


def test_a_model_that_knows_the_terms_beats_one_rate_and_each_horizon_is_judged(trained):
    assert trained["is_published"] and trained["parameters"]["candidates"]["chosen"] == "hazard"
    assert trained["decision"].startswith("Published: a logistic hazard on age")
    assert "Contracts end on renewal dates alone." in trained["decision"]
    assert [line["judged_days"] for line in trained["horizons"]] == HORIZONS
    for days in HORIZONS:
        assert trained["metrics"][f"log_loss_{days}d"] < trained["baseline_metrics"][f"log_loss_{days}d"]
        assert trained["metrics"][f"predicted_rate_{days}d"] == pytest.approx(
            trained["metrics"][f"observed_rate_{days}d"], rel=0.15
        )


def test_nobody_ends_between_renewals(scored):
    assert (scored.loc[scored["renewals"] == 0, "end_probability"] == 0).all()
    assert (scored.loc[scored["renewals"] > 0, "end_probability"] > 0).all()
    yearly = scored[(scored["horizon_days"] == 28)]["end_probability"]
    assert (yearly == 0).sum() > 100


def test_a_longer_horizon_is_never_less_likely_to_see_the_end(scored):
    wide = scored.pivot_table("end_probability", "subscription_id", "horizon_days")
    assert len(wide) > 500 and (np.diff(wide.to_numpy(), axis=1) >= 0).all()
    assert wide[365].between(0, 1).all() and wide[365].mean() > wide[28].mean() + 0.1


def test_chosen_and_unchosen_ends_add_up_and_have_their_shares(scored):
    parts = scored["voluntary_probability"] + scored["involuntary_probability"]
    np.testing.assert_allclose(parts, scored["end_probability"], atol=1.5e-6)
    year = scored[scored["horizon_days"] == 365]
    assert year["involuntary_probability"].sum() / year["end_probability"].sum() == pytest.approx(0.25, abs=0.05)


def test_rows_in_another_order_and_other_contracts_move_nothing(shop, trained, scored):
    shuffled = shop.table.take(np.random.default_rng(1).permutation(shop.table.num_rows))
    again = feature_set(shuffled, AS_OF, key=SUBSCRIPTION_TERMS.key)
    assert train(again, horizons=HORIZONS) == trained
    some = shop.at(AS_OF).iloc[100:160]
    alone = score(some, AS_OF, trained, HORIZONS).set_index(["subscription_id", "horizon_days"])
    everybody = scored.set_index(["subscription_id", "horizon_days"])
    pd.testing.assert_frame_equal(alone, everybody.loc[alone.index])


def test_where_contracts_end_at_any_time_the_days_count():
    rows = simulated(1500, 5, at_renewals=False)
    trained = train(features(rows), horizons=HORIZONS)
    assert "Contracts end between renewals too" in trained["decision"]
    scored = score(features(rows).at(AS_OF), AS_OF, trained, HORIZONS)
    soon = scored[scored["horizon_days"] == 28]
    assert (soon["end_probability"] > 0).all()
    assert soon["end_probability"].mean() == pytest.approx(1 - np.exp(-28 / 200), rel=0.12)


def test_where_nothing_tells_contracts_apart_one_rate_is_published():
    random = np.random.default_rng(8)
    rows = []
    for _ in range(900):
        start = AS_OF - dt.timedelta(days=int(random.integers(1, 700)))
        end = plus_months(start, int(random.geometric(0.08)))
        rows.append({"start_date": start, "end_date": end if end <= AS_OF else None})
    trained = train(features(rows), horizons=HORIZONS)
    assert trained["decision"].startswith("Published: one rate for all contracts of a period")
    scored = score(features(rows).at(AS_OF), AS_OF, trained, HORIZONS)
    by_renewals = scored.groupby("renewals")["end_probability"].agg(["min", "max"])
    for renewals, (low, high) in by_renewals.iterrows():
        assert low == high == pytest.approx(1 - 0.92**renewals, abs=0.05)


START, END = dt.date(2024, 1, 10), dt.date(2024, 5, 10)
RUNNING, ENDED = {"start_date": START}, {"start_date": START, "end_date": END}
BACKWARDS = {"start_date": START, "end_date": dt.date(2023, 5, 10)}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([RUNNING], "of 1 subscription 0 have ended, 0 in a period that is over: 20 are needed."),
        ([ENDED], "of 1 subscription 1 has ended, 1 in a period that is over: 20 are needed."),
        ([RUNNING] * 500, "of 500 subscriptions 0 have ended"),
        ([{"start_date": dt.date(2024, 12, 20)}] * 50, "of 50 subscriptions none has come to a renewal by 2024-12-31"),
        ([BACKWARDS] * 3, "none has come to a renewal by 2024-12-31"),
    ],
)
def test_too_little_is_a_sentence(rows, said):
    result = train(features(rows), horizons=HORIZONS)
    assert not result["is_published"] and result["model"] is None
    assert result["decision"].startswith("Not published: ") and said in result["decision"]
    nulls = unscored(features(rows).at(AS_OF), AS_OF, result["decision"], HORIZONS)
    assert nulls["end_probability"].isna().all()
    assert len(nulls) == len(HORIZONS) * sum(row.get("end_date") is None for row in rows)


def test_everybody_ended_leaves_nobody_to_forecast():
    result = train(features([ENDED, {"start_date": START, "end_date": dt.date(2024, 8, 10)}] * 30), horizons=HORIZONS)
    assert result["is_published"] and "None runs any more, so there is nobody to forecast." in result["decision"]
    assert "Not tested, which needs 20 that ended and that did not: 28 days (" in result["decision"]
    assert score(features([ENDED] * 60).at(AS_OF), AS_OF, result, HORIZONS).empty


def test_ends_before_the_start_and_unknown_periods_are_said_and_harm_nothing():
    usual = simulated(400, 4)
    odd = [{**BACKWARDS, "is_period_known": False}, {**RUNNING, "is_period_known": False}]
    result = train(features(usual + odd), horizons=HORIZONS)
    assert "1 subscriptions end before they begin and are left out." in result["decision"]
    assert "Of 1 the billing period is not in the seed" in result["decision"]
    assert result["model"]["hazard"] and result["parameters"]["ends_before_the_start"] == 1


def test_a_company_without_subscriptions_has_no_run(settings):
    assert JOB.is_optional
    empty = features([]).at(AS_OF)
    assert unscored(empty, AS_OF, "-", HORIZONS).empty
