"""Whoever has said no since a release was built is in no list of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.errors import UserError
from pipeline.base.files import write_json
from pipeline.outputs.lists import export_lists
from pipeline.outputs.lists.permissions import _refuse_held_consents, _sources, _tables_of_consents
from tests.pipeline.outputs.test_lists import open_list
from tests.pipeline.small_release import publish_small
from tests.pipeline.small_warehouse import make_settings
from tests.support.builds.permissions import landed_since
from tests.support.builds.states import receipt_of

WITH_CONSENT = "update marts.campaign_audience set can_email = true, can_post = true, can_call = true, can_text = null"


@pytest.fixture
def export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[list[dict[str, str]], dict[str, Any]]]:
    """Publish the made-up release, in which Ben is in the list; export it after what has landed since."""

    def export_after(
        *rows: Any, release: str = WITH_CONSENT, **landed: Any
    ) -> tuple[list[dict[str, str]], dict[str, Any]]:
        settings = make_settings(tmp_path)
        publish_small(settings, release)
        landed_since(monkeypatch, *rows, **landed)
        (path,) = export_lists(settings)
        manifest = json.loads(path.with_suffix(".manifest.json").read_text(encoding="utf-8"))
        return open_list(path), manifest

    return export_after


def test_a_withdrawal_after_the_release_removes_the_address(export):
    rows, manifest = export(("ben", None, False, True, True, True, False), has_consents=True)
    assert [(row["email"], row["street"], row["can_email"], row["can_email_or_post"]) for row in rows] == [
        ("", "Banyan Road 7", "no", "yes")
    ]
    assert manifest["left_out_since_by_reason"] == {}


def test_the_last_withdrawal_removes_the_customer(export):
    rows, manifest = export(("ben", None, False, False, True, True, False), has_consents=True)
    assert rows == []
    assert manifest["left_out_since_by_reason"] == {"no consent": 1}
    assert manifest["rows"] == 0


def test_a_customer_whose_consents_are_gone_is_left_out(export):
    assert export(has_consents=True)[0] == []


@pytest.mark.parametrize("why", ["deleted at the source", "objects to profiling"])
@pytest.mark.parametrize("has_consents", [True, False])
def test_deleted_and_objecting_customers_are_left_out(export, why, has_consents):
    rows, manifest = export(("ben", why, False, False, False, False, False), has_consents=has_consents)
    assert rows == []
    assert manifest["left_out_since_by_reason"] == {why: 1}


def test_a_grant_after_the_release_waits_for_the_next_one(export):
    release = "update marts.campaign_audience set can_email = false, can_post = true"
    (row,), _ = export(("ben", None, True, True, True, True, False), release=release, has_consents=True)
    assert (row["can_email"], row["can_post"], row["email"]) == ("no", "yes", "")


def test_unreadable_consents_are_counted(export):
    _, manifest = export(("ben", None, True, True, True, True, True), has_consents=True, lines=3)
    counted = manifest["consent"]["not_readable"]
    assert (counted["rows"], counted["customers"], counted["lines"]) == (1, 1, 3)


def test_a_held_load_of_consents_stops_the_export(define_source, make_settings, tmp_path, monkeypatch):
    define_source("shop", tables={"log": {"file": "log.csv", "format": "csv", "load": "append", "key": ["id"]}})
    staging = tmp_path / "staging" / "shop"
    staging.mkdir(parents=True)
    monkeypatch.setattr("pipeline.outputs.lists.permissions.STAGING", staging.parent)
    (staging / "stg_shop__consents.sql").write_text("select * from {{ ref('base_shop__log') }}", encoding="utf-8")
    (staging / "base_shop__log.sql").write_text("select * from {{ landed('log') }}", encoding="utf-8")
    (staging / "stg_shop__orders.sql").write_text("select * from {{ landed('sales') }}", encoding="utf-8")
    settings = make_settings(CRM_SOURCES="shop")
    assert _tables_of_consents("shop") == {"log"}
    write_json(
        settings.landing / "shop" / "sales" / "held" / "a.json",
        receipt_of("shop", "sales", held_because="it has 9 rows."),
    )
    _refuse_held_consents(settings)
    write_json(
        settings.landing / "shop" / "log" / "held" / "a.json", receipt_of("shop", "log", held_because="it has 9 rows.")
    )
    with pytest.raises(UserError, match=r"(?s)No list is exported while a load of consents is held.*make accept"):
        _refuse_held_consents(settings)


def test_a_broken_source_is_asked_only_if_it_has_landed(define_source, make_settings, tmp_path):
    for name in ("shop", "desk"):
        define_source(name)
    (tmp_path / "dags" / "sources" / "desk.yml").write_text("first_interval_start: 2024-02-30", encoding="utf-8")
    settings = make_settings(CRM_SOURCES="*")
    assert _sources(settings, ["shop"]) == ("shop",)
    write_json(settings.landing / "desk" / "sales" / "a.json", receipt_of("desk", "sales"))
    with pytest.raises(UserError, match=r"desk\.yml, line 1, 'first_interval_start'"):
        _sources(settings, ["shop"])
