"""Environment variables in, one message out for each value that cannot be used."""

from dataclasses import replace

import pytest

from pipeline.base.errors import UserError
from pipeline.base.settings import (
    DEFAULT_SOURCES,
    ROOT,
    declared_settings,
    every_source,
    load_settings,
    make_folder,
)
from pipeline.orchestration.airflow_settings import PORT

NAMED = {"CRM_SOURCES": "cdnow"}


def test_a_folder_that_cannot_be_made_is_named_with_its_variable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"CRM_HOME: the folder .*file/home cannot be made .* Set CRM_HOME"):
        make_folder(tmp_path / "file" / "home", "CRM_HOME")


def test_defaults_are_inside_the_project():
    settings = load_settings(NAMED)
    assert settings.home == ROOT / "var"
    assert settings.data == ROOT / ".data"
    assert (settings.currency, settings.time_zone) == (None, None)


def test_the_demo_company_is_the_default(define_source):
    for name in ("demo_web", "shop", "demo_shop"):
        define_source(name)
    for env in ({}, {"CRM_SOURCES": ""}):
        assert load_settings(env).sources == ("demo_shop", "demo_web")


def test_without_the_demo_company_the_sources_must_be_named(define_source):
    define_source("shop")
    with pytest.raises(UserError, match=r"CRM_SOURCES is not set.*demo_\*\.yml.*Set CRM_SOURCES.*Known: shop\."):
        load_settings({})
    assert load_settings(every_source({})).sources == ("shop",)


def test_a_pattern_stands_for_the_known_sources_that_are_like_it(define_source):
    for name in ("demo_web", "shop", "demo_shop", "till_1", "till_2"):
        define_source(name)
    assert load_settings({"CRM_SOURCES": "shop,demo_*"}).sources == ("shop", "demo_shop", "demo_web")
    assert load_settings({"CRM_SOURCES": "till_[12],till_1"}).sources == ("till_1", "till_2")
    assert load_settings({"CRM_SOURCES": "*shop"}).sources == ("demo_shop", "shop")


def test_sources_are_split_stripped_and_unique():
    assert load_settings({"CRM_SOURCES": " cdnow, complete_journey,cdnow,"}).sources == ("cdnow", "complete_journey")


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (
            {"CRM_SOURCES": "cdnow,nowhere"},
            ["CRM_SOURCES", "'nowhere'", "complete_journey", "dags/sources/nowhere.yml"],
        ),
        ({"CRM_SOURCES": " , "}, ["CRM_SOURCES is empty", "cdnow"]),
        ({"CRM_SOURCES": "cdnow,nowhere_*"}, ["CRM_SOURCES: no source is like 'nowhere_*'", "complete_journey"]),
        ({"CRM_CURRENCY": "EUR' or '1'='1"}, ["CRM_CURRENCY", "'EUR' or '1'='1'", "three capital letters"]),
        ({"CRM_CURRENCY": "EUR\n"}, ["CRM_CURRENCY"]),
        ({"CRM_CURRENCY": "usd"}, ["CRM_CURRENCY", "'usd'"]),
        ({"CRM_TIME_ZONE": "Europe"}, ["CRM_TIME_ZONE", "'Europe'"]),
        ({"CRM_TIME_ZONE": "Mars/Base"}, ["CRM_TIME_ZONE", "'Mars/Base'", "Europe/London"]),
        ({"CRM_CLV_HORIZON_DAYS": "a year"}, ["CRM_CLV_HORIZON_DAYS", "'a year'", "365"]),
        ({"CRM_CHURN_HORIZON_DAYS": "0"}, ["CRM_CHURN_HORIZON_DAYS", "'0'", "28"]),
        ({"CRM_CHURN_LONGER_HORIZONS": "90,30"}, ["CRM_CHURN_LONGER_HORIZONS", "'90,30'", "ascending", "none"]),
        ({"CRM_CHURN_LONGER_HORIZONS": "90,a year"}, ["CRM_CHURN_LONGER_HORIZONS", "'90,a year'"]),
        ({"CRM_AGENT_FIGURES": "yes"}, ["CRM_AGENT_FIGURES", "'yes'", "one of off, on"]),
        ({"CRM_SMALLEST_GROUP": "0"}, ["CRM_SMALLEST_GROUP", "'0'"]),
        ({"CRM_LEFT_TRUNCATION_DAYS": "-3"}, ["CRM_LEFT_TRUNCATION_DAYS", "'-3'"]),
        ({"CRM_ANNUAL_DISCOUNT_RATE": "10"}, ["CRM_ANNUAL_DISCOUNT_RATE", "'10'", "0.10"]),
        ({"CRM_ANNUAL_DISCOUNT_RATE": "nan"}, ["CRM_ANNUAL_DISCOUNT_RATE", "'nan'"]),
        ({"CRM_ENGINE": "hadoop"}, ["CRM_ENGINE", "'hadoop'", "one of duckdb, spark"]),
        ({"CRM_SPARK_MASTER": "localhost"}, ["CRM_SPARK_MASTER", "'localhost'", "local[2]", "spark://host:7077"]),
        ({"CRM_HOME": "s3://ana:s3cr3t@shop/crm"}, ["CRM_HOME", "s3://", "a password", "into the environment"]),
        ({"CRM_HOME": "s3://shop/crm?key=s3cr3t"}, ["CRM_HOME", "s3://", "a query", "into the environment"]),
    ],
)
def test_a_wrong_value_is_named(env, words):
    with pytest.raises(UserError) as error:
        load_settings({**NAMED, **env})
    for word in words:
        assert word in str(error.value)
    assert "s3cr3t" not in str(error.value)


def test_a_home_at_an_address_has_a_working_copy_of_its_own(tmp_path):
    env = {**NAMED, "CRM_HOME": "abfs://crm@shop.dfs.core.windows.net/a/", "CRM_WORK": str(tmp_path)}
    settings = load_settings(env)
    assert settings.home.parent == tmp_path
    assert settings.home_address == "abfs://crm@shop.dfs.core.windows.net/a"
    assert load_settings({**env, "CRM_HOME": "abfs://crm@shop.dfs.core.windows.net/b"}).home != settings.home
    assert replace(settings, home=tmp_path / "scratch").home_address is None
    assert load_settings(NAMED).home_address is None


def test_an_address_of_a_folder_is_that_folder(tmp_path):
    assert load_settings({**NAMED, "CRM_HOME": f"file://{tmp_path}"}).home == tmp_path


def test_another_engine_is_the_same_code_version():
    """Models of one engine score on the other."""
    on_duckdb, on_spark = (load_settings({**NAMED, "CRM_ENGINE": engine}) for engine in ("duckdb", "spark"))
    assert on_duckdb.code_version() == on_spark.code_version()
    assert on_duckdb.engine_version() != on_spark.engine_version()


def test_code_version_is_stable():
    settings = load_settings(NAMED)
    assert settings.code_version() == settings.code_version()
    assert len(settings.code_version()) == 16


def test_other_libraries_are_another_code_version(tmp_path, monkeypatch):
    before = load_settings(NAMED).code_version()
    lock = tmp_path / "requirements.lock"
    lock.write_text("scikit-learn==2.0\n")
    monkeypatch.setattr("pipeline.base.settings.LIBRARIES", lock)
    assert load_settings(NAMED).code_version() != before


def documented() -> dict[str, tuple[str, str]]:
    """Default and unit of each variable that docs/settings.md lists among the settings of the pipeline."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `CRM_")]
    return {cells[0].strip("`"): (cells[1].strip("`"), cells[2]) for cells in rows}


def test_the_documentation_lists_each_setting_with_its_default_and_unit():
    found = documented()
    settings = {setting.variable: setting for setting in [*declared_settings().values(), PORT]}
    assert set(found) == set(settings)
    worded = {
        "CRM_HOME": "var` in the project's folder",
        "CRM_WORK": "var` in the project's folder",
        "CRM_DATA": ".data` in the project's folder",
        "CRM_SOURCES": DEFAULT_SOURCES,
        "CRM_CURRENCY": "what the active sources say",
        "CRM_TIME_ZONE": "what the active sources say",
        "CRM_IDENTITY_DECISIONS": "identity_decisions.csv` in `CRM_HOME",
    }
    for variable, setting in settings.items():
        default, unit = found[variable]
        assert default == worded.get(variable, setting.default), variable
        assert unit.split(",")[0] == setting.unit, variable
