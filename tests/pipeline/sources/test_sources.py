"""Source definitions: what is valid, what is said about what is not, and what the sources provide together."""

from datetime import date

import pytest

from pipeline.base.settings import known_sources
from pipeline.build.staging import check_models, copy_project
from pipeline.sources.definitions import (
    broken_inactive,
    company,
    contract_entities,
    load_source,
    location_of,
    providers,
)
from tests.conftest import SALES
from tests.support.builds.loads import said


@pytest.mark.parametrize("name", known_sources())
def test_the_sources_of_the_project_are_valid(name):
    source = load_source(name)
    assert source.tables
    assert source.description


def test_an_unknown_source_is_named_with_the_known_ones(define_source):
    define_source("shop")
    message = said(load_source, "shoop")
    for word in ("'shoop'", "Known: shop", "dags/sources/shoop.yml"):
        assert word in message


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"scedule": "none"}, ["shop.yml", "unknown key 'scedule'", "did you mean 'schedule'?"]),
        ({"tables": {"sales": {**SALES, "delimeter": ";"}}}, ["'tables.sales.delimeter'", "did you mean 'delimiter'?"]),
        ({"tables": {"sales": {**SALES, "xyz": 1}}}, ["'tables.sales.xyz'", "encoding", "skip_rows"]),
        ({"currency": None}, ["'currency' is missing"]),
        ({"currency": "euro"}, ["'currency' is 'euro'"]),
        ({"time_zone": "Europe/Atlantis"}, ["'time_zone' is 'Europe/Atlantis'", "Europe/London"]),
        ({"kind": "oracle"}, ["'kind' is 'oracle'", "sqlite"]),
        ({"description": 5}, ["line 1", "'description' is 5", "valid string"]),
        ({"first_interval_start": 20240101}, ["'first_interval_start' is 20240101", "2024-01-31"]),
        ({"first_interval_start": date(1, 1, 1)}, ["'0001-01-01'", "1900-01-01"]),
        ({"first_interval_start": date(9999, 12, 31)}, ["'9999-12-31'", "2199-12-31"]),
        ({"schedule": "daily"}, ["'schedule' is 'daily'", "0 4 * * *"]),
        ({"schedule": "61 * * * *"}, ["'schedule' is '61 * * * *'"]),
        ({"schedule": "0 0 30 2 *"}, ["'schedule' is '0 0 30 2 *'"]),
        ({"schedule": "* * * * * *"}, ["'schedule' is '* * * * * *'", "five fields"]),
        ({"schedule": "R 4 * * *"}, ["'schedule' is 'R 4 * * *'", "five fields"]),
        ({"tables": {5: SALES}}, ["'tables.5' is not a key"]),
        ({"tables": {"sales": 5}}, ["'tables.sales' is 5"]),
        ({"tables": [SALES]}, ["'tables'", "dictionary"]),
        ({"tables": {"sales": {**SALES, "key": 5}}}, ["'tables.sales.key' is 5", "valid list or ", "'position'"]),
        ({"tables": {"sales": {**SALES, "skip_rows": True}}}, ["'tables.sales.skip_rows' is True"]),
        (
            {"tables": {"sales": {**SALES, "look_back_hours": 10**12}}},
            ["'tables.sales.look_back_hours' is 1000000000000"],
        ),
        ({"tables": {"sales": {**SALES, "volume": {"at_leats": 1}}}}, ["volume.at_leats'", "did you mean 'at_least'?"]),
        ({"tables": {"sales": {**SALES, "volume": {"at_most": float("nan")}}}}, ["volume.at_most' is nan"]),
        ({"first_interval_start": "yesterday"}, ["'first_interval_start' is 'yesterday'"]),
        ({"tables": {}}, ["'tables'"]),
        ({"tables": {"Sales": SALES}}, ["'Sales'", "lower-case"]),
        ({"tables": {"sales__b": SALES}}, ["'sales__b'", "lower-case"]),
        ({"tables": {"sales": {**SALES, "file": "../secret.csv"}}}, ["'../secret.csv'", "inside `location`"]),
        ({"tables": {"sales": {**SALES, "file": "/etc/passwd"}}}, ["'/etc/passwd'", "not absolute"]),
        ({"tables": {"sales": {**SALES, "encoding": "klingon"}}}, ["'klingon'", "utf-16"]),
        ({"tables": {"sales": {**SALES, "delimiter": "||"}}}, ["'||'", "one character"]),
        (
            {"tables": {"sales": {**SALES, "load": "replace"}}},
            ["tables.sales.load", "'replace'", "'snapshot', 'append' or 'upsert'"],
        ),
        ({"tables": {"sales": {**SALES, "load": "upsert"}}}, ["`load: upsert` needs a `key`", "`cursor`"]),
        (
            {"tables": {"sales": {**SALES, "load": "upsert", "key": ["id"], "cursor": "sold_at"}}},
            ["table 'sales'", "`append`", "`snapshot`"],
        ),
        (
            {"tables": {"sales": {**SALES, "key": ["id"], "personal": ["sold_at"]}}},
            ["'sold_at' is `personal`", "cannot be key"],
        ),
        (
            {"tables": {"sales": {**SALES, "load": "snapshot", "whole_orders": True}}},
            ["`whole_orders`", "a snapshot says itself which lines are gone"],
        ),
        (
            {"tables": {"sales": {**SALES, "load": "upsert", "key": ["id"], "cursor": "at", "whole_orders": True}}},
            ["`whole_orders` of an upsert needs `key_scan_days: 0`"],
        ),
        ({"kind": "postgresql"}, ["kind postgresql needs `connection`"]),
        ({"tables": {"sales": {**SALES, "key": ["id"], "columns": ["sold_at"]}}}, ["'id'", "key", "sold_at"]),
        ({"tables": {"sales": {**SALES, "columns": ["sold_at", "Sold_At"]}}}, ["twice"]),
        ({"tables": {"sales": {**SALES, "columns": ["sold_at", "_op"]}}}, ["'_op'", "landing"]),
        ({"tables": {"sales": {**SALES, "format": "fixed_width"}}}, ["`columns`", "fixed_width"]),
        ({"tables": {"sales": {**SALES, "header": False}}}, ["`header: false`", "`columns`"]),
        ({"tables": {"sales": {**SALES, "cursor": "changed_at"}}}, ["`cursor` needs a `key`", "key: position"]),
        ({"tables": {"sales": {**SALES, "deleted": "void"}}}, ["`deleted` needs a `key`"]),
        (
            {"tables": {"sales": {**SALES, "key": ["id"], "cursor": "sold_at", "deleted": "sold_at"}}},
            ["'sold_at' is named for `deleted` and for something else"],
        ),
        (
            {"tables": {"sales": {**SALES, "key": ["id"], "cursor": "at", "columns": ["id", "sold_at"]}}},
            ["'at' (key, event_time, cursor or deleted)", "id, sold_at"],
        ),
        ({"tables": {"sales": {**SALES, "columns": ["sold_at", "_cursor"]}}}, ["'_cursor'", "landing"]),
        ({"tables": {"sales": {**SALES, "key": ["id"], "currsor": "at"}}}, ["did you mean 'cursor'?"]),
        ({"tables": {"sales": {**SALES, "format": "json"}}}, ["tables.sales.format", "'json'", "jsonl"]),
        ({"tables": {"sales": {**SALES, "format": None}}}, ["`format`", "`query_table`"]),
        ({"kind": "sqlite"}, ["kind sqlite needs `query_table`"]),
        ({"tables": {"sales": {**SALES, "event_time": None}}}, ["`schedule: none` needs `event_time`"]),
    ],
)
def test_a_wrong_definition_is_named(define_source, keys, words):
    define_source("shop", **keys)
    message = said(load_source, "shop")
    for word in ("shop.yml", *words):
        assert word in message
    assert "\n" not in message and message.endswith("(docs/adding_a_source.md).")


@pytest.mark.parametrize("schedule", ["none", "0 4 * * *", "@daily", "*/15 8-18 * * MON-FRI", "0 0 L * *"])
def test_a_schedule_is_none_or_cron(define_source, schedule):
    define_source("shop", schedule=schedule)
    assert load_source("shop").is_scheduled == (schedule != "none")


def test_a_source_is_named_by_its_file_alone(define_source, tmp_path):
    define_source("shop")
    path = tmp_path / "dags" / "sources" / "shop.yml"
    path.write_text("name: other\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert "shop.yml: unknown key 'name'" in said(load_source, "shop")


def test_a_file_whose_name_is_not_valid_for_a_source_is_named(define_source, tmp_path):
    define_source("Shop-2")
    assert "Shop-2.yml: names of sources have lower-case letters" in said(load_source, "Shop-2")


def test_all_problems_are_told_at_once(define_source):
    define_source("shop", currency="euro", scedule="none")
    message = said(load_source, "shop")
    assert "'euro'" in message
    assert "'scedule'" in message
    assert "\n" not in message


def test_location_takes_variables_from_the_environment(define_source, make_settings, tmp_path):
    define_source("shop", location="${SHOP_EXPORTS}/2024", hint="ask the shop for its exports")
    settings = make_settings(CRM_SOURCES="shop")
    source = load_source("shop")
    assert location_of(source, settings, {"SHOP_EXPORTS": str(tmp_path)}) == tmp_path / "2024"
    for env in ({}, {"SHOP_EXPORTS": ""}):
        message = said(location_of, source, settings, env)
        for word in ("shop.yml", "SHOP_EXPORTS", "not set", "ask the shop for its exports"):
            assert word in message


def test_crm_data_has_its_default(make_settings):
    settings = make_settings(CRM_SOURCES="cdnow")
    assert location_of(load_source("cdnow"), settings, {}) == settings.data / "cdnow"


def test_crm_home_is_where_the_run_writes(define_source, make_settings):
    define_source("shop", location="${CRM_HOME}/shop")
    settings = make_settings(CRM_SOURCES="shop")
    assert location_of(load_source("shop"), settings, {"CRM_HOME": "/elsewhere"}) == settings.home / "shop"


def test_company_follows_the_sources_unless_the_environment_decides(define_source, make_settings):
    define_source("one")
    define_source("two", currency="USD")
    assert company(make_settings(CRM_SOURCES="one")) == ("EUR", "Europe/Berlin")
    message = said(company, make_settings(CRM_SOURCES="one,two"))
    for word in ("one: EUR", "two: USD", "CRM_CURRENCY"):
        assert word in message
    decided = make_settings(CRM_SOURCES="one,two", CRM_CURRENCY="GBP", CRM_TIME_ZONE="UTC")
    assert company(decided) == ("GBP", "UTC")


def test_two_time_zones_are_named(define_source, make_settings):
    define_source("one")
    define_source("two", time_zone="UTC")
    message = said(company, make_settings(CRM_SOURCES="one,two"))
    for word in ("one: Europe/Berlin", "two: UTC", "CRM_TIME_ZONE"):
        assert word in message


@pytest.fixture
def staging(tmp_path, monkeypatch):
    """A staging folder in which `add("shop", "orders")` makes a model."""
    monkeypatch.setattr("pipeline.base.settings.STAGING", tmp_path / "staging")

    def add(source, *entities):
        folder = tmp_path / "staging" / source
        folder.mkdir(parents=True, exist_ok=True)
        for entity in entities:
            (folder / f"stg_{source}__{entity}.sql").touch()
        return folder

    return add


def test_providers_come_from_file_names(define_source, make_settings, staging):
    for name in ("two", "one"):
        define_source(name)
    staging("one", "orders", "products")
    staging("two", "orders")
    assert providers(make_settings(CRM_SOURCES="two,one")) == {"orders": ["one", "two"], "products": ["one"]}


def test_a_model_of_no_known_entity_is_named(define_source, make_settings, staging):
    define_source("shop")
    staging("shop", "orders", "ordres")
    message = said(providers, make_settings(CRM_SOURCES="shop"))
    for word in ("stg_shop__ordres.sql", *contract_entities()):
        assert word in message


def test_one_source_with_orders_is_enough(define_source, make_settings, staging):
    for name, entity in {"desk": "contacts", "shop": "orders", "web": "web_events"}.items():
        define_source(name)
        staging(name, entity)
    found = providers(make_settings(CRM_SOURCES="web,shop,desk"))
    assert found == {"contacts": ["desk"], "orders": ["shop"], "web_events": ["web"]}
    message = said(providers, make_settings(CRM_SOURCES="web,desk"))
    for word in ("No active source provides orders (desk, web)", "CRM_SOURCES", "stg_<source>__orders.sql"):
        assert word in message


def test_a_source_that_provides_nothing_is_named(define_source, make_settings, staging):
    for name in ("desk", "shop"):
        define_source(name)
    staging("shop", "orders")
    message = said(providers, make_settings(CRM_SOURCES="shop,desk"))
    for word in ("'desk' provides nothing", "stg_desk__<entity>.sql", "contacts"):
        assert word in message


JINJA = "{{ stage('orders', landed('sales'), columns={ }}"
BROKEN_MODELS = {
    "Jinja": (JINJA.encode(), "line 1: Jinja cannot read it"),
    "another encoding": ("select 'ü' as a".encode("latin-1"), "bytes that are not UTF-8"),
    "nested without end": (b"{{ " + b"[" * 5000, "Jinja cannot read it"),
    "a model that is not there": (
        b"select * from {{ ref('base_shop__tills') }}",
        "there is no model 'base_shop__tills'",
    ),
}
broken_models = pytest.mark.parametrize(("content", "said_of_it"), BROKEN_MODELS.values(), ids=BROKEN_MODELS)


@broken_models
def test_a_staging_model_that_dbt_cannot_parse_is_named(define_source, make_settings, staging, content, said_of_it):
    define_source("shop")
    (staging("shop") / "stg_shop__orders.sql").write_bytes(content)
    message = said(providers, make_settings(CRM_SOURCES="shop"))
    assert "staging/shop/stg_shop__orders.sql" in message and said_of_it in message
    assert "\n" not in message


@broken_models
def test_it_is_a_warning_where_its_source_is_not_active(define_source, make_settings, staging, content, said_of_it):
    for name in ("desk", "shop"):
        define_source(name)
        staging(name, "orders")
    settings = make_settings(CRM_SOURCES="desk")
    assert broken_inactive(settings) == []
    (staging("shop") / "stg_shop__orders.sql").write_bytes(content)
    assert providers(settings) == {"orders": ["desk"]}
    (warning,) = broken_inactive(settings)
    assert "'shop' is not active" in warning and said_of_it in warning


def test_folders_in_place_of_files_are_named(define_source, make_settings, staging, tmp_path):
    define_source("desk")
    define_source("shop")
    (staging("desk") / "stg_desk__orders.sql").mkdir()
    (tmp_path / "dags" / "sources" / "shop.yml").unlink()
    (tmp_path / "dags" / "sources" / "shop.yml").mkdir()
    assert "shop.yml cannot be read (Is a directory)" in said(load_source, "shop")
    assert "stg_desk__orders.sql cannot be read" in said(providers, make_settings(CRM_SOURCES="desk"))


def test_a_yml_of_staging_that_cannot_be_read_is_named(define_source, make_settings, staging):
    define_source("shop")
    (staging("shop", "orders") / "stg_shop.yml").write_text("models:\n\t- name: x\n", encoding="utf-8")
    assert "stg_shop.yml, line 2: a tab stands" in said(providers, make_settings(CRM_SOURCES="shop"))


def test_dbt_is_given_the_models_of_active_sources_alone(tmp_path):
    for names in (["cdnow", "demo_shop"], ["cdnow"]):
        copy = copy_project(tmp_path, names)
        assert sorted(path.name for path in (copy / "models" / "staging").iterdir()) == names
        assert (copy / "macros" / "staging.sql").is_file() and (copy / "dbt_project.yml").is_file()


def test_the_models_of_the_project_can_be_parsed():
    for name in known_sources():
        check_models(name)
