"""Features in: sorted, checked, known by their content."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mining.blocks import ContentHash
from mining.registry import find_job
from mining.store import (
    earlier_models,
    feature_set,
    read_features,
    score_table,
    write_scores,
)
from mining.version import make_id, mining_code
from pipeline.base.errors import UserError
from pipeline.base.files import TEMPORARY_PREFIX, write_parquet
from pipeline.base.model_files import write_model
from tests.support.builds.mined import NO_DAYS, write_features

AS_OF = dt.date(2024, 12, 31)
SOURCES = ("complete_journey",)
COLUMNS = ("purchase_days", "net_sales", "gap_mean_days")


def test_features_come_back_sorted_with_plain_numbers(landed):
    features = read_features(landed, AS_OF, SOURCES, COLUMNS)
    frame = features.at(AS_OF)
    assert len(features.dates) == 11 and features.dates[-1] == AS_OF
    assert frame["customer_id"].is_monotonic_increasing
    assert frame["net_sales"].dtype == frame["purchase_days"].dtype == np.float64


def test_the_hash_is_of_content_not_of_row_order_chunks_or_columns_order(shop):
    expected = feature_set(shop, AS_OF).content_hash
    shuffled = shop.take(np.random.default_rng(1).permutation(shop.num_rows))
    in_parts = pa.concat_tables([shuffled.slice(0, 100), shuffled.slice(100)]).select(sorted(shop.column_names))
    assert feature_set(in_parts, AS_OF).content_hash == expected


def test_numbers_are_held_in_the_width_that_they_need_and_come_back_the_same():
    money = pa.array([Decimal("1.5"), Decimal("2.0001"), None], pa.decimal128(18, 4))
    numbers = {"small": [1, -2, None], "large": [1, 2**40, None], "money": money}
    key = {"as_of_date": [AS_OF] * 3, "customer_id": ["c", "a", "b"]}
    features = feature_set(pa.table({**key, **numbers}), AS_OF)
    kinds = [features.table.schema.field(name).type for name in numbers]
    assert kinds == [pa.int32(), pa.int64(), pa.float64()]
    frame = features.at(AS_OF).set_index("customer_id").loc[["c", "a"]]
    assert frame["small"].tolist() == [1, -2]
    assert frame["large"].tolist() == [1, 2**40]
    assert frame["money"].tolist() == [1.5, 2.0001]
    assert features.at(AS_OF)["large"].dtype == np.float64


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "bc"], ["ab", "c"]),
        ([None, 0], [0, None]),
        ([], [0.0]),
        ([None, "x"], ["", "x"]),
        ([1, 2], [1, 3]),
        ([1.0, 2.0], [1, 2]),
    ],
)
def test_different_content_has_a_different_hash(one, other):
    assert _hash_of(pa.table({"v": one})) != _hash_of(pa.table({"v": other}))


def _hash_of(table: pa.Table) -> str:
    content = ContentHash(table.schema)
    content.add(table)
    return content.hexdigest()


def test_a_missing_file_names_it_and_the_next_step(settings):
    with pytest.raises(UserError, match=r"as_of=2024-12-31\.parquet is not there.*make run"):
        read_features(settings, AS_OF, SOURCES, COLUMNS)


def test_a_missing_column_is_named(settings, shop):
    write_parquet(settings.features / f"as_of={AS_OF}.parquet", shop.drop_columns(["gap_mean_days"]))
    with pytest.raises(UserError, match="has no column gap_mean_days"):
        read_features(settings, AS_OF, SOURCES, COLUMNS)


def test_features_of_other_sources_are_refused_with_the_next_step(landed):
    with pytest.raises(UserError, match=r"features of complete_journey, not of a,b.*CRM_SOURCES=a,b"):
        read_features(landed, AS_OF, ["b", "a"], COLUMNS)


def test_features_that_do_not_say_their_sources_are_refused(settings, shop):
    write_parquet(settings.features / f"as_of={AS_OF}.parquet", shop.replace_schema_metadata(None))
    with pytest.raises(UserError, match=r"does not say whose.*CRM_SOURCES=complete_journey"):
        read_features(settings, AS_OF, SOURCES, COLUMNS)


def test_repeated_keys_and_rows_from_the_future_are_refused(shop):
    with pytest.raises(UserError, match="more than one row for a key"):
        feature_set(pa.concat_tables([shop, shop.slice(0, 1)]), AS_OF)
    with pytest.raises(UserError, match="rows dated after 2024-12-30"):
        feature_set(shop, AS_OF - dt.timedelta(days=1))


def test_ids_depend_on_job_date_and_content():
    first = make_id("churn", AS_OF, "hash", None)
    assert first == make_id("churn", AS_OF, "hash", None)
    assert first.startswith("churn-2024-12-31-") and len(first) == len("churn-2024-12-31-") + 12
    assert first != make_id("churn", AS_OF, "hash", "model")


def _model(day: str, **changes):

    return {
        "job": "churn",
        "model_version": f"churn-{day}",
        "as_of_date": day,
        "sources": ["a", "b"],
        "mining_code": mining_code(),
        "needs": {"horizon_days": 28},
        "is_published": True,
        **changes,
    }


def test_only_models_of_earlier_days_these_sources_this_code_and_this_horizon_are_usable(settings):
    for model in (
        _model("2024-12-01"),
        _model("2024-11-01"),
        _model("2024-12-31"),
        _model("2025-01-01"),
        _model("2024-12-02", sources=["a"]),
        _model("2024-12-03", mining_code="other"),
        _model("2024-12-04", needs={"horizon_days": 91}),
    ):
        write_model(settings, model)
    cut_short = settings.models / "churn" / f"{TEMPORARY_PREFIX}7-churn-2024-12-05.json"
    cut_short.write_text('{"as_of')
    usable = earlier_models(settings, "churn", as_of=AS_OF, sources=["b", "a"], needs={"horizon_days": 28})
    assert [model["as_of_date"] for model in usable] == ["2024-11-01", "2024-12-01"]


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("mining/clv/job.py", True),
        ("dbt_project/models/features/customer_features.sql", True),
        ("dbt_project/models/core/fct_order.sql", True),
        ("dbt_project/models/intermediate/int_orders.sql", True),
        ("dbt_project/macros/facts.sql", True),
        ("dbt_project/models/marts/customer_360.sql", False),
        ("pipeline/serving/publish.py", False),
    ],
)
def test_a_model_is_of_the_code_that_says_what_features_mean(tmp_path, monkeypatch, file, counts):
    monkeypatch.setattr("mining.version.ROOT", tmp_path)
    before = mining_code.__wrapped__()
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text("changed")
    assert (mining_code.__wrapped__() != before) == counts


def test_scores_are_sorted_and_keep_nulls(tmp_path):
    schema = pa.schema({"customer_id": pa.string(), "amount": pa.decimal128(18, 2), "why": pa.string()})
    frame = pd.DataFrame({"customer_id": ["b", "a"], "amount": [1.005, np.nan], "why": [None, "gone"]})
    path = write_scores(tmp_path / "s.parquet", score_table(frame, schema))
    table = pq.read_table(path)
    assert table.schema == schema
    assert table["customer_id"].to_pylist() == ["a", "b"]
    assert table["amount"].null_count == 1 and table["why"].to_pylist() == ["gone", None]


def days_until(*counts: int) -> pa.Table:
    """Purchases of the days before the as-of day, as they were known on it."""
    days = [AS_OF - dt.timedelta(days=number) for number in range(len(counts))]
    columns = [[AS_OF] * len(counts), days, list(counts), [1] * len(counts)]
    return pa.table(columns, schema=NO_DAYS.schema)


def test_the_purchases_of_each_day_are_part_of_what_features_contain(settings, shop):
    churn = find_job("churn")
    write_features(settings, shop, days=days_until(5, 7))
    one = churn.read(settings, AS_OF, SOURCES)
    assert one.calendar(AS_OF)["first_purchases"].tolist() == [7.0, 5.0]
    assert one.calendar(AS_OF - dt.timedelta(days=28)).empty
    write_features(settings, shop, days=days_until(5, 8))
    other = churn.read(settings, AS_OF, SOURCES)
    assert one.content_hash != other.content_hash != feature_set(other.table, AS_OF).content_hash


def test_without_the_purchases_of_each_day_the_next_step_is_named(settings, shop):
    write_parquet(settings.features / f"as_of={AS_OF}.parquet", shop)
    assert read_features(settings, AS_OF, SOURCES, {"purchase_days"}).calendar(AS_OF).empty
    with pytest.raises(UserError, match=r"purchase_calendar/as_of=2024-12-31\.parquet is not there.*make run"):
        find_job("clv").read(settings, AS_OF, SOURCES)
