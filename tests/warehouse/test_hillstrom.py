"""Hillstrom's e-mail test through the pipeline: the effects of both e-mails are those counted in the file."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from mining.registry import find_job
from mining.store import CAMPAIGN_ARMS, feature_set
from pipeline.onboarding.trial.dry_run import models_of
from tests.support.companies.hillstrom import write

CUSTOMERS = 12_000
ARMS = {"hillstrom:mens": "Mens E-Mail", "hillstrom:womens": "Womens E-Mail"}
COLUMNS = {"responded": "visit", "purchases": "conversion", "net_sales": "spend"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The file, the effects of each campaign and measure, and the rows that uplift learns from."""
    folder: Path = tmp_path_factory.mktemp("hillstrom")
    file = write(folder / "hillstrom", CUSTOMERS)
    with models_of("hillstrom", {"CRM_DATA": str(folder), "CRM_HOME": str(folder / "home")}) as (models, plan):
        models.make("campaign_arms")
        models.make("campaign_customers")
        arms = models.connection.sql("from campaign_arms").to_arrow_table()
        learned = models.connection.sql("from campaign_customers order by campaign_id, customer_id").df()
        features = feature_set(arms, plan.as_of, key=CAMPAIGN_ARMS.key)
        return file, find_job("effects").score(features, None, {})["effects"], learned


@pytest.mark.parametrize("campaign", ARMS)
@pytest.mark.parametrize("measure", COLUMNS)
def test_effects_on_visits_conversions_and_spend_are_those_of_the_file(built, campaign: str, measure: str) -> None:
    file, effects, _ = built
    means = file.groupby("segment")[COLUMNS[measure]].mean()
    found = effects.set_index(["campaign_id", "measure"])["effect"][campaign, measure]
    assert found == round(means[ARMS[campaign]] - means["No E-Mail"], 6)


def test_both_campaigns_share_the_control_group_and_no_other_customer(built) -> None:
    file, _, learned = built
    arms = learned.groupby(["campaign_id", "arm"])["customer_id"].nunique()
    sizes = file["segment"].value_counts()
    for campaign, segment in ARMS.items():
        assert arms[campaign, "treated"] == sizes[segment]
        assert arms[campaign, "control"] == sizes["No E-Mail"]
    by_customer = learned.groupby("customer_id")["arm"].agg(["size", "first"])
    assert (by_customer["size"] == np.where(by_customer["first"] == "control", 2, 1)).all()


def test_the_past_is_what_the_file_says_of_the_year_before(built) -> None:
    file, _, learned = built
    once = learned.drop_duplicates("customer_id")
    assert sorted(once["recency_days"] + 1) == sorted(file["recency"] * 30)
    assert float(once["net_sales"].sum()) == pytest.approx(file["history"].sum())
    assert (once["purchase_days"] == 1).all()


def test_every_row_of_the_file_is_accepted_and_nothing_else_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "hillstrom", 300)
    with models_of("hillstrom", {"CRM_DATA": str(tmp_path), "CRM_HOME": str(tmp_path / "home")}) as (models, _):
        connection: duckdb.DuckDBPyConnection = models.connection
        models.make("int_customers__rows")
        rows = "select _fate, count(*) from int_customers__rows where not _is_derived group by 1"
        assert connection.execute(rows).fetchall() == [("accepted", 300)]
