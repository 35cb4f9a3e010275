"""A full disk: told in one sentence before a build and where a write finds no room; what is published stays whole."""

import errno
from typing import NamedTuple

import duckdb
import pytest

from pipeline.base import scratch as disk
from pipeline.base.errors import UserError
from pipeline.build import owner
from pipeline.build.dbt import run_layers
from pipeline.outputs.report import page
from pipeline.serving import publish
from pipeline.serving.damage import find_damage
from pipeline.serving.releases import current_release
from tests.pipeline.build.test_dbt import dbt_says  # noqa: F401 - a fixture
from tests.pipeline.build.test_dbt import settings as dbt_settings  # noqa: F401 - a fixture
from tests.pipeline.serving.test_damage import THE_PLAN_OF_THE_SHOP
from tests.pipeline.serving.test_publish import OTHERS, pass_gate
from tests.pipeline.small_release import publish_small
from tests.pipeline.small_warehouse import RELEASE, make_settings

NO_ROOM = OSError(errno.ENOSPC, "No space left on device")
NO_QUOTA = OSError(errno.EDQUOT, "Disk quota exceeded")
DUCKDB_SAYS = duckdb.IOException('IO Error: Could not write file "x.duckdb": No space left on device')


class Usage(NamedTuple):
    """What `shutil.disk_usage` says."""

    total: int
    used: int
    free: int


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "write_report", lambda database, target: target.write_bytes(b"report"))
    settings = make_settings(tmp_path / "home")
    publish_small(settings)
    return settings


@pytest.mark.parametrize(
    ("writes", "error"),
    [
        ("copy_table", DUCKDB_SAYS),
        ("write_parquet", DUCKDB_SAYS),
        ("page.write_report", NO_ROOM),
        ("shutil.copyfile", NO_ROOM),
        ("write_sealed", NO_ROOM),
        ("fsync_tree", NO_QUOTA),
        ("replace_release", NO_ROOM),
        ("ledger.record", NO_ROOM),
        ("point_current_at", NO_ROOM),
        ("thin_out", NO_ROOM),
    ],
)
def test_publishing_on_a_full_disk_fails_in_one_sentence_and_keeps_the_published_release(
    settings, monkeypatch, writes, error
):
    def full(*_: object, **__: object) -> None:
        raise error

    pass_gate(settings, OTHERS[1])
    with monkeypatch.context() as patch:
        patch.setattr(f"pipeline.serving.publish.{writes}", full)
        with pytest.raises(UserError) as told:
            publish.publish_release(settings, OTHERS[1])
    assert str(told.value) == (
        f"The disk of {settings.home} is full. What is published stays as it is. Make room, then run again."
    )
    assert find_damage(current_release(settings)) is None
    assert current_release(settings).name in (RELEASE.release_id, OTHERS[1].release_id)
    assert list(settings.serving.rglob(".tmp-*")) == [], "half a release takes no room"
    publish.publish_release(settings, OTHERS[1])
    assert current_release(settings).name == OTHERS[1].release_id
    assert find_damage(current_release(settings)) is None


def test_another_write_error_is_not_reported_as_a_full_disk(settings, monkeypatch):
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    pass_gate(settings, OTHERS[1])
    monkeypatch.setattr("pipeline.serving.publish.fsync_tree", broken)
    with pytest.raises(OSError, match="Input/output error"):
        publish.publish_release(settings, OTHERS[1])


def test_a_build_without_room_does_not_start(settings, monkeypatch):
    monkeypatch.setattr(owner, "make_plan", lambda _: THE_PLAN_OF_THE_SHOP)
    needed = disk.room_for_build(settings)
    assert needed > settings.warehouse.stat().st_size
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**12, 10**12, needed // 2))
    assert not owner.begin_build(settings, "nothing to build needs no room")
    (current_release(settings) / "report.md").unlink()
    with pytest.raises(UserError, match=r"has \d+ MB free, and a build needs about \d+ MB\. Nothing was built"):
        owner.begin_build(settings, "a build")
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**12, 10**12, needed))
    assert owner.begin_build(settings, "a build")


def test_a_first_build_needs_room_for_what_has_landed(tmp_path):
    settings = make_settings(tmp_path / "home")
    settings.landing.mkdir(parents=True)
    empty = disk.room_for_build(settings)
    (settings.landing / "a.parquet").write_bytes(b"0" * 2**20)
    assert disk.room_for_build(settings) - empty >= 2 * disk.WAREHOUSE_OF_LANDING * 2**20


def test_a_model_on_a_full_disk_fails_in_one_sentence(dbt_settings, dbt_says):  # noqa: F811
    message = 'Runtime Error IO Error: Could not write file "warehouse.duckdb": No space left on device'
    dbt_says("", 1, [{"unique_id": "model.perennial.fct_order", "status": "error", "message": message}])
    with pytest.raises(UserError, match=r"^The disk of .* is full\. dbt could not build the layer core; what is"):
        run_layers(dbt_settings, "core")
