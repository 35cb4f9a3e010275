"""Behavioural segments: found where customers differ in when and at what price they buy, and not elsewhere.

`make bench` has more structureless companies, and a million customers.
"""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from benchmarks.behaviour import AS_OF, customers, structureless, two_kinds
from mining.behaviour.contenders import hdbscan, judge, k_means
from mining.behaviour.job import JOB, TOO_FEW
from mining.behaviour.mixture import Parameters
from mining.behaviour.naming import describe
from mining.behaviour.reading import read_customers
from mining.behaviour.training import LEAST_INDEX, train
from mining.store import PURCHASE_DAYS, FeatureSet, feature_set, with_previous
from pipeline.base.model_files import Model

CUSTOMERS = 2_000
Ints = NDArray[np.int64]


def as_of(features: FeatureSet, day: dt.date, table: pa.Table | None = None) -> FeatureSet:
    """The features of an earlier day, of these rows or of all."""
    rows = features.table if table is None else table
    known = rows.filter(pc.less_equal(rows["purchase_date"].cast(pa.date32()), pa.scalar(day)))
    days = pa.array([day] * known.num_rows, pa.date32())
    dated = known.set_column(known.column_names.index("as_of_date"), "as_of_date", days)
    return feature_set(dated, day, "purchase_days", PURCHASE_DAYS.key)


@pytest.fixture(scope="module")
def two() -> tuple[FeatureSet, Ints, Model]:
    """Bargain hunters and buyers of presents, who is which, and the model of them."""
    features, kind = customers(two_kinds(), CUSTOMERS, seed=1)
    return features, kind, train(features)


def test_two_kinds_of_customers_are_found_and_named_by_what_they_do(two: tuple[FeatureSet, Ints, Model]) -> None:
    features, kind, model = two
    assert model["is_published"], model["decision"]
    scored = JOB.score(features, model, {})["behaviour"]
    known = scored[scored["behaviour_id"].notna()]
    truth = kind[[int(name[1:]) for name in known["customer_id"]]]
    assert adjusted_rand_score(truth, known["behaviour_id"]) > 0.5
    bargain = known[truth == 0]["behaviour_id"].mode()[0]
    present = known[truth == 1]["behaviour_id"].mode()[0]
    assert bargain == "discount_buyers"
    assert present in {"season_buyers", "full_price_buyers"}


def test_the_description_has_what_distinguishes_a_group(two: tuple[FeatureSet, Ints, Model]) -> None:
    features, _, model = two
    groups = JOB.score(features, model, {})["behaviour_groups"].set_index("behaviour_id")
    bargain = groups.loc["discount_buyers"]
    assert "more than others" in bargain["description"]
    assert groups.drop("discount_buyers")["strongest_season"].tolist() == ["December"]
    assert groups["yearly_leaving"].between(0, 1).all()


def test_a_group_keeps_its_name_until_another_is_much_truer(two: tuple[FeatureSet, Ints, Model]) -> None:
    features, _, model = two
    mixture, known = Parameters.from_json(model["model"]["mixture"]), read_customers(features)
    assert known is not None
    named = [group["segment_id"] for group in model["model"]["groups"]]
    place = named.index("discount_buyers")
    closer = replace(mixture, price=np.array([1.10, 1.0])[[place, 1 - place]])
    ids: list[list[str | None]] = [[None, None], [None, None]]
    ids[1][place] = "discount_buyers"
    fresh, later = ([group["segment_id"] for group in describe(closer, known, "SGD", of)] for of in ids)
    assert fresh[place] != "discount_buyers", "another trait distinguishes it more"
    assert later[place] == "discount_buyers"
    gone = replace(mixture, price=np.array([0.5, 1.0])[[place, 1 - place]])
    assert describe(gone, known, "SGD", ids[1])[place]["segment_id"] != "discount_buyers"


def test_customers_with_few_purchases_get_no_group_but_the_reason(two: tuple[FeatureSet, Ints, Model]) -> None:
    features, _, model = two
    scored = JOB.score(features, model, {})["behaviour"].set_index("customer_id")
    counts = features.table.group_by("customer_id").aggregate([("purchase_date", "count")]).to_pandas()
    few = counts[counts["purchase_date_count"] < 3]["customer_id"]
    assert (scored.loc[few, "unavailable_reason"] == TOO_FEW).all()
    assert scored.loc[few, "behaviour_id"].isna().all()


def test_another_order_of_rows_and_more_threads_give_the_same_model_and_groups(
    two: tuple[FeatureSet, Ints, Model],
) -> None:
    features, _, model = two
    rows = features.table.take(np.random.default_rng(0).permutation(features.table.num_rows))
    shuffled = as_of(features, AS_OF, rows)
    with threadpool_limits(2):
        again = train(shuffled)
    assert again == model
    assert JOB.score(shuffled, again, {})["behaviour"].equals(JOB.score(features, model, {})["behaviour"])


def test_an_event_that_the_model_has_not_learned_is_a_day_like_any_other(two: tuple[FeatureSet, Ints, Model]) -> None:
    features, _, model = two
    added = {"as_of_date": [AS_OF], "event": ["A fair"], "starts_on": [AS_OF], "ends_on": [AS_OF]}
    more = replace(features, event_days=pa.table(added))
    assert JOB.score(more, model, {})["behaviour"].equals(JOB.score(features, model, {})["behaviour"])


@pytest.fixture(scope="module")
def months(two: tuple[FeatureSet, Ints, Model]) -> tuple[FeatureSet, Model, FeatureSet, Model]:
    """October and its model; November and the model that goes on from that one."""
    october, november = (as_of(two[0], AS_OF - dt.timedelta(days=days)) for days in (60, 30))
    first = train(october)
    assert first["is_published"]
    november = with_previous(november, {**first, "model_version": "october"})
    return october, first, november, train(november)


def test_customers_keep_their_group_when_a_model_is_trained_with_another_month(
    months: tuple[FeatureSet, Model, FeatureSet, Model],
) -> None:
    """On the same features, and each on its own day, of those who bought nothing in the month."""
    october, first, november, second = months
    now, as_before, then = groups(november, second), groups(november, first), groups(october, first)
    rows = november.table
    is_new = pc.greater(rows["purchase_date"].cast(pa.date32()), pa.scalar(october.as_of))
    unchanged = then.index.difference(rows["customer_id"].filter(is_new).to_pylist())
    assert kept(now, as_before) >= 0.95
    assert kept(now[unchanged], then[unchanged]) >= 0.95


def test_a_model_trained_again_on_the_same_features_keeps_the_groups(
    months: tuple[FeatureSet, Model, FeatureSet, Model],
) -> None:
    _, _, november, second = months
    again = train(with_previous(november, {**second, "model_version": "november"}))
    assert kept(groups(november, again), groups(november, second)) >= 0.95


def groups(features: FeatureSet, model: Model) -> pd.Series:
    """The group of each customer."""
    return JOB.score(features, model, {})["behaviour"].set_index("customer_id")["behaviour_id"]


def kept(now: pd.Series, before: pd.Series) -> float:
    """Share of those with a group who have the same one."""
    had = before.notna()
    return float((now[had] == before[had]).mean())


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_customers_who_differ_only_in_how_much_they_buy_get_no_groups(seed: int) -> None:
    model = train(customers(structureless(seed), 1_200, seed)[0])
    assert not model["is_published"]
    assert "RFM segments remain" in model["decision"]


def test_a_discount_that_small_orders_have_is_expected_of_small_orders() -> None:
    known = read_customers(customers(structureless(5), 4_000, 5)[0])
    assert known is not None
    bought, by_day = known.histories, known.calendar.discounted[known.histories.day]
    smallest = bought.amount < np.quantile(bought.amount, 0.2)
    assert (bought.is_discounted - by_day)[smallest].mean() > 0.03
    assert abs((bought.is_discounted - bought.expected_discount)[smallest].mean()) < 0.015


def test_usual_clusterings_are_reported_and_not_published(two: tuple[FeatureSet, Ints, Model]) -> None:
    _, _, model = two
    figures = {row["metric"] for row in model["model_metrics"]}
    for contender in ("mixture", "k_means", "gaussian_mixture", "hdbscan"):
        assert {f"{contender}_{figure}" for figure in ("groups", "null_percentile", "bootstrap_index")} <= figures
    assert "mixture" in model["model"]


def test_a_clustering_is_above_the_null_where_there_are_clusters_and_not_in_one_cloud() -> None:
    random = np.random.default_rng(0)
    cloud = random.normal(size=(300, 3))
    apart = cloud + 8 * random.integers(0, 2, 300)[:, None]
    for cluster in (k_means, hdbscan):
        found = judge(cluster, apart)
        assert (found.groups, found.null_percentile) == (2, 1.0)
        assert found.bootstrap_index > LEAST_INDEX
        one = judge(cluster, cloud)
        assert one.null_percentile <= 0.95
        assert not one.bootstrap_index >= LEAST_INDEX


def test_a_short_history_is_refused_with_its_length() -> None:
    features, _ = customers(structureless(4), CUSTOMERS, 4)
    rows = features.table
    recent = rows.filter(pc.greater(rows["purchase_date"].cast(pa.date32()), pa.scalar(AS_OF - dt.timedelta(days=100))))
    assert "cover 100 days" in train(as_of(features, AS_OF, recent))["decision"]


def test_nobody_bought_anything() -> None:
    features, _ = customers(structureless(4), CUSTOMERS, 4)
    model = train(as_of(features, AS_OF, features.table.slice(0, 0)))
    assert model["decision"] == "Not published: nobody has bought anything."
