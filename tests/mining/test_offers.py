"""What to offer next: a planted rhythm and a planted taste are found, noise is not, and nothing sees the future."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from mining.offers.history import Purchases, day_number, purchases_of
from mining.offers.job import CLAIMS, JOB, SCHEMA
from mining.offers.judging import best, gains, recall
from mining.offers.neighbours import Neighbours, basket_weights
from mining.offers.new import candidates
from mining.offers.rules import best_rules, rules
from mining.offers.scoring import score_offers
from mining.offers.training import DUE, NEW, judged_kinds
from mining.sound import check
from mining.store import ITEM_PURCHASES, FeatureSet, feature_set, score_table

AS_OF = dt.date(2024, 12, 31)
HORIZON = 28


def table(rows: list[tuple[str, str, str | None, int]]) -> pa.Table:
    """Rows of features.item_purchases, of (customer, product, category, days before the as-of date)."""
    customers, products, categories, ago = zip(*rows, strict=True) if rows else ((), (), (), ())
    days = [AS_OF - dt.timedelta(days=days) for days in ago]
    return pa.table(
        {
            "as_of_date": pa.array([AS_OF] * len(rows), pa.date32()),
            "customer_id": pa.array(customers, pa.string()),
            "product_id": pa.array(products, pa.string()),
            "category": pa.array(categories, pa.string()),
            "purchase_date": pa.array(days, pa.date32()),
            "known_date": pa.array(days, pa.date32()),
        }
    )


def shop(seed: int, customers: int = 240, *, is_noise: bool = False) -> pa.Table:
    """Half of the items are needed every 20 days, half once a year or so; customers like one of four categories."""
    random = np.random.default_rng(seed)
    rows = set()
    for customer in range(customers):
        taste = customer % 4
        for day in range(int(random.integers(0, 20)), 360, 20 if not is_noise else 7):
            if is_noise:
                rows.add((f"c{customer:03}", f"p{random.integers(0, 60):02}", f"g{random.integers(0, 4)}", day))
                continue
            rows.add((f"c{customer:03}", f"need{taste}{customer % 3}", f"g{taste}", day))
            group = taste if random.random() < 0.8 else int(random.integers(0, 4))
            rows.add((f"c{customer:03}", f"want{group}{random.integers(0, 30):02}", f"g{group}", day))
    return table(sorted(rows))


def features(of: pa.Table) -> FeatureSet:
    return feature_set(of, AS_OF, key=ITEM_PURCHASES.key)


@pytest.fixture(scope="module")
def trained() -> tuple[FeatureSet, dict]:
    found = features(shop(1))
    return found, JOB.train(found, {"horizon_days": HORIZON})


def test_a_planted_need_is_due_again_and_a_planted_taste_is_new(trained) -> None:
    found, model = trained
    offers = score_offers(found, model["model"])
    first = offers[offers["offer_rank"] == 1]
    due = first[first["kind"] == DUE]
    assert due["item_id"].str.startswith("need").all() and due["probability"].min() > 0.8
    assert due["usual_gap_days"].between(19, 21).all()
    new = offers[offers["kind"] == NEW]
    likes = new["item_id"].str[4].astype(int) == new["customer_id"].str[1:].astype(int) % 4
    assert likes.mean() > 0.9
    certain = new["lift_low"].dropna()
    assert len(certain) and (certain > 1).all()


def test_what_is_used_is_said_and_the_offers_keep_their_claims(trained) -> None:
    found, model = trained
    assert model["is_published"] and model["decision"].startswith("Due again: ") and " New: " in model["decision"]
    offers = JOB.score(found, model, {})["offers"]
    check(offers, CLAIMS, found.customers)
    stamped = offers.assign(as_of_date=AS_OF, run_id="r", model_version="m")
    assert score_table(stamped, SCHEMA).schema.equals(SCHEMA)


def test_rows_in_another_order_give_the_same_model_and_offers(trained) -> None:
    found, model = trained
    order = np.random.default_rng(5).permutation(found.table.num_rows)
    again = features(found.table.take(order))
    assert JOB.train(again, {"horizon_days": HORIZON})["model"] == model["model"]
    assert score_offers(again, model["model"]).equals(score_offers(found, model["model"]))


@pytest.mark.parametrize("seed", range(3))
def test_in_noise_no_model_is_called_better(seed: int) -> None:
    """Of three made-up shops in which everybody buys anything; a certain gain in one of them would be chance."""
    purchases = purchases_of(shop(seed, 120, is_noise=True), "product_id", "category")
    judged = judged_kinds(purchases, day_number(AS_OF), HORIZON)
    assert not any(kind.is_model for kind in judged.values())


def test_a_purchase_after_the_day_moves_no_input() -> None:
    before = purchases_of(shop(2, 40), "product_id", "category")
    day = day_number(AS_OF) - 60
    seen = before.until(day)
    later = before.day > day
    moved = Purchases(*before[:5], np.where(later, before.day[::-1].max(), before.day), before.known)
    assert all(np.array_equal(one, other) for one, other in zip(seen[3:], moved.until(day)[3:], strict=True))


@pytest.mark.parametrize(
    ("rows", "why"),
    [([], "no purchase of a known product"), ([("ana", "soap", None, 3), ("ben", "soap", None, 90)], "50 are needed")],
    ids=["no products", "two customers"],
)
def test_too_little_is_refused_with_its_reason(rows, why) -> None:
    model = JOB.train(features(table(rows)), {"horizon_days": HORIZON})
    assert not model["is_published"] and why in model["decision"]
    unscored = JOB.unscored(features(table(rows)), model["decision"], {})["offers"]
    assert unscored["customer_id"].tolist() == sorted({row[0] for row in rows})
    stamped = unscored.assign(as_of_date=AS_OF, run_id="r", model_version=None)
    assert score_table(stamped, SCHEMA)["unavailable_reason"].to_pylist() == [model["decision"]] * len(unscored)


def test_weights_of_baskets_are_those_of_the_paper() -> None:
    """Five baskets in groups of two: the newest group has the two newest, and each older group counts 0.7 as much."""
    purchases = purchases_of(table([("ana", "soap", None, ago) for ago in (1, 5, 9, 20, 30)]), "product_id", None)
    weights = np.array([0.49, 0.63, 0.7, 0.9, 1.0])
    assert basket_weights(purchases, 2) == pytest.approx(weights / weights.sum())


def test_neighbours_are_the_most_alike_and_nobody_is_their_own() -> None:
    rows = [("ana", "soap", None, 1), ("ana", "tea", None, 1), ("ben", "soap", None, 1), ("ben", "tea", None, 1)]
    purchases = purchases_of(table([*rows, ("ben", "pot", None, 1), ("cleo", "pot", None, 1)]), "product_id", None)
    pairs = purchases.pairs()
    owned = purchases.matrix(pairs, np.ones(len(pairs.item)))
    means = Neighbours.of(owned).means(owned, np.arange(3), np.arange(3), 1)
    assert means.tolist() == [[1, 1, 1], [0, 1, 1], [1, 1, 1]]


def test_a_rule_has_its_support_confidence_and_lift_with_an_interval() -> None:
    """Of 100 customers 20 bought soap, 25 tea, 15 both: confidence .75, three times the share of tea."""
    both, soap, tea = range(15), range(15, 20), range(20, 30)
    rows = [(f"c{n:02}", "soap", None, 1) for n in (*both, *soap)] + [
        (f"c{n:02}", "tea", None, 1) for n in (*both, *tea)
    ]
    rows += [(f"c{n:02}", "pot", None, 1) for n in range(100)]
    found = candidates(purchases_of(table(rows), "product_id", None), day_number(AS_OF))
    learned = rules(found)
    place = np.ix_([1], [2])
    assert [float(values[place][0, 0]) for values in learned[1:4]] == [15.0, 0.75, 3.0]
    variance = 1 / 15 - 1 / 20 - 1 / 25 + 2 * 15 / 500 - 1 / 100
    assert learned.low[place][0, 0] == pytest.approx(3 * np.exp(-1.959964 * variance**0.5))
    anchor, is_certain = best_rules(found, learned, np.array([15, 99]), np.array([2, 2]))
    assert (anchor[0], is_certain.tolist()) == (1, [1, 0])


def test_intervals_of_the_lift_hold_the_truth() -> None:
    """Two thousand samples of 400 customers, of whom 30 % buy soap, 20 % tea, and 10 % both: lift 10/6."""
    random = np.random.default_rng(3)
    samples = random.multinomial(400, (0.1, 0.2, 0.1, 0.6), size=2_000)
    held = 0
    for t, soap, tea, _ in samples:
        a, b = t + soap, t + tea
        width = 1.959964 * np.sqrt(1 / t - 1 / a - 1 / b + 2 * t / (a * b) - 1 / 400)
        held += abs(np.log(t * 400 / (a * b)) - np.log(10 / 6)) <= width
    assert 0.93 <= held / 2_000 <= 0.97


def test_recall_counts_what_was_found_of_the_first_ten() -> None:
    ranked = best(np.array([0, 1, 2, 10, 11]), np.array([0.1, 0.3, 0.2, 0.5, 0.4]), 10, k=2)
    assert ranked.tolist() == [1, 2, 10, 11]
    customers, share = recall(ranked, np.array([1, 5, 7, 10]), 10, k=2)
    assert customers.tolist() == [0, 1] and share.tolist() == [0.5, 1.0]
    (gain,) = gains(np.ones(50), {"other": np.zeros(50)}).values()
    assert gain == (1.0, 1.0, 1.0)
