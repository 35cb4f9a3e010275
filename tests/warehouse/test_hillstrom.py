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
COLUMNS = {"responded": "visit", "converted": "conversion", "net_sales": "spend"}


def of_everybody(effects: pd.DataFrame) -> pd.DataFrame:
    return effects[effects["segment"] == "everybody"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, ...]:
    """The file, the effects of each campaign and measure, the rows that uplift learns from, and the arms."""
    folder: Path = tmp_path_factory.mktemp("hillstrom")
    file = write(folder / "hillstrom", CUSTOMERS)
    with models_of("hillstrom", {"CRM_DATA": str(folder), "CRM_HOME": str(folder / "home")}) as (models, plan):
        models.make("campaign_arms")
        models.make("campaign_customers")
        models.make("campaign_arm")
        published = models.connection.sql("from campaign_arm").df().set_index(["campaign_id", "arm"])
        arms = models.connection.sql("from campaign_arms").to_arrow_table()
        learned = models.connection.sql("from campaign_customers order by campaign_id, customer_id").df()
        features = feature_set(arms, plan.as_of, key=CAMPAIGN_ARMS.key)
        return file, of_everybody(find_job("effects").score(features, None, {})["effects"]), learned, published


@pytest.mark.parametrize("campaign", ARMS)
@pytest.mark.parametrize("measure", COLUMNS)
def test_effects_on_visits_conversions_and_spend_are_those_of_the_file(built, campaign: str, measure: str) -> None:
    file, effects, *_ = built
    means = file.groupby("segment")[COLUMNS[measure]].mean()
    found = effects.set_index(["campaign_id", "measure"])["effect"][campaign, measure]
    assert found == round(means[ARMS[campaign]] - means["No E-Mail"], 6)


@pytest.mark.parametrize("campaign", ARMS)
@pytest.mark.parametrize("arm", ["treated", "control"])
def test_each_arm_has_the_customers_visits_conversions_and_spend_of_the_file(built, campaign: str, arm: str) -> None:
    file, *_, published = built
    of = file[file["segment"] == (ARMS[campaign] if arm == "treated" else "No E-Mail")]
    columns = ["customers", "responded_customers", "converted_customers", "net_sales"]
    found = [round(float(each), 2) for each in published.loc[campaign, arm][columns]]
    assert found == [len(of), of["visit"].sum(), of["conversion"].sum(), round(of["spend"].sum(), 2)]


def test_both_campaigns_share_the_control_group_and_no_other_customer(built) -> None:
    file, _, learned, _ = built
    arms = learned.groupby(["campaign_id", "arm"])["customer_id"].nunique()
    sizes = file["segment"].value_counts()
    for campaign, segment in ARMS.items():
        assert arms[campaign, "treated"] == sizes[segment]
        assert arms[campaign, "control"] == sizes["No E-Mail"]
    by_customer = learned.groupby("customer_id")["arm"].agg(["size", "first"])
    assert (by_customer["size"] == np.where(by_customer["first"] == "control", 2, 1)).all()


def test_the_past_is_what_the_file_says_of_the_year_before(built) -> None:
    file, _, learned, _ = built
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
