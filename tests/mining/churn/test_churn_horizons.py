"""Several horizons of churn: they never contradict each other, and say which of them were tested."""

import numpy as np
import pandas as pd
import pytest

from mining.churn.horizons.forecast import forecast
from mining.churn.horizons.judging import judge
from mining.churn.model import ChurnModel
from mining.churn.scoring import score, score_horizons, unscored, unscored_horizons
from mining.churn.training import cut_offs, labelled
from mining.purchases.rhythm import typical_rhythm
from tests.mining.churn.conftest import AS_OF, ASK

HORIZON, LONGER = ASK["horizon_days"], ASK["longer_horizons"]


def _first(frame, model):
    return score(frame, model, horizon_days=HORIZON, typical=typical_rhythm(frame))


@pytest.fixture(scope="module")
def scored(features, trained):
    frame = features.at(AS_OF)
    return score_horizons(frame, _first(frame, trained), trained, LONGER)


def test_a_longer_horizon_is_never_less_likely_to_see_a_purchase(scored):
    wide = scored.pivot_table("churn_probability", "customer_id", "horizon_days")
    assert wide.columns.tolist() == [HORIZON, *LONGER] and len(wide) > 500
    assert (np.diff(wide.to_numpy(), axis=1) <= 0).all()
    assert wide[28].mean() - wide[365].mean() > 0.05


def test_the_first_horizon_is_the_published_score(features, trained, scored):
    published = _first(features.at(AS_OF), trained)
    first = scored[scored["horizon_days"] == HORIZON].reset_index(drop=True)
    pd.testing.assert_series_equal(first["churn_probability"], published["churn_probability"])


def test_each_horizon_that_the_history_reaches_is_judged_beside_both_naive_forecasts(trained):
    said = {line["horizon_days"]: line for line in trained["horizons"]}
    assert {days: line["judged_days"] for days, line in said.items()} == {60: 56, 90: 84, 200: 196, 365: None}
    metrics, baseline = trained["metrics"], trained["baseline_metrics"]
    for days in (60, 90):
        assert said[days]["is_published"] and metrics[f"log_loss_{days}d"] < baseline[f"log_loss_{days}d"]
        assert metrics[f"log_loss_{days}d"] < metrics[f"base_rate_log_loss_{days}d"]
        assert metrics[f"calibration_slope_{days}d"] == pytest.approx(1, abs=0.35)
        assert said[days]["decision"] in trained["decision"]


def test_a_horizon_longer_than_the_history_says_that_it_was_not_tested(trained, scored):
    line = trained["horizons"][-1]
    assert line["decision"].startswith("365 days: not tested, since no cut-off lies 364 days back in a history of ")
    rows = scored[scored["horizon_days"] == 365]
    assert not rows["is_judged"].any() and rows["judged_days"].isna().all() and rows["churn_probability"].notna().any()
    assert scored[scored["horizon_days"] == 90]["is_judged"].all()


def test_a_horizon_that_loses_is_not_published_and_the_others_are(features, trained):
    frame = features.at(AS_OF)
    lost = [{**line, "is_published": line["horizon_days"] != 90} for line in trained["horizons"]]
    rows = score_horizons(frame, _first(frame, trained), {**trained, "horizons": lost}, LONGER)
    asked = rows[rows["horizon_days"] == HORIZON].set_index("customer_id")["churn_probability"].notna()
    withheld = rows[rows["horizon_days"] == 90].set_index("customer_id")
    assert withheld["churn_probability"].isna().all()
    assert withheld.loc[asked, "unavailable_reason"].str.startswith("Not published: 90 days: ").all()
    assert rows[rows["horizon_days"] == 200]["churn_probability"].notna().sum() == asked.sum()


def test_without_a_purchase_model_the_longer_horizons_say_so(features, trained):
    frame = features.at(AS_OF)
    scored = _first(frame, trained)
    rows = score_horizons(frame, scored, {**trained, "horizons": []}, LONGER)
    later = rows[rows["horizon_days"] > HORIZON]
    assert later["churn_probability"].isna().all() and later["unavailable_reason"].notna().all()
    assert later["unavailable_reason"].str.contains("no purchase model can be fitted").any()


def test_without_a_score_every_horizon_has_the_reason(features):
    rows = unscored_horizons(unscored(features.at(AS_OF), "Too early.", horizon_days=HORIZON), LONGER)
    assert sorted(set(rows["horizon_days"])) == [HORIZON, *LONGER]
    assert set(rows["unavailable_reason"]) == {"Too early."} and not rows["is_judged"].any()


def test_what_is_known_of_a_customer_moves_all_horizons_alike(features, trained):
    model = ChurnModel.from_json(trained["model"])
    frame = features.at(AS_OF).head(200)
    low, high = (forecast(model, frame, np.full(len(frame), p), LONGER) for p in (0.3, 0.6))
    assert (high > low).mean() > 0.99 and (high <= 0.6).all()


def test_a_score_does_not_depend_on_who_else_is_scored(features, trained, scored):
    part = features.at(AS_OF).iloc[10:60]
    first = score(part, trained, horizon_days=HORIZON, typical=typical_rhythm(features.at(AS_OF)))
    alone = score_horizons(part, first, trained, LONGER)
    both = alone.merge(scored, on=["customer_id", "horizon_days"], suffixes=("", "_all"))
    assert both["churn_probability"].equals(both["churn_probability_all"])


def test_a_horizon_with_one_outcome_only_is_not_judged(features, trained):
    """Everybody who was at risk half a year ago bought since: nothing tells a good forecast from a bad one."""
    dates = cut_offs(features, HORIZON)
    parts = {k: labelled(features, date, HORIZON) for k, date in dates.items()}
    parts[7] = (parts[7][0].assign(purchase_days=0.0), parts[7][1])
    ((said,), rows) = judge(features, dates, parts, lambda _: ChurnModel.from_json(trained["model"]), [200])
    assert said.judged_days is None and said.is_published and rows == []
    assert said.decision.startswith("200 days: not tested, since 0 customers bought nothing in the 196 days before, ")
