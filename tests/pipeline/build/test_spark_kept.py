"""Which tables of a build on Spark the next one keeps: all of the same inputs, and none of others."""

from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from pipeline.base.settings import Settings
from pipeline.build.dbt import BEFORE_MINING
from pipeline.build.spark.kept import MADE_OF, keep_made

# Tables of the run before mining, one of them in the schema of the marts, and of the run that makes these.
BEFORE = {
    "seeds/segments",
    "intermediate/int_orders__rows",
    "core/fct_order",
    "ops/row_fates",
    "features/feature_dates",
    "marts/identity_coverage",
}
MARTS = {"marts/customer_360", "parts/part_customer_activity"}


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Both runs of dbt have made tables."""
    settings = make_settings(CRM_ENGINE="spark")
    keep_made(settings, BEFORE_MINING, "inputs")
    make(settings, BEFORE)
    keep_made(settings, ("marts",), "scores")
    make(settings, MARTS)
    return settings


def make(settings: Settings, tables: set[str]) -> None:
    for table in tables:
        (settings.spark_tables / table).mkdir(parents=True)
        (settings.spark_tables / table / "_SUCCESS").touch()


def kept(settings: Settings) -> set[str]:
    return {str(path.parent.relative_to(settings.spark_tables)) for path in settings.spark_tables.glob("*/*/_SUCCESS")}


def test_a_build_of_the_same_inputs_goes_on(settings: Settings) -> None:
    keep_made(settings, BEFORE_MINING, "inputs")
    keep_made(settings, ("marts",), "scores")
    assert kept(settings) == BEFORE | MARTS


def test_a_build_of_other_inputs_begins_with_no_tables(settings: Settings) -> None:
    keep_made(settings, BEFORE_MINING, "others")
    assert kept(settings) == set()
    make(settings, MARTS)
    keep_made(settings, ("marts",), "scores")
    assert kept(settings) == set(), "marts of the same scores, and of another core"


def test_marts_of_other_scores_are_made_again(settings: Settings) -> None:
    keep_made(settings, ("marts",), "others")
    assert kept(settings) == BEFORE
    keep_made(settings, BEFORE_MINING, "inputs")
    assert kept(settings) == BEFORE


@pytest.mark.parametrize("has_boot_id", [True, False])
def test_nothing_is_kept_that_was_written_before_the_machine_started(
    settings: Settings, has_boot_id: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot_id, started = tmp_path / "boot_id", psutil.boot_time()
    monkeypatch.setattr("pipeline.build.spark.kept.BOOT_ID", boot_id)
    if has_boot_id:
        boot_id.write_text("one\n", encoding="utf-8")
    keep_made(settings, BEFORE_MINING, "inputs")
    make(settings, BEFORE)
    keep_made(settings, BEFORE_MINING, "inputs")
    assert kept(settings) == BEFORE
    if has_boot_id:
        boot_id.write_text("other\n", encoding="utf-8")
    monkeypatch.setattr("psutil.boot_time", lambda: started + 60)
    keep_made(settings, BEFORE_MINING, "inputs")
    assert kept(settings) == set()


def test_nothing_is_kept_of_a_build_that_was_killed_while_it_removed_tables(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removes_the_first(path: Path) -> None:
        path.unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr("pipeline.build.spark.kept.remove", removes_the_first)
        with pytest.raises(KeyboardInterrupt):
            keep_made(settings, BEFORE_MINING, "others")
    keep_made(settings, BEFORE_MINING, "inputs")
    assert kept(settings) == set()


def test_nothing_is_kept_where_it_is_unknown_what_it_was_made_of(settings: Settings) -> None:
    (settings.spark_tables / MADE_OF).write_text("{}", encoding="utf-8")
    keep_made(settings, BEFORE_MINING, "inputs")
    assert kept(settings) == set()
