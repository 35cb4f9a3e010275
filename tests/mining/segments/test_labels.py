"""Labels of one customer never contradict each other, and each segment's name is true, whatever the history."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mining.churn import scoring as churn
from mining.churn.model import ChurnModel
from mining.purchases.rhythm import ACTIVE_DAYS, overdue, typical_rhythm
from mining.segments.job import score
from mining.segments.tiers import Rule
from pipeline.base.settings import DBT_PROJECT

AS_OF = dt.date(2024, 12, 31)
REPEAT_ONLY = {"Champions", "Loyal", "Potential loyalists", "Need attention", "At risk", "Cannot lose"}


def contradictions() -> list[dict[str, list[str]]]:
    """The table of labels that never meet, as the dbt test of marts.customer_360 has it."""
    models = yaml.safe_load((DBT_PROJECT / "models/marts/customer_360.yml").read_text(encoding="utf-8"))["models"]
    tests = [test["no_contradiction"] for test in models[0]["data_tests"] if "no_contradiction" in test]
    (test,) = tests
    return list(test["arguments"]["pairs"])


def labelled(segment_features, purchases: pd.DataFrame, bands: tuple[float, float] = (0.4, 0.6)) -> pd.DataFrame:
    """Features of all customers with their labels; the risk of a purchase-free month grows with the absence."""
    features = segment_features(purchases)
    frame = features.at(AS_OF)
    model = ChurnModel(("log_recency",), 20.0, (3.0,), (1.0,), (1.0,), (0.0,), 0.0, True, 28)
    stored = {"model": model.to_json(), "risk_bands": {"medium": bands[0], "high": bands[1]}}
    risk = churn.score(frame, stored, horizon_days=28, typical=typical_rhythm(frame))
    return frame.merge(score(features, Rule())["segments"], on="customer_id").merge(risk, on="customer_id")


def assert_true(table: pd.DataFrame) -> None:
    """Each label claims what holds, and no two of them contradict each other."""
    for pair in contradictions():
        rows = np.logical_and.reduce([table[column].isin(values) for column, values in pair.items()])
        assert not rows.any(), (pair, table.loc[rows].to_dict("records"))
    repeat, name = table["purchase_days"] > 1, table["segment_name"]
    beyond = overdue(table, typical_rhythm(table))
    assert repeat[name.isin(REPEAT_ONLY)].all()
    here = name.isin(["Champions", "Loyal", "Potential loyalists", "New or occasional", "Need attention"])
    present = (beyond <= 2) | (table["recency_days"] < 14)
    assert (present & (table["recency_days"] < ACTIVE_DAYS))[here | (name == "About to sleep")].all()
    away = name.isin(["Cannot lose", "At risk", "Hibernating", "Lost"])
    assert ((beyond > 2) | (table["recency_days"] >= ACTIVE_DAYS))[away].all()
    assert (beyond[name == "Lost"] > 5).all() and (table.loc[name == "Lost", "recency_days"] >= 28).all()
    assert (table.loc[table["lifecycle_stage"] == "new", "tenure_days"] < ACTIVE_DAYS).all()
    ranks = table[["frequency_score", "monetary_score"]].sum(axis=1)
    assert (ranks[name.isin(["Champions", "Cannot lose"])] >= 9).all() and (ranks[name == "Loyal"] >= 7).all()


DAY = st.integers(0, 1200)
AMOUNT = st.sampled_from([0.0, 9.9, 29.0, 29.01, 500.0])
CUSTOMER = st.tuples(st.lists(DAY, min_size=1, max_size=9), AMOUNT)


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate], derandomize=True)
@given(st.lists(CUSTOMER, min_size=1, max_size=15), st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_no_history_has_labels_that_contradict_each_other(segment_features, customers, bands):
    rows = [
        (f"C{number:02d}", pd.Timestamp(AS_OF) - pd.Timedelta(days=day), amount)
        for number, (days, amount) in enumerate(customers)
        for day in days
    ]
    table = labelled(segment_features, pd.DataFrame(rows, columns=["customer_id", "date", "amount"]), tuple(bands))
    assert len(table) == len(customers)
    assert_true(table)


def crowd(seed: int, customers: int, mean_gap: float, once: float, years: float) -> pd.DataFrame:
    """Purchases of a shop: a share buys once, the others at own rates until they leave."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        day, gap = random.uniform(0, 365 * years), random.gamma(1.5, mean_gap / 1.5) + 1
        leaves = day if random.uniform() < once else day + random.exponential(10 * mean_gap)
        while day <= min(365 * years, leaves):
            date = pd.Timestamp(AS_OF) - pd.Timedelta(days=int(365 * years - day))
            rows.append((f"C{number:04d}", date, round(random.gamma(2.0, 20.0) + 0.01, 2)))
            day += random.exponential(gap) + 1
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


@pytest.mark.parametrize(
    ("mean_gap", "once", "years"),
    [(3, 0.1, 1), (25, 0.3, 2), (25, 0.98, 2), (90, 0.5, 4), (400, 0.6, 6), (60, 1.0, 3)],
    ids=["daily", "monthly", "nearly_all_once", "quarterly", "slower_than_a_year", "all_once"],
)
def test_shops_of_every_rhythm_have_true_labels(segment_features, mean_gap, once, years):
    table = labelled(segment_features, crowd(11, 300, mean_gap, once, years))
    assert_true(table)
    assert table["segment_name"].nunique() >= 2


def test_the_order_of_customers_names_nobody_otherwise(segment_features):
    purchases = crowd(5, 120, 25, 0.4, 2)
    renamed = purchases.assign(customer_id="C" + (9999 - purchases["customer_id"].str[1:].astype(int)).astype(str))
    table, other = labelled(segment_features, purchases), labelled(segment_features, renamed)
    other["customer_id"] = "C" + (9999 - other["customer_id"].str[1:].astype(int)).astype(str).str.zfill(4)
    columns = ["customer_id", "segment_name", "lifecycle_stage", "tier", "risk_band"]
    pd.testing.assert_frame_equal(
        table[columns].sort_values("customer_id", ignore_index=True),
        other[columns].sort_values("customer_id", ignore_index=True),
    )
