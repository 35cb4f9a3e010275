"""Training, judging and scoring lifetime value on features of simulated shops."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mining.clv import training
from mining.clv.gamma_gamma import GammaGamma
from mining.clv.holdout import BUT_ONE, origins
from mining.clv.job import JOB
from mining.clv.models import FittedModels, read_scorer, write_scorer
from mining.clv.scoring import MONEY, score, unscored
from mining.clv.training import train
from mining.purchases import NBD, BetaGeoNBD, CommonDeathNBD, ModifiedBetaGeoNBD, ParetoNBD
from mining.purchases.history import History
from mining.purchases.models.base import PurchaseModel
from mining.store import FeatureSet, feature_set

AS_OF = dt.date(2024, 12, 31)
START = dt.date(2024, 1, 1)
DATES = [AS_OF, *(AS_OF - dt.timedelta(days=days) for days in (28, 56, 84, 112, 121, 140, 168, 196, 224, 252))]
ASK = {"horizon_days": 365, "annual_discount_rate": 0.1}
SCORE = {**ASK, "churn_horizon_days": 28}


def shop(
    customers: int, *, repeat: bool = True, leaves: bool = True, spend: float = 20.0, seed: int = 3
) -> pd.DataFrame:
    """One row per purchase day: customers with own rates who leave one after another, or never."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        day, rate = int(random.integers(0, 90)), random.gamma(1.0, 1 / 20) + 1e-6
        death = day + random.exponential(1 / random.gamma(1.2, 1 / 150))
        level = spend * random.gamma(4.0, 1 / 4)
        while day < min(death if leaves else 366, 366):
            rows.append(
                (f"c{number:05d}", START + dt.timedelta(days=int(day)), round(level * random.gamma(3.0, 1 / 3), 2))
            )
            if not repeat:
                break
            day += max(1, round(random.exponential(1 / rate)))
    return pd.DataFrame(rows, columns=["customer_id", "day", "spend"])


def features(days: pd.DataFrame) -> FeatureSet:
    """The columns that lifetime value reads, on every feature date."""
    parts = []
    for date in DATES:
        known = days[days["day"] <= date]
        gaps = pd.to_datetime(known["day"]).groupby(known["customer_id"]).diff().dt.days
        grouped = known.groupby("customer_id")
        frame = grouped.agg(
            first_purchase_date=("day", "min"),
            last_purchase_date=("day", "max"),
            purchase_days=("day", "size"),
            net_sales=("spend", "sum"),
        ).reset_index()
        paid = known[known["spend"] > 0].groupby("customer_id")["spend"]
        frame["spend_days"] = frame["customer_id"].map(paid.size()).fillna(0).astype(int)
        frame["spend_amount"] = frame["customer_id"].map(paid.sum()).fillna(0.0)
        span = [(last - first).days for first, last in zip(frame.iloc[:, 1], frame.iloc[:, 2], strict=True)]
        frame["active_span_days"] = np.array(span, dtype=np.int64)
        log_mean = np.log(gaps).groupby(known["customer_id"]).mean()
        frame["gap_log_mean"] = frame["customer_id"].map(log_mean).astype(float)
        frame["tenure_days"] = np.array([(date - first).days for first in frame["first_purchase_date"]], dtype=np.int64)
        frame["recency_days"] = np.array([(date - last).days for last in frame["last_purchase_date"]], dtype=np.int64)
        own_gaps = gaps.groupby(known["customer_id"])
        frame["gap_mean_days"] = frame["customer_id"].map(own_gaps.mean()).astype(float)
        frame["gap_stddev_days"] = frame["customer_id"].map(own_gaps.std()).astype(float)
        recent = known[known["day"] > date - dt.timedelta(days=84)].groupby("customer_id").size()
        frame["purchase_days_84d"] = frame["customer_id"].map(recent).fillna(0).astype(int)
        frame["net_sales_365d"] = frame["net_sales"]
        frame["as_of_date"] = date
        frame["is_left_truncated"] = [first < START + dt.timedelta(days=28) for first in frame["first_purchase_date"]]
        parts.append(frame)
    everything = pd.concat(parts, ignore_index=True)
    everything["acquisition_channel"] = None
    everything = everything.assign(**dict.fromkeys(JOB.reads - set(everything), np.nan))
    kinds = {name: pa.date32() for name in ("as_of_date", "first_purchase_date", "last_purchase_date")}
    columns = {
        name: pa.array(everything[name].tolist(), kinds.get(name) or _kind(everything[name])) for name in everything
    }
    return feature_set(pa.table(columns), AS_OF)


def _kind(column: pd.Series) -> pa.DataType:
    return {"i": pa.int64(), "f": pa.float64(), "b": pa.bool_()}.get(column.dtype.kind, pa.string())


@pytest.fixture(scope="module")
def trained() -> tuple[FeatureSet, dict[str, Any]]:
    found = features(shop(1500))
    return found, train(found, **ASK)


def test_a_model_that_beats_the_naive_rate_is_published(trained: tuple[FeatureSet, dict[str, Any]]) -> None:
    found, model = trained
    assert [(AS_OF - day).days for day in origins(found, 365)] == [252, 121]
    assert model["is_published"], model["decision"]
    assert "out of time" in model["decision"]
    rows = {(item["stratum"], item["metric"]): item for item in model["model_metrics"]}
    decisive = rows["all", "rmse_all_holdouts"]
    assert decisive["value"] < decisive["baseline_value"]
    assert decisive["ci_low"] > 0
    for stratum in ("left_truncated", "not_left_truncated", "one_time_buyers", "repeat_buyers"):
        assert rows[stratum, "rmse"]["rows"] > 0
    assert rows["all", "customers"]["value"] == len(found.at(origins(found, 365)[-1]))
    names = ("pareto_nbd", "nbd_common_death", "nbd", "mbg_nbd", "bg_nbd")
    assert {f"{name}_rmse" for name in names} <= set(model["metrics"])
    assert model["holdout_start"] == "2024-09-02"
    assert json.loads(json.dumps(model)) == model


def test_scores_are_complete_and_consistent(trained: tuple[FeatureSet, dict[str, Any]]) -> None:
    found, model = trained
    frame = found.at(AS_OF)
    scores = score(frame, json.loads(json.dumps(model)), **SCORE)
    assert scores["customer_id"].tolist() == frame["customer_id"].tolist()
    assert scores["unavailable_reason"].isna().all()
    assert isinstance(scores["clv_future"].iloc[0], Decimal)
    money = scores[list(MONEY)].astype(float)
    assert (money["clv_future_p10"] <= money["clv_future_p50"]).all()
    assert (money["clv_future_p50"] <= money["clv_future_p90"]).all()
    assert (money["value_if_leaves"] <= money["clv_future"]).all()
    assert (money["clv_future"] <= money["value_if_stays"]).all()
    assert scores["p_alive"].between(0, 1).all()
    undiscounted = scores["expected_purchases"] * scores["expected_spend"]
    assert (money["clv_future"] <= undiscounted + 0.01).all()
    assert (money["clv_future"] >= undiscounted / 1.1 - 0.01).all()
    known = scores["expected_next_order_date"].dropna()
    assert known.map(lambda date: AS_OF < date <= AS_OF + dt.timedelta(days=365)).all()


def test_a_customer_scores_the_same_in_any_subset_and_order(trained: tuple[FeatureSet, dict[str, Any]]) -> None:
    found, model = trained
    frame = found.at(AS_OF)
    everyone = score(frame, model, **SCORE).set_index("customer_id")
    some = frame.sample(60, random_state=1)
    scores = score(some, model, **SCORE).set_index("customer_id")
    pd.testing.assert_frame_equal(scores, everyone.loc[scores.index])


def test_training_does_not_depend_on_row_order(trained: tuple[FeatureSet, dict[str, Any]]) -> None:
    found, model = trained
    order = np.random.default_rng(1).permutation(found.table.num_rows)
    assert train(feature_set(found.table.take(order), AS_OF), **ASK) == model


def test_scores_of_no_model_and_of_nobody(trained: tuple[FeatureSet, dict[str, Any]]) -> None:
    found, model = trained
    frame = found.at(AS_OF)
    scores = unscored(frame, "No model.", **SCORE)
    assert (scores["unavailable_reason"] == "No model.").all()
    assert scores[["p_alive", "clv_future", "expected_next_order_date"]].isna().all(axis=None)
    nobody = score(frame.iloc[:0], model, **SCORE)
    assert list(nobody.columns) == list(score(frame, model, **SCORE).columns)


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (shop(200).iloc[:0], "no earlier feature date"),
        (
            shop(1),
            "0 customers had bought on a second day|1 customers had bought on a second day|no earlier feature date",
        ),
        (shop(300, repeat=False), "0 customers had bought on a second day by 2024-09-01, 50 are needed"),
        (
            shop(300).query("day < @pd.Timestamp('2024-08-01').date()"),
            "0 of the customers known on 2024-09-01 bought again",
        ),
        (shop(300).assign(spend=0.0), "0 customers had bought for more than nothing"),
    ],
    ids=["nobody", "one customer", "all bought once", "nobody came back", "zero spend"],
)
def test_too_little_to_learn_from_is_a_reason_not_a_crash(days: pd.DataFrame, reason: str) -> None:
    model = train(features(days), **ASK)
    assert not model["is_published"]
    assert model["model"] is None
    assert pd.Series([model["decision"]]).str.contains(reason).all(), model["decision"]
    frame = features(days).at(AS_OF)
    assert unscored(frame, model["decision"], **SCORE)["clv_future"].isna().all()


def test_a_customer_who_buys_every_day_does_not_cost_the_others_their_model() -> None:
    daily = pd.DataFrame([("daily", START + dt.timedelta(days=day), 9.0) for day in range(366)])
    few = shop(900).iloc[::4]
    model = train(features(pd.concat([few, daily.set_axis(few.columns, axis="columns")], ignore_index=True)), **ASK)
    rows = {item["metric"]: item for item in model["model_metrics"] if item["stratum"] == "all"}
    assert rows["rmse_all_holdouts"]["ci_low"] <= 0 < rows[BUT_ONE]["ci_low"]
    assert model["is_published"], model["decision"]
    assert "of all customers but one, who alone decides otherwise" in model["decision"]


def test_a_later_purchase_moves_nothing(trained: tuple[FeatureSet, dict[str, Any]]) -> None:
    days = shop(1500)
    late = pd.DataFrame([("c00001", AS_OF + dt.timedelta(days=1), 9999.0)], columns=days.columns)
    assert train(features(pd.concat([days, late])), **ASK) == trained[1]


def estimated(kind: type[PurchaseModel], log_likelihood: float, *, converged: bool = True) -> PurchaseModel:
    model = kind("week")
    model.params_ = dict(zip(kind.parameter_names, (0.8, 6.0, 40.0, 60.0), strict=False))
    model.log_likelihood_, model.is_converged_, model.gradient_, model.n_customers_ = log_likelihood, converged, 0.0, 9
    return model


def fitted_models(*candidates: PurchaseModel) -> FittedModels:
    spend = GammaGamma()
    spend.params_ = {"p": 2.0, "q": 4.0, "gamma": 40.0}
    spend.log_likelihood_, spend.is_converged_, spend.n_customers_ = -1.0, True, 9
    return FittedModels(list(candidates), spend, 1.0)


def test_pareto_nbd_is_preferred_then_the_stand_in_that_the_data_support() -> None:
    others = [estimated(ModifiedBetaGeoNBD, -30.0), estimated(CommonDeathNBD, -20.0), estimated(NBD, -50.0)]
    assert fitted_models(estimated(ParetoNBD, -20.0), *others).scorer.purchases.name == "pareto_nbd"
    at_its_edge = estimated(ParetoNBD, -10.0, converged=False)
    assert fitted_models(at_its_edge, *others).scorer.purchases.name == "nbd_common_death"
    assert fitted_models(at_its_edge, others[0], others[2]).scorer.purchases.name == "mbg_nbd"
    assert fitted_models(at_its_edge, others[2], estimated(BetaGeoNBD, -1.0)).scorer.purchases.name == "nbd"
    assert fitted_models(at_its_edge).chosen is None


@pytest.fixture
def averaged() -> PurchaseModel:
    """NBD is 1 below MBG/NBD in log-likelihood and has 2 parameters less: e times as much weight."""
    chosen = fitted_models(estimated(ModifiedBetaGeoNBD, -12.0), estimated(NBD, -13.0)).chosen
    assert chosen is not None
    return chosen


def test_stand_ins_that_the_data_do_not_tell_apart_are_averaged(averaged: PurchaseModel) -> None:
    assert averaged.name == "averaged"
    assert averaged.meaning == "the data do not tell them apart: MBG/NBD 27%, NBD without leaving 73%"
    history = History(*(np.array(column, dtype=float) for column in ([0, 3], [0, 8], [40, 60])))
    mixture, alone = estimated(ModifiedBetaGeoNBD, -12.0).alive(history), np.ones(2)
    share = 1 / (1 + np.e)
    np.testing.assert_allclose(averaged.alive(history), share * mixture + (1 - share) * alone, atol=1e-5)
    assert (averaged.alive(history) < 1).all()
    counts = averaged.count_pmf_if_alive(4.0, history, np.arange(200.0))
    np.testing.assert_allclose(counts.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(counts[:, 0], averaged.no_purchase_if_alive(4.0, history), atol=1e-9)
    assert averaged.log_likelihood([0], [0], [40]) == pytest.approx(
        np.log(share * np.exp(estimated(ModifiedBetaGeoNBD, 0).log_likelihood([0], [0], [40]))
        + (1 - share) * np.exp(estimated(NBD, 0).log_likelihood([0], [0], [40]))), abs=1e-4
    )  # fmt: skip


def test_an_average_scores_and_is_read_as_it_is_written(
    averaged: PurchaseModel, trained: tuple[FeatureSet, dict[str, Any]]
) -> None:
    found, _ = trained
    models = fitted_models(estimated(ModifiedBetaGeoNBD, -12.0), estimated(NBD, -13.0))
    written = json.loads(json.dumps(write_scorer(models.scorer)))
    assert read_scorer(written).purchases.to_dict() == averaged.to_dict()
    scores = score(found.at(AS_OF), {"model": written}, **SCORE)
    money = scores[list(MONEY)].astype(float)
    assert (money["value_if_leaves"] <= money["clv_future"]).all()
    assert (money["clv_future"] <= money["value_if_stays"]).all()
    assert scores["p_alive"].between(0, 1, inclusive="neither").all()


def test_an_average_that_was_judged_scores_where_it_can_be_made() -> None:
    stand_ins = [estimated(ModifiedBetaGeoNBD, -12.0), estimated(NBD, -13.0)]
    final = fitted_models(estimated(ParetoNBD, -10.0), *stand_ins)._replace(judged="averaged")
    assert final.scorer.purchases.name == "averaged"
    only = fitted_models(estimated(ParetoNBD, -10.0))._replace(judged="averaged")
    assert only.scorer.purchases.name == "pareto_nbd"


@pytest.mark.parametrize("kind", [ParetoNBD, ModifiedBetaGeoNBD, CommonDeathNBD, NBD])
def test_every_purchase_model_scores(kind: type[PurchaseModel], trained: tuple[FeatureSet, dict[str, Any]]) -> None:
    found, _ = trained
    model = {"model": json.loads(json.dumps(write_scorer(fitted_models(estimated(kind, -1.0)).scorer)))}
    scores = score(found.at(AS_OF), model, **SCORE)
    money = scores[list(MONEY)].astype(float)
    assert (money["value_if_leaves"] <= money["clv_future"]).all()
    assert (money["clv_future"] <= money["value_if_stays"]).all()
    assert (money["clv_future_p10"] <= money["clv_future_p90"]).all()
    assert (scores["p_alive"] == 1).all() == (kind is NBD)


def test_where_nobody_leaves_the_models_that_say_so_are_averaged_and_the_decision_tells() -> None:
    model = train(features(shop(800, leaves=False, seed=2)), **ASK)
    assert model["is_published"], model["decision"]
    assert "mean of several purchase models (the data do not tell them apart: " in model["decision"]
    assert "NBD without leaving 48%" in model["decision"]
    assert "99.4 % of customers count as active" in model["decision"]
    assert "That hardly anybody is seen to leave is no loyalty" in model["decision"]


def test_customers_of_one_rhythm_have_no_purchase_model() -> None:
    every_month = [START + dt.timedelta(days=30 * month) for month in range(12)]
    rows = [(f"c{n:03d}", day, 10.0 + n % 7) for n in range(100) for day in every_month]
    model = train(features(pd.DataFrame(rows, columns=["customer_id", "day", "spend"])), **ASK)
    assert "customers' own rates differ no more than by chance" in model["decision"]
    assert not model["is_published"]


def error(stratum: str, metric: str, low: float, high: float) -> dict[str, Any]:
    numbers = {"value": 2.0, "baseline_value": 1.5, "ci_low": low, "ci_high": high}
    return {"stratum": stratum, "metric": metric, **numbers}


def test_the_decision_tells_where_the_model_is_worse() -> None:
    rows = [
        error("all", "rmse", -0.4, -0.1),
        error("left_truncated", "rmse", -0.4, -0.1),
        error("one_time_buyers", "rmse", -0.4, -0.1),
        error("repeat_buyers", "rmse", -0.1, 0.2),
    ]
    error_of = "(2.000 against 1.500)"
    assert training._reservations(rows) == [
        f"Worse for customers who may be older than the data {error_of} and one-time buyers {error_of}."
    ]


@pytest.mark.parametrize(
    ("purchases", "spend", "published", "says"),
    [
        ((0.1, 0.3), (0.1, 9.0), True, "spend 2.00 against 1.50, a certain gain"),
        ((0.1, 0.3), (-9.0, 3.0), True, "spend 2.00 against 1.50, no certain gain"),
        ((0.1, 0.3), (-9.0, -1.0), False, "Not published: spend is predicted worse than at each customer's own rate"),
        ((-0.1, 0.3), (0.1, 9.0), False, "Not published: no certain gain over each customer's own rate"),
        ((-9.0, 0.3, 0.1, 0.2), (0.1, 9.0), True, "of all customers but one, who alone decides otherwise"),
        ((-9.0, 0.3, -0.1, 0.2), (0.1, 9.0), False, "Not published: no certain gain over each customer's own rate"),
    ],
)
def test_published_with_a_certain_gain_in_purchases_and_no_certain_loss_in_spend(
    purchases: tuple[float, ...], spend: tuple[float, float], published: bool, says: str
) -> None:
    names = ("rmse_all_holdouts", BUT_ONE)[: len(purchases) // 2]
    overall = {
        **{name: error("all", name, *purchases[2 * at : 2 * at + 2]) for at, name in enumerate(names)},
        "rmse": error("all", "rmse", -0.25, 0.5),
        "value_rmse": error("all", "value_rmse", *spend),
    }
    is_published, decision = training._decide(overall, [dt.date(2024, 5, 1), dt.date(2024, 9, 1), AS_OF])
    assert is_published == published
    assert says in decision
    assert "in the last, 121 days to 2024-12-31" in decision
    assert "(gain -0.250 to 0.500)" in decision
    assert decision.count(". ") == 0


def test_the_judged_purchase_model_scores_where_it_can_be_fitted() -> None:
    pareto, nbd = estimated(ParetoNBD, -10.0), estimated(NBD, -13.0)
    final = fitted_models(pareto, nbd)._replace(judged="nbd")
    assert final.scorer.purchases.name == "nbd"
    no_longer = fitted_models(pareto, estimated(NBD, -13.0, converged=False))._replace(judged="nbd")
    assert no_longer.scorer.purchases.name == "pareto_nbd"
    assert training._models([fitted_models(nbd)], final).startswith("Model: NBD without leaving")
    assert "not the NBD without leaving of the last holdout" in training._models([fitted_models(nbd)], no_longer)
    assert training._models([fitted_models(pareto), fitted_models(nbd)], final).endswith(
        "; in the first holdout Pareto/NBD"
    )
