"""The churn model on a made-up shop: what it learns from, what it refuses, what moves it and what does not."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.special import expit

from mining.churn.candidates import MEANINGS, choose, choosing, fit_candidates
from mining.churn.families import FAMILIES
from mining.churn.features import FAMILY_OF, INPUTS, design, split_inputs
from mining.churn.model import ChurnModel, with_purchase_odds
from mining.churn.reasons import ACTIONS, reasons
from mining.churn.scoring import score, unscored
from mining.churn.training import at_risk, cut_offs, labelled, train
from mining.purchases import ParetoNBD
from mining.purchases.clock import PLAIN, PurchaseClock
from mining.purchases.rhythm import DORMANT, LOST, absence, own_gap, typical_rhythm
from mining.purchases.timing import PurchaseTiming
from mining.store import feature_set
from tests.mining.churn.conftest import AS_OF, ASK

HORIZON = ASK["horizon_days"]


@pytest.fixture(scope="module")
def scored(features, trained):
    return score(frame := features.at(AS_OF), trained, horizon_days=HORIZON, typical=typical_rhythm(frame))


def test_cut_offs_lie_a_horizon_apart_and_stop_at_the_first_gap(features):
    dates = cut_offs(features, HORIZON)
    assert list(dates) == list(range(1, 10))
    assert dates[1] == dt.date(2024, 12, 3)
    assert set(cut_offs(features, 56)) == {1, 2, 3, 4}
    assert cut_offs(features, 91) == {}


def test_labels_are_purchases_in_the_days_after_and_not_later(features, purchases):
    date = dt.date(2024, 11, 5)
    frame, churned = labelled(features, date, HORIZON)
    ago = (purchases["date"] - pd.Timestamp(date)).dt.days
    bought = set(purchases.loc[(ago >= 1) & (ago <= HORIZON), "customer_id"])
    assert churned.tolist() == [float(customer not in bought) for customer in frame["customer_id"]]
    assert frame["recency_days"].max() < 182 and 0.1 < churned.mean() < 0.9


def test_windows_do_not_overlap_and_end_on_the_as_of_day(trained):
    assert trained["train_window_end"] == "2024-12-03" and trained["holdout_start"] == "2024-12-04"
    assert trained["holdout_end"] == "2024-12-31"
    chosen = trained["parameters"]["cut_offs"]
    assert max(chosen["train"]) == max(chosen["choose"]) == "2024-11-05"
    assert chosen["test"] == "2024-12-03"
    assert len(chosen["train"]) == 8


def test_the_candidate_that_the_earlier_cut_offs_favour_is_judged_beside_the_others(trained):
    candidates = trained["parameters"]["candidates"]
    means = candidates["log_loss_on_choosing_cut_offs"]
    assert set(means) == {"purchases", "average", "stacked"}
    assert round(means[candidates["chosen"]], 4) == round(min(means.values()), 4)
    assert {f"{name}_log_loss" for name in means} <= set(trained["metrics"])
    assert trained["metrics"][f"{candidates['chosen']}_log_loss"] == trained["metrics"]["log_loss"]


def test_it_beats_recency_where_frequency_matters_and_says_so_in_one_sentence(trained):
    assert trained["is_published"] and trained["is_converged"]
    assert trained["decision"].startswith("Beats recency alone out of time: log loss .")
    chosen = MEANINGS[trained["parameters"]["candidates"]["chosen"]]
    assert f"28 days to 2024-12-31. Model: {chosen} (" in trained["decision"]
    assert trained["metrics"]["log_loss"] < trained["baseline_metrics"]["log_loss"]
    assert trained["metrics"]["calibration_slope"] == pytest.approx(1, abs=0.35)


def test_columns_that_no_source_provides_are_left_out_with_the_reason(trained):
    dropped = trained["parameters"]["dropped_inputs"]
    assert dropped["log_categories"] == "no source provides categories"
    assert not set(dropped) & set(trained["model"]["inputs"])


def test_a_constant_input_is_left_out(features):
    frame = features.at(AS_OF).assign(discount_share=0.1)
    assert split_inputs(frame, 20.0)[1]["discount_share"] == "the same for every customer"


def test_probabilities_reasons_and_bands(scored, features):
    asked = at_risk(features.at(AS_OF), HORIZON)
    assert scored["churn_probability"].notna().eq(asked).all()
    assert scored["churn_probability"].dropna().between(0, 1, inclusive="neither").all()
    assert scored.loc[~asked, "unavailable_reason"].str.startswith("No purchase in the last 182 days").all()
    assert scored.loc[asked, "unavailable_reason"].isna().all()
    assert scored["risk_band"].notna().eq(asked).all()
    assert scored.loc[asked, "reason_1"].notna().any()
    assert not (scored["reason_1"].isna() & scored["reason_2"].notna()).any()


def test_bands_rank_by_probability_and_call_nobody_safe_who_is_away(scored, features):
    frame = features.at(AS_OF)
    away = absence(frame, typical_rhythm(frame))
    risk = scored[away < DORMANT].groupby("risk_band")["churn_probability"].agg(["min", "max"])
    assert risk.loc["high", "min"] > risk.loc["medium", "max"] > risk.loc["low", "max"]
    assert set(scored.loc[away == DORMANT, "risk_band"].dropna()) == {"medium", "high"}
    assert set(scored.loc[away == LOST, "risk_band"].dropna()) == {"high"}


def test_reasons_are_true_and_raise_the_risk(scored, features):
    frame = features.at(AS_OF).set_index("customer_id")
    table = scored.set_index("customer_id")
    late = table.index[
        (table[["reason_1", "reason_2", "reason_3"]] == FAMILY_OF["log_recency"].sentences[0][1]).any(axis=1)
    ]
    assert len(late) and (frame.loc[late, "recency_days"] > frame.loc[late, "gap_mean_days"]).all()
    named = table.loc[table["reason_1"].notna(), "churn_probability"].mean()
    assert named > table.loc[table["reason_1"].isna(), "churn_probability"].mean()


def test_a_model_without_drivers_names_none(features):
    flat = ChurnModel(("log_recency",), 20.0, (3.0,), (3.0,), (1.0,), (0.0,), 0.0, True, HORIZON)
    frame = features.at(AS_OF)
    assert reasons(flat, frame).isna().all().all()
    assert (flat.predict(frame) == 0.5).all()


def test_the_stored_model_is_the_formula(features, trained):
    frame = features.at(AS_OF).head(50)
    stored = json.loads(json.dumps(trained["model"]))
    odds = PurchaseTiming.from_dict(stored["timing"]).log_odds_of_no_purchase(frame, HORIZON)
    columns = design(frame.assign(purchase_log_odds=odds), tuple(stored["inputs"]), stored["typical_gap"])
    matrix = np.column_stack(list(columns.values()))
    matrix = np.where(np.isnan(matrix), stored["medians"], matrix)
    raw = ((matrix - stored["means"]) / stored["scales"]) @ stored["coefficients"] + stored["intercept"]
    expected = expit(raw)
    assert ChurnModel.from_json(stored).predict(frame) == pytest.approx(expected, abs=1e-6)


@pytest.fixture(scope="module")
def timing():
    model = ParetoNBD()
    model.params_ = {"r": 0.8, "alpha": 3.0, "s": 0.6, "beta": 20.0}
    model.log_likelihood_, model.is_converged_, model.gradient_, model.n_customers_ = -1.0, True, 0.0, 2000
    return PurchaseTiming(model, PurchaseClock.from_factors([1.0] * 11 + [1.8]))


def test_the_purchase_model_alone_is_its_own_probability_and_the_average_lies_between(features, timing):
    date = dt.date(2024, 11, 5)
    rows = labelled(features, date, HORIZON)
    models = fit_candidates(rows, timing, ("log_recency", "log_purchase_days"), 20.0, HORIZON).models
    alone, average, stacked = (models[name].log_odds(rows[0]) for name in ("purchases", "average", "stacked"))
    np.testing.assert_allclose(alone, timing.log_odds_of_no_purchase(rows[0], HORIZON), atol=1e-8)
    np.testing.assert_allclose(average, (alone + stacked) / 2, atol=1e-6)


@pytest.mark.parametrize("name", ["purchases", "average", "stacked"])
def test_what_the_inputs_add_sums_to_the_log_odds(features, timing, name):
    rows = labelled(features, dt.date(2024, 11, 5), HORIZON)
    model = fit_candidates(rows, timing, ("log_recency", "log_tenure"), 20.0, HORIZON).models[name]
    added = model.contributions(model.standardise(rows[0])).values()
    np.testing.assert_allclose(model.intercept + np.sum(list(added), axis=0), model.log_odds(rows[0]), atol=1e-12)
    assert ChurnModel.from_json(json.loads(json.dumps(model.to_json()))).predict(rows[0]).tolist() == (
        model.predict(rows[0]).tolist()
    )


def test_a_busy_month_ahead_makes_no_purchase_less_likely(features, timing):
    frame = features.at(dt.date(2024, 12, 3))
    plain = PurchaseTiming(timing.model, PLAIN)
    busy, usual = (with_purchase_odds(frame, one, HORIZON)["purchase_log_odds"] for one in (timing, plain))
    assert (busy < usual).mean() > 0.8


def test_of_candidates_that_are_as_good_the_simpler_one_is_chosen():
    days = [dt.date(2024, 1, 1), dt.date(2024, 2, 1)]
    sizes = dict(zip(days, (100, 300), strict=True))
    losses = [
        {"purchases": 0.50, "average": 0.40, "stacked": 0.39},
        {"purchases": 0.40, "average": 0.433333, "stacked": 0.44},
    ]
    assert choose(dict(zip(days, losses, strict=True)), sizes)[0] == "purchases"
    assert choose({days[0]: losses[0]}, sizes) == ("stacked", losses[0])
    without = {day: {"stacked": 0.6} for day in days}
    assert choose(without, sizes) == ("stacked", {"stacked": 0.6})


@pytest.mark.parametrize(
    ("known", "chosen_on"), [(26, [2, 5, 8, 11]), (16, [2, 4, 6, 8]), (9, [2, 3]), (8, [2]), (3, [2])]
)
def test_a_cut_off_with_little_to_learn_from_does_not_choose(known, chosen_on):
    assert choosing(known) == chosen_on


def test_where_no_purchase_model_can_be_fitted_the_inputs_alone_are_used(features):
    rows = labelled(features, dt.date(2024, 11, 5), HORIZON)
    candidates = fit_candidates(rows, None, ("log_recency", "log_tenure"), 20.0, HORIZON)
    assert list(candidates.models) == ["stacked"]
    assert candidates.models["stacked"].inputs == ("log_recency", "log_tenure")


def test_a_score_does_not_depend_on_who_else_is_scored(features, trained, scored):
    asked = features.at(AS_OF)
    typical = typical_rhythm(asked)
    for part in (asked.sample(40, random_state=1), asked.iloc[[17]]):
        alone = score(part, trained, horizon_days=HORIZON, typical=typical)
        pd.testing.assert_frame_equal(alone, scored.loc[part.index])


def test_row_order_moves_neither_model_nor_metrics(shop, trained):
    shuffled = shop.take(np.random.default_rng(2).permutation(shop.num_rows))
    again = train(feature_set(shuffled, AS_OF), **ASK)
    assert json.dumps(again, sort_keys=True) == json.dumps(trained, sort_keys=True)


def test_a_purchase_on_the_day_after_and_a_column_that_knows_the_future_move_nothing(
    build_features, purchases, feature_dates, shop, trained
):
    planted = pd.DataFrame({"customer_id": ["C0001", "NEW"], "date": pd.Timestamp("2025-01-01"), "amount": 9.0})
    later = build_features(pd.concat([purchases, planted]), dates=feature_dates)
    assert later.equals(shop)
    rows = later.select(["customer_id", "as_of_date"]).to_pandas()
    bought = purchases.assign(days=purchases["date"].dt.date).groupby("customer_id")["days"].max()
    knows = later.append_column("has_bought_again", pa.array(rows["customer_id"].map(bought) > rows["as_of_date"]))
    assert train(feature_set(knows, AS_OF), **ASK) == trained


def test_labels_that_were_shuffled_are_refused(features, monkeypatch):
    random = np.random.default_rng(3)

    def shuffled(*asked) -> tuple[pd.DataFrame, np.ndarray]:
        frame, outcome = labelled(*asked)
        return frame, random.permutation(outcome)

    monkeypatch.setattr("mining.churn.training.labelled", shuffled)
    few = features.table.filter(pa.compute.less(features.table["customer_id"], "C0700"))
    result = train(feature_set(few, AS_OF), horizon_days=HORIZON)
    assert not result["is_published"]
    assert result["decision"].startswith("Not published: no certain gain over recency alone out of time")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_churn_that_only_recency_explains_is_not_published(features, feature_dates, seed):
    """Outcomes drawn from recency as the baseline sees it, everything else noise: there is nothing to gain."""
    random = np.random.default_rng(seed)
    one = features.at(AS_OF).head(800)
    purchase_days, parts = np.full(len(one), 1000), []
    for date in sorted(date for date in feature_dates if (AS_OF - date).days % HORIZON == 0):
        recency = np.floor(random.lognormal(2.5, 1.0, len(one))).clip(0, 181)
        noise = {name: random.poisson(3, len(one)) for name in one if name.startswith("purchase_days_")}
        ago = pd.Timestamp(date) - pd.to_timedelta(recency, unit="D")
        since = {"first_purchase_date": pd.Timestamp(date) - pd.Timedelta(days=400), "last_purchase_date": ago}
        fixed = {"as_of_date": date, "purchase_days": purchase_days, "recency_days": recency, "tenure_days": 400.0}
        span = 400.0 - recency
        by_chance = np.log(span / (purchase_days - 1)) - np.euler_gamma
        fixed |= {**since, "active_span_days": span, "gap_log_mean": by_chance}
        parts.append(one.assign(**fixed, **noise))
        purchase_days = purchase_days + (random.random(len(one)) > expit(np.log1p(recency) - 2.5))
    frame = pd.concat(parts, ignore_index=True)
    table = pa.table(
        {n: pa.array(frame[n], from_pandas=True).cast(features.table.schema.field(n).type, safe=False) for n in frame}
    )
    result = train(feature_set(table, AS_OF), horizon_days=HORIZON)
    assert not result["is_published"]
    assert result["decision"].startswith("Not published: no certain gain over recency alone out of time: log loss")


@pytest.mark.parametrize("dates", [1, 2, 3])
def test_too_few_cut_offs_are_refused_not_crashed(features, dates):
    kept = [AS_OF - dt.timedelta(days=HORIZON * k) for k in range(dates)]
    table = features.table.filter(pa.compute.is_in(features.table["as_of_date"], pa.array(kept, pa.date32())))
    result = train(feature_set(table, AS_OF), horizon_days=HORIZON)
    assert not result["is_published"] and result["model"] is None
    assert "3 are needed: too little history" in result["decision"]


def test_one_outcome_only_is_refused(build_features, feature_dates):
    rows = [(f"C{n}", day, 5.0) for n in range(40) for day in pd.date_range("2024-01-01", "2024-12-31", freq="7D")]
    table = build_features(pd.DataFrame(rows, columns=["customer_id", "date", "amount"]), dates=feature_dates)
    result = train(feature_set(table, AS_OF), horizon_days=HORIZON)
    assert result["decision"].startswith("Not published: of the customers at risk in the training period 0 ")


def test_nobody_at_all(features):
    empty = feature_set(features.table.slice(0, 0), AS_OF)
    result = train(empty, horizon_days=HORIZON)
    assert not result["is_published"]
    assert unscored(empty.at(AS_OF), "-", horizon_days=HORIZON).empty


def test_without_a_model_every_score_is_null_with_its_reason(features):
    nulls = unscored(features.at(AS_OF), "Not published: too early.", horizon_days=HORIZON)
    assert nulls["churn_probability"].isna().all() and nulls["risk_band"].isna().all()
    assert set(nulls["unavailable_reason"]) == {"Not published: too early."}


def test_own_gap_is_shrunk_towards_the_typical():
    frame = pd.DataFrame({"purchase_days": [1.0, 3.0], "gap_mean_days": [np.nan, 10.0]})
    assert own_gap(frame, 40.0).tolist() == [40.0, (2 * 10 + 2 * 40) / 4]


def test_who_a_customer_is_never_enters(features):
    private = {"customer_id", "is_left_truncated", "first_purchase_date", "last_purchase_date", "as_of_date"}
    frame = features.at(AS_OF)
    assert design(frame.drop(columns=sorted(private)), tuple(INPUTS), 20.0).keys() == INPUTS.keys()


def test_every_reason_says_what_can_be_done_about_it(scored):
    texts = [text for family in FAMILIES for _, text in family.sentences]
    assert len(texts) == len({*texts}) and all(ACTIONS[text] for text in texts)
    for place in (1, 2, 3):
        reason, action = scored[f"reason_{place}"], scored[f"action_{place}"]
        assert action.isna().equals(reason.isna())
        assert reason.dropna().map(ACTIONS).equals(action.dropna())
