"""The beginning of a build, and the files it hands on."""

import re
from contextlib import closing
from dataclasses import asdict, replace

import pyarrow.parquet as pq
import pytest

from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.files import write_sealed
from pipeline.build import owner
from pipeline.build.features import EXPORTED, export_features, features_path
from pipeline.build.plan import plan_path
from tests.pipeline.build.test_dbt import PLAN
from tests.pipeline.small_warehouse import make_settings


@pytest.fixture
def settings(tmp_path):
    settings = make_settings(tmp_path)
    write_sealed(plan_path(settings), asdict(replace(PLAN, sources=["a", "b"])))
    return settings


def make_features(settings, rows: int) -> None:
    with closing(connect(settings.warehouse)) as warehouse:
        warehouse.execute("create schema features")
        warehouse.execute(
            "create table features.customer_features as select i as customer_id, date '2024-05-31' as as_of_date"
            f" from range({rows}) as t (i)"
        )
        warehouse.execute(
            "create table features.campaign_arms as select date '2024-05-31' as as_of_date, 'spring' as campaign_id,"
            " 'everybody' as segment, 'purchases' as measure, 'control' as arm where false"
        )
        warehouse.execute(
            "create table features.campaign_customers as select date '2024-05-31' as as_of_date,"
            " 'spring' as campaign_id, 'campaign' as period, 'a' as customer_id where false"
        )
        warehouse.execute(
            "create table features.purchase_calendar as select date '2024-05-31' as as_of_date,"
            f" date '2024-05-31' as purchase_date from range(least({rows}, 1))"
        )
        for name, columns in {
            "item_purchases": "'ana' as customer_id, 'soap' as product_id, date '2024-05-31' as purchase_date",
            "purchase_days": "'ana' as customer_id, date '2024-05-31' as purchase_date",
            "complaint_customers": "'k1' as moment_id",
            "touch_transitions": "'(start)' as from_state, 'web' as to_state",
            "value_months": "'shop' as kind, 'a' as related_id, date '2024-05-01' as month_start_date",
        }.items():
            warehouse.execute(
                f"create table features.{name} as select date '2024-05-31' as as_of_date, {columns} where false"
            )
        warehouse.execute(
            "create table features.event_days as select date '2024-05-31' as as_of_date, 'Easter' as event,"
            " date '2024-03-17' as starts_on, date '2024-03-30' as ends_on where false"
        )
        warehouse.execute(
            "create table features.subscription_terms as select date '2024-05-31' as as_of_date,"
            " 's1' as subscription_id where false"
        )


def test_temporary_files_of_killed_runs_are_removed_and_no_others(settings, monkeypatch):
    left = [
        settings.models / "clv" / ".tmp-1-m.json",
        settings.scores / "clv" / "as_of=2024-05-31" / ".tmp-1-run.parquet",
        settings.features / ".tmp-1-as_of.parquet",
        settings.build / ".tmp-1-plan.json",
        settings.ledger / ".tmp-1-r.json",
        settings.lists / "r" / ".tmp-1-winback.csv",
    ]
    kept = [path.with_name("kept.json") for path in left]
    for path in [*left, *kept]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{")
    monkeypatch.setattr(owner, "make_plan", lambda _: PLAN)
    assert owner.begin_build(settings, "run-1")
    assert [path for path in left if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []


def test_each_feature_file_names_its_sources_and_inputs(settings):
    make_features(settings, 3)
    assert export_features(settings) == "3 rows"
    rows_of = {"customer_features": 3, "purchase_calendar": 1}
    for table in EXPORTED:
        rows = rows_of.get(table, 0)
        file = pq.ParquetFile(features_path(settings, PLAN.as_of_date, table))
        assert file.metadata.num_rows == rows
        assert file.schema_arrow.metadata[b"perennial.sources"] == b"a,b"
        assert file.schema_arrow.metadata[b"perennial.input_hash"] == PLAN.input_hash.encode()


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ([], "the warehouse has no order with a line that could be read. See ops.row_fates"),
        ([("unknown", True)], "1 order, and none names a customer. Map source_customer_id"),
        ([("unknown", True)] * 1234, "1,234 orders, and none names a customer. Map source_customer_id"),
        ([("ana", False)], "known customers have 1 order, and none is a purchase"),
        ([("ana", True), ("ben", False)], "known customers have 2 orders, and none that is a purchase was known by 2"),
    ],
)
def test_without_a_customer_to_score_the_reason_is_given_and_no_file_is_written(settings, orders, said):
    make_features(settings, 0)
    with connect(settings.warehouse) as warehouse:
        warehouse.execute("create schema core; create table core.fct_order (customer_id varchar, is_purchase boolean)")
        if orders:
            warehouse.executemany("insert into core.fct_order values ($1, $2)", [list(order) for order in orders])
    with pytest.raises(UserError, match=re.escape(said)):
        export_features(settings)
    assert not features_path(settings, PLAN.as_of_date).exists()
