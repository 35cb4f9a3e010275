"""Superset's import: what is in it."""

import zipfile
from collections.abc import Callable
from contextlib import closing

import pytest
import yaml

from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.settings import Settings
from pipeline.outputs.superset import CHARTS, write_superset
from pipeline.serving.releases import DATABASE, MANIFEST

TABLES = {
    "release": "select '{release}' as release_id",
    "metrics_monthly": "select metric, dimension, 'web' as dimension_value, date '2024-01-01' as month_start_date,"
    " 1.5::decimal(28, 6) as value from (values ('net_revenue', 'all'), ('active_customers', 'all'),"
    " ('new_customers', 'all'), ('nps', 'all'), ('net_sales', 'channel')) as rows(metric, dimension)",
    "segment_profile": "select 'Champions' as segment_name, 2 as customers, 3.5::decimal(28, 4) as net_sales",
    "customer_360": "select 'ana' as customer_id, 'new' as lifecycle_stage",
    "customer_churn": "select 'high' as risk_band, 1.0 as expected_loss",
    "campaign_performance": "select 'spring' as campaign_id, 2.0 as incremental_profit",
}


def publish(settings: Settings, release: str, **without: str) -> None:
    folder = settings.serving / "releases" / release
    folder.mkdir(parents=True)
    with closing(connect(folder / DATABASE)) as connection:
        connection.execute("create schema marts")
        for name, query in TABLES.items():
            if name not in without.values():
                connection.execute(f"create table marts.{name} as {query.format(release=release)}")
        if "segment_profile" not in without.values():
            connection.execute("comment on column marts.segment_profile.customers is 'Number of customers.'")
    (folder / MANIFEST).write_text("{}", encoding="utf-8")
    link = settings.serving / "next"
    link.symlink_to(folder)
    link.replace(settings.serving / "current")


def test_the_import_matches_the_release(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    publish(settings, "first")
    target = write_superset(settings)
    content = target.read_bytes()
    with zipfile.ZipFile(target) as archive:
        files = {name: yaml.safe_load(archive.read(name)) for name in archive.namelist()}
    assert files["perennial/metadata.yaml"]["type"] == "Dashboard"
    assert files["perennial/databases/perennial.yaml"]["extra"]["engine_params"] == {
        "connect_args": {"read_only": True}
    }
    columns = files["perennial/datasets/perennial/segment_profile.yaml"]["columns"]
    assert {column["column_name"]: column["description"] for column in columns}["customers"] == "Number of customers."
    assert sum(name.startswith("perennial/charts/") for name in files) == len(CHARTS)
    write_superset(settings)
    assert target.read_bytes() == content


def test_a_chart_without_its_column_is_named(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    publish(settings, "first", table="customer_churn")
    with pytest.raises(UserError, match=r"Chart 'Expected loss by risk band': marts\.customer_churn has no column"):
        write_superset(settings)
