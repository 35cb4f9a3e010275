"""Behavioural segments: found where customers differ in when and at what price they buy, and not elsewhere."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from mining.behaviour.job import JOB, TOO_FEW
from mining.behaviour.training import train
from mining.store import PURCHASE_DAYS, FeatureSet, feature_set
from pipeline.base.model_files import Model

AS_OF = dt.date(2025, 12, 31)
DAYS = 1095
CUSTOMERS = 1_500
Ints = NDArray[np.int64]


def purchases(seed: int, *, has_classes: bool) -> tuple[pa.Table, Ints]:
    """Customers of two kinds, bargain hunters and buyers of presents, or of one; and who is which."""
    random = np.random.default_rng(seed)
    kind = random.integers(0, 2, CUSTOMERS) * has_classes
    calendar = np.arange(DAYS)
    is_sale, is_december = calendar % 73 < 9, calendar % 365 >= 335
    pull = np.stack([np.where(is_sale, 6.0, 1.0), np.where(is_december, 6.0, 1.0)]) if has_classes else None
    rate = random.gamma(2.0, 4.0, CUSTOMERS) / 365
    rows = []
    for customer in range(CUSTOMERS):
        factors = pull[kind[customer]] if pull is not None else np.where(is_sale | is_december, 2.0, 1.0)
        bought = np.flatnonzero(random.random(DAYS) < rate[customer] * factors / factors.mean())
        mean = 40 * np.exp(random.normal(0, 0.6))
        rows.append((np.full(len(bought), customer), bought, random.gamma(4.0, mean / 4, len(bought))))
    owners, bought_on, amounts = (np.concatenate(column) for column in zip(*rows, strict=True))
    first = np.datetime64(AS_OF) - DAYS + 1
    table = pa.table({
        "as_of_date": pa.array([AS_OF] * len(owners)),
        "customer_id": pa.array([f"c_{number:05d}" for number in owners]),
        "purchase_date": pa.array(first + bought_on),
        "net_sales": pa.array(amounts.round(2)),
        "is_discounted": pa.array(is_sale[bought_on]),
    })  # fmt: skip
    return table, kind


def features(table: pa.Table) -> FeatureSet:
    return feature_set(table, AS_OF, "purchase_days", PURCHASE_DAYS.key)


@pytest.fixture(scope="module")
def two_kinds() -> tuple[FeatureSet, Ints, Model]:
    table, kind = purchases(1, has_classes=True)
    read = features(table)
    return read, kind, train(read)


def test_two_kinds_of_customers_are_found_and_named_by_what_they_do(two_kinds: tuple[FeatureSet, Ints, Model]) -> None:
    read, kind, model = two_kinds
    assert model["is_published"], model["decision"]
    scored = JOB.score(read, model, {})["behaviour"]
    known = scored[scored["behaviour_id"].notna()]
    truth = kind[[int(name[2:]) for name in known["customer_id"]]]
    assert adjusted_rand_score(truth, known["behaviour_id"]) > 0.6
    bargain = known[truth == 0]["behaviour_id"].mode()[0]
    present = known[truth == 1]["behaviour_id"].mode()[0]
    assert bargain == "discount_buyers"
    assert present in {"season_buyers", "full_price_buyers"}


def test_customers_with_few_purchases_get_no_group_but_the_reason(two_kinds: tuple[FeatureSet, Ints, Model]) -> None:
    read, _, model = two_kinds
    scored = JOB.score(read, model, {})["behaviour"].set_index("customer_id")
    counts = read.table.group_by("customer_id").aggregate([("purchase_date", "count")]).to_pandas()
    few = counts[counts["purchase_date_count"] < 3]["customer_id"]
    assert (scored.loc[few, "unavailable_reason"] == TOO_FEW).all()
    assert scored.loc[few, "behaviour_id"].isna().all()


def test_another_order_of_rows_gives_the_same_groups(two_kinds: tuple[FeatureSet, Ints, Model]) -> None:
    read, _, model = two_kinds
    shuffled = read.table.take(np.random.default_rng(0).permutation(read.table.num_rows))
    again = JOB.score(features(shuffled), model, {})["behaviour"]
    assert again.equals(JOB.score(read, model, {})["behaviour"])


def test_an_event_that_the_model_has_not_learned_is_a_day_like_any_other(
    two_kinds: tuple[FeatureSet, Ints, Model],
) -> None:
    read, _, model = two_kinds
    added = {"as_of_date": [AS_OF], "event": ["A fair"], "starts_on": [AS_OF], "ends_on": [AS_OF]}
    more = replace(read, event_days=pa.table(added))
    assert JOB.score(more, model, {})["behaviour"].equals(JOB.score(read, model, {})["behaviour"])


def test_customers_keep_their_group_when_a_month_is_added(two_kinds: tuple[FeatureSet, Ints, Model]) -> None:
    read, _, model = two_kinds
    dates = read.table["purchase_date"].to_numpy()
    before = read.table.filter(pa.array(dates <= np.datetime64(AS_OF) - 30))
    earlier = train(features(before))
    assert earlier["is_published"]
    groups = [JOB.score(read, fitted, {})["behaviour"]["behaviour_id"] for fitted in (earlier, model)]
    known = groups[0].notna() & groups[1].notna()
    assert (groups[0][known] == groups[1][known]).mean() >= 0.95


@pytest.mark.parametrize("seed", [2, 3])
def test_customers_who_differ_only_in_how_much_they_buy_get_no_groups(seed: int) -> None:
    table, _ = purchases(seed, has_classes=False)
    model = train(features(table))
    assert not model["is_published"]
    assert "RFM segments remain" in model["decision"]


def test_a_short_history_is_refused_with_its_length() -> None:
    table, _ = purchases(4, has_classes=False)
    recent = table.filter(pa.array(table["purchase_date"].to_numpy() > np.datetime64(AS_OF) - 100))
    model = train(features(recent))
    assert "cover 100 days" in model["decision"] or "cover 99 days" in model["decision"]


def test_nobody_bought_anything() -> None:
    table, _ = purchases(4, has_classes=False)
    model = train(features(table.slice(0, 0)))
    assert model["decision"] == "Not published: nobody has bought anything."
