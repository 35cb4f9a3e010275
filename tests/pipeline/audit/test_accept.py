"""`make accept LOAD=`: a person leaves out what is in quarantine of a load, and says so once."""

import pytest

from cli.main import main
from pipeline.base.settings import Settings
from pipeline.build.plan import Plan, save_plan
from pipeline.serving import ledger
from tests.pipeline.small_warehouse import RELEASE, make_settings

INTERVALS = ("20260101T000000Z_20260201T000000Z", "20260201T000000Z_20260301T000000Z")


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    settings = make_settings(tmp_path)
    receipts = [
        {"source": "shop", "table": table, "interval": interval}
        for table in ("lines", "orders")
        for interval in INTERVALS
    ]
    plan = Plan(
        *(RELEASE.release_id, str(RELEASE.as_of_date), "2026-01-05", [], "EUR", "America/New_York", []),
        *({}, {}, {}, {}, {}, receipts, "landed", RELEASE.code_version, RELEASE.input_hash),
    )
    save_plan(settings, plan)
    return settings


@pytest.mark.parametrize(
    ("named", "accepted"),
    [
        (f"shop.lines.{INTERVALS[0]}", [f"shop.lines.{INTERVALS[0]}"]),
        ("shop.lines", [f"shop.lines.{interval}" for interval in INTERVALS]),
    ],
)
def test_a_load_or_all_that_have_landed_of_a_table_are_accepted(settings, capfd, named, accepted):
    assert main(["accept", "--load", named]) == 0
    assert capfd.readouterr().out.startswith(
        f"Left out from now on is what is in quarantine of: {', '.join(accepted)}."
    )
    assert ledger.accepted_loads(settings) == accepted
    assert ledger.entries(settings) == []


@pytest.mark.parametrize("named", ["shop", "shop.lines.", "shop.lines.2026", "shop.payments", "../shop.lines"])
def test_a_load_that_is_not_there_is_named(settings, capfd, named):
    assert main(["accept", "--load", named]) == 2
    said = capfd.readouterr().err
    assert f"No load '{named}' is in the last build." in said
    assert "Tables: shop.lines, shop.orders." in said
    assert ledger.accepted_loads(settings) == []


@pytest.mark.parametrize("words", [[], ["--load", "shop.lines", "--release", "r"], ["--source", "shop", "--load", "x"]])
def test_one_thing_is_accepted_at_a_time(settings, capfd, words):
    assert main(["accept", *words]) == 2
    assert capfd.readouterr().err.startswith("Give SOURCE and TABLE, or RELEASE, or LOAD")
    assert ledger.accepted_loads(settings) == []
