"""The plan of a build: as-of, cut-offs and hashes, from what is on disk and nothing else."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.base.errors import UserError
from pipeline.base.files import write_sealed
from pipeline.base.model_files import write_model
from pipeline.build.plan import feature_dates, load_plan, make_plan
from pipeline.landing import land_source, land_table
from pipeline.landing.receipts import read_receipt
from pipeline.serving import ledger
from tests.conftest import SALES


@pytest.fixture
def planned(define_source, make_settings, tmp_path, monkeypatch):
    """Define sources, write their sales, land them and return settings: planned(shop=["2024-01-05"])."""
    monkeypatch.setattr("pipeline.base.settings.STAGING", tmp_path / "staging")

    def land(env=None, keys=None, **sales):
        for name, days in sales.items():
            folder = define_source(name, **(keys or {}))
            lines = "".join(f"{number},{day}\n" for number, day in enumerate(days))
            (folder / "sales.csv").write_text("id,sold_at\n" + lines, encoding="utf-8")
            staging = tmp_path / "staging" / name
            staging.mkdir(parents=True, exist_ok=True)
            (staging / f"stg_{name}__orders.sql").touch()
        settings = make_settings(CRM_SOURCES=",".join(sales), **(env or {}))
        for name in sales:
            land_source(settings, name)
        return settings

    return land


def test_a_plan_is_saved_and_read_back(planned):
    settings = planned(shop=["2024-01-05", "2024-06-30"])
    plan = make_plan(settings)
    assert load_plan(settings) == plan
    assert (plan.as_of_date, plan.first_event_date, plan.as_of) == ("2024-06-30", "2024-01-05", date(2024, 6, 30))
    assert plan.release_id == f"2024-06-30-{plan.input_hash[:12]}"
    assert (plan.currency, plan.time_zone, plan.sources) == ("EUR", "Europe/Berlin", ["shop"])
    assert plan.providers == {"orders": ["shop"]}
    (path,) = plan.landed["shop"]["sales"]
    assert path == str(settings.home / plan.receipts[0]["file"])


def test_without_a_plan_the_next_step_is_named(make_settings):
    with pytest.raises(UserError, match=r"no plan of a build at .*plan.json.*make run"):
        load_plan(make_settings())


def test_a_source_that_has_not_landed_is_named(planned, define_source, make_settings):
    planned(shop=["2024-01-05"])
    define_source("other")
    with pytest.raises(UserError, match=r"'other'.*'sales'.*not been landed.*make run"):
        make_plan(make_settings(CRM_SOURCES="shop,other"))


def test_hashes_do_not_depend_on_this_machine(planned, define_source, make_settings, tmp_path):
    settings = planned(shop=["2024-01-05"])
    one = make_plan(settings)
    (receipt_path,) = (settings.landing / "shop" / "sales").glob("*.json")
    receipt = read_receipt(receipt_path)
    write_sealed(receipt_path, {**receipt, "seconds": 99.9, "bytes": 1, "generation": 7})
    elsewhere = make_settings(CRM_SOURCES="shop", CRM_HOME=str(tmp_path / "elsewhere"))
    land_source(elsewhere, "shop")
    assert make_plan(settings).input_hash == one.input_hash
    assert make_plan(elsewhere).input_hash == one.input_hash


def test_order_of_sources_does_not_matter(planned, make_settings):
    one = make_plan(planned(a=["2024-01-05"], b=["2024-01-06"]))
    other = make_plan(make_settings(CRM_SOURCES="b,a"))
    assert one == other


@pytest.mark.parametrize(
    "env",
    [
        {"CRM_CURRENCY": "USD"},
        {"CRM_TIME_ZONE": "Europe/Paris"},
        {"CRM_ANNUAL_DISCOUNT_RATE": "0.2"},
        {"CRM_CLV_HORIZON_DAYS": "100"},
        {"CRM_CHURN_HORIZON_DAYS": "56"},
        {"CRM_CHURN_LONGER_HORIZONS": "none"},
        {"CRM_LEFT_TRUNCATION_DAYS": "7"},
        {"CRM_AGENT_FIGURES": "on"},
        {"CRM_SMALLEST_GROUP": "5"},
    ],
)
def test_a_setting_that_matters_changes_the_input_hash_only(planned, make_settings, env):
    one = make_plan(planned(shop=["2024-01-05"]))
    other = make_plan(make_settings(CRM_SOURCES="shop", **env))
    assert one.landing_hash == other.landing_hash
    assert one.input_hash != other.input_hash


def test_changed_content_changes_the_landing_hash_and_only_the_newest_snapshot_is_read(planned):
    one = make_plan(planned(shop=["2024-01-05", "2024-02-01"]))
    settings = planned(shop=["2024-01-06"])
    other = make_plan(settings)
    assert one.landing_hash != other.landing_hash
    assert other.as_of_date == "2024-01-06"
    assert [receipt["generation"] for receipt in other.receipts] == [2]
    back = make_plan(planned(shop=["2024-01-05", "2024-02-01"]))
    assert back.landing_hash == one.landing_hash


def test_all_files_of_an_append_are_read(define_source, planned):
    tables = {"sales": {**SALES, "file": "*.csv", "load": "append"}}
    settings = planned(keys={"tables": tables}, shop=["2024-01-05"])
    folder = define_source("shop", tables=tables)
    (folder / "more.csv").write_text("id,sold_at\n9,2024-01-09\n", encoding="utf-8")
    land_source(settings, "shop")
    plan = make_plan(settings)
    assert len(plan.landed["shop"]["sales"]) == 2
    assert plan.as_of_date == "2024-01-09"


def test_as_of_is_the_latest_of_sources_without_schedule(planned):
    assert make_plan(planned(a=["2024-01-05"], b=["2024-03-01"])).as_of_date == "2024-03-01"


def test_as_of_is_what_all_scheduled_sources_have_landed(planned, define_source, make_settings):
    planned(files=["2024-03-01"], web=["2024-01-05"], desk=["2024-01-05"])
    settings = make_settings(CRM_SOURCES="files,web,desk")
    for name, day in (("web", 9), ("desk", 8)):
        define_source(name, schedule="0 0 * * *")
        land_table(settings, name, "sales", interval_end=datetime(2024, 1, day, 12, tzinfo=UTC))
    assert make_plan(settings).as_of_date == "2024-01-07"


def test_a_mistyped_year_is_not_history(planned):
    assert make_plan(planned(shop=["1904-01-05", "2024-06-01"])).first_event_date == "2024-01-01"


def test_feature_dates_of_a_year(make_settings):
    dates = feature_dates(date(2017, 12, 31), date(2017, 1, 1), make_settings())
    assert dates[-1] == date(2017, 12, 31)
    assert date(2017, 12, 3) in dates
    assert date(2017, 9, 1) in dates  # a third of the span before: the CLV holdout
    assert dates[0] == date(2017, 3, 26)  # 84 days after the first event
    assert len(dates) == 12


def test_churn_learns_from_cut_offs_of_two_years(make_settings):
    dates = feature_dates(date(2025, 12, 31), date(2020, 1, 1), make_settings())
    assert dates[0] == date(2024, 1, 3) == date(2025, 12, 31) - timedelta(days=26 * 28)
    assert len(dates) == 28  # 26 cut-offs, the as-of date, the CLV holdout
    quarterly = make_settings(CRM_CHURN_HORIZON_DAYS="90")
    assert len(feature_dates(date(2025, 12, 31), date(2020, 1, 1), quarterly)) == 11


def test_feature_dates_of_a_short_history(make_settings):
    assert feature_dates(date(2024, 3, 1), date(2024, 2, 1), make_settings()) == [date(2024, 2, 21), date(2024, 3, 1)]
    assert feature_dates(date(2024, 3, 1), date(2024, 3, 1), make_settings()) == [date(2024, 3, 1)]


def model(settings, name, as_of_date="2024-01-01", **values):
    content = {
        "job": "churn",
        "model_version": f"churn-{as_of_date}-{name}",
        "as_of_date": as_of_date,
        "is_published": True,
        "sources": ["shop"],
        "mining_code": "m",
        "needs": {"horizon_days": 28},
        **values,
    }
    write_model(settings, content)


def test_an_earlier_model_of_the_same_sources_is_an_input_and_so_is_a_refused_one(planned):
    settings = planned(shop=["2024-01-05"])
    before = make_plan(settings).input_hash
    model(settings, "of-this-day", as_of_date="2024-01-05")
    model(settings, "later", as_of_date="2024-02-05")
    model(settings, "of-others", sources=["shop", "web"])
    (settings.models / "churn" / ".tmp-1-half.json").write_text("{", encoding="utf-8")
    assert make_plan(settings).input_hash == before
    model(settings, "usable")
    with_model = make_plan(settings).input_hash
    assert with_model != before
    model(settings, "refused", "2024-01-02", is_published=False)
    assert make_plan(settings).input_hash != with_model


def test_models_that_can_no_longer_score_are_not_an_input(planned):
    """Only the newest published one and the newest attempt of a kind decide what scores a day."""
    settings = planned(shop=["2024-01-05"])
    model(settings, "published", "2024-01-03")
    model(settings, "refused", "2024-01-04", is_published=False)
    before = make_plan(settings).input_hash
    model(settings, "older", "2024-01-01")
    model(settings, "older and refused", "2024-01-02", is_published=False)
    assert make_plan(settings).input_hash == before
    model(settings, "of another question", "2024-01-01", needs={"horizon_days": 91})
    assert make_plan(settings).input_hash != before


def test_the_order_of_two_appends_to_one_interval_is_an_input(define_source, planned):
    tables = {"sales": {**SALES, "file": "*.csv", "load": "append"}}
    settings = planned(keys={"tables": tables}, shop=["2024-01-05"])
    (define_source("shop", tables=tables) / "late.csv").write_text("id,sold_at\n9,2024-01-02\n", encoding="utf-8")
    land_source(settings, "shop")
    before = make_plan(settings)
    one, other = sorted((settings.landing / "shop" / "sales").glob("*.json"))
    receipts = [read_receipt(path) for path in (one, other)]
    for path, receipt, generation in zip((one, other), receipts, reversed(receipts), strict=True):
        write_sealed(path, {**receipt, "generation": generation["generation"]})
    assert make_plan(settings).input_hash != before.input_hash


def publish_as(settings, release_id, as_of="2024-01-01", sources=("shop",)):
    entry = {
        "release_id": release_id,
        "as_of_date": as_of,
        "sources": list(sources),
        "code_version": "c",
        "input_hash": "i",
    }
    ledger.record(settings, {**entry, "score_files": {"clv": [f"scores/{release_id}.parquet"]}})


def test_earlier_releases_of_the_same_sources_are_an_input(planned):
    settings = planned(shop=["2024-01-05"])
    without = make_plan(settings).input_hash
    publish_as(settings, "of-this-day", "2024-01-05")
    publish_as(settings, "later", "2024-02-05")
    publish_as(settings, "of-others", sources=["shop", "web"])
    assert make_plan(settings).input_hash == without
    publish_as(settings, "first")
    with_first = make_plan(settings).input_hash
    publish_as(settings, "second")
    with_second = make_plan(settings).input_hash
    assert len({without, with_first, with_second}) == 3
    publish_as(settings, "second")
    assert make_plan(settings).input_hash == with_second
    publish_as(settings, "first")
    assert make_plan(settings).input_hash == with_first


def test_the_plan_of_cdnow_has_its_calendar_and_files(data_dir, make_settings):
    settings = make_settings(CRM_DATA=str(data_dir), CRM_SOURCES="cdnow")
    land_source(settings, "cdnow")
    plan = make_plan(settings)
    assert (plan.as_of_date, plan.first_event_date) == ("1998-06-30", "1997-01-01")
    assert (plan.currency, plan.time_zone, plan.history) == ("USD", "UTC", {"cdnow": "complete"})
    assert plan.providers == {"order_lines": ["cdnow"], "orders": ["cdnow"]}
