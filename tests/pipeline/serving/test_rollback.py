"""`make rollback`: readers get an earlier release, whole, and the next build does not undo that silently."""

import json
from contextlib import closing
from dataclasses import replace

import pytest

from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.outputs.summary import why_unchanged
from pipeline.serving import ledger
from pipeline.serving.releases import current_release
from pipeline.serving.rollback import rollback
from tests.pipeline.serving.test_publish import publish
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings

FIRST = replace(RELEASE, basis_hash="first")
SECOND = replace(RELEASE, release_id="2026-03-31-bbbbbbbbbbbb", input_hash="b" * 64, basis_hash="second")


@pytest.fixture
def settings(tmp_path):
    settings = make_settings(tmp_path)
    build_warehouse(settings)
    publish(settings, FIRST)
    publish(settings, SECOND)
    return settings


def test_a_rollback_publishes_the_release_before_and_is_recorded(settings):
    (settings.lists / SECOND.release_id).mkdir(parents=True)
    message = rollback(settings)
    assert current_release(settings).name == FIRST.release_id
    assert f"Readers now see release {FIRST.release_id}, as of 2026-03-31 (before: {SECOND.release_id})." in message
    assert "3 customers, net sales 35.35" in message
    assert f"make rollback RELEASE={SECOND.release_id}" in message
    assert f"Lists of {SECOND.release_id} have been exported" in message
    entry = json.loads((settings.ledger / f"{SECOND.release_id}.json").read_text())
    assert entry["rolled_back_to"] == FIRST.release_id


def test_after_a_rollback_equal_inputs_publish_nothing_and_new_ones_publish(settings):
    rollback(settings)
    assert ledger.rolled_back(settings, "second") == SECOND.release_id
    assert ledger.rolled_back(settings, "first") is None
    assert ledger.rolled_back(settings, "third") is None
    text = why_unchanged(FIRST.release_id, SECOND.release_id)
    assert f"Release {SECOND.release_id} of these inputs was rolled back" in text
    publish(settings, replace(RELEASE, release_id="2026-03-31-cccccccccccc", basis_hash="third"))
    assert ledger.published_before(settings, "2026-03-31-cccccccccccc") == [FIRST.release_id]


def test_a_rollback_can_be_reverted(settings):
    rollback(settings)
    rollback(settings, SECOND.release_id)
    assert current_release(settings).name == SECOND.release_id
    assert ledger.rolled_back(settings, "second") is None


def test_a_rolled_back_release_is_not_history(settings):
    rollback(settings)
    earlier = ledger.earlier_releases(settings, ["shop"], RELEASE.as_of_date.replace(month=5, day=1, year=2026))
    assert [entry["release_id"] for entry in earlier] == [FIRST.release_id]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "checks.json").unlink(),
        lambda folder: (folder / "contacts.duckdb").unlink(),
        lambda folder: (folder / "perennial.duckdb").write_bytes(b"half"),
        lambda folder: (folder / "parquet" / "core" / "fct_order.parquet").unlink(),
        lambda folder: (folder / "parquet" / "marts" / "customer_360.parquet").write_bytes(b"half"),
        lambda folder: change(folder, "update core.fct_order set net_amount = net_amount + 0.0001"),
        lambda folder: change(folder, "drop table marts.customer_churn"),
        lambda folder: change(folder, "create table marts.more as select 1 as one"),
    ],
)
def test_a_release_that_is_not_whole_is_refused(settings, damage):
    damage(current_release(settings).with_name(FIRST.release_id))
    with pytest.raises(UserError, match=r"is not whole.*readers keep what they have"):
        rollback(settings)
    assert current_release(settings).name == SECOND.release_id
    assert ledger.rolled_back(settings, "second") is None


def change(folder, query: str) -> None:
    with closing(connect(folder / "perennial.duckdb")) as connection:
        connection.execute(query)


@pytest.mark.parametrize(
    ("release_id", "message"),
    [("2020-01-01-x", "there is no such release. Kept: "), (SECOND.release_id, "see release .* already")],
)
def test_a_wrong_release_is_reported_in_one_message(settings, release_id, message):
    with pytest.raises(UserError, match=message):
        rollback(settings, release_id)


def test_the_first_release_cannot_be_rolled_back(settings):
    rollback(settings)
    with pytest.raises(UserError, match="There is no release before"):
        rollback(settings)
