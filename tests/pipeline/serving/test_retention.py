"""Which releases are kept, and what is left of them after a kill."""

import datetime as dt
import shutil
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from pipeline.base.duck import connect
from pipeline.base.files import write_json
from pipeline.build.history import choose
from pipeline.outputs.report import page
from pipeline.serving import retention
from pipeline.serving.releases import current_release, has_facts, kept_releases, read_manifest
from pipeline.serving.retention import clean_up, thin_out
from pipeline.serving.rollback import check_whole, rollback
from tests.pipeline.serving.test_publish import publish
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings

DAY = dt.timedelta(days=1)


def named(*dates: str) -> list[tuple[str, str]]:
    return [(f"{date}-a", date) for date in dates]


def daily(first: str, days: int) -> list[tuple[str, str]]:
    start = dt.date.fromisoformat(first)
    return named(*(str(start + DAY * number) for number in range(days)))


def test_fourteen_days_in_full_and_the_last_of_each_month():
    kept = choose(daily("2025-01-01", 366), daily=14, monthly=12, always=[])
    assert kept.full == {name for name, _ in daily("2025-12-19", 14)}
    months = ["2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31", "2025-06-30", "2025-07-31", "2025-08-31"]
    months += ["2025-09-30", "2025-10-31", "2025-11-30"]
    assert kept.monthly == {f"{date}-a" for date in months}


def test_of_one_date_the_last_release_and_the_current_one_are_kept():
    releases = [*named("2026-01-01"), ("2026-01-01-b", "2026-01-01"), *named("2026-01-02")]
    kept = choose(releases, daily=1, monthly=0, always=["2026-01-01-a"])
    assert kept.full == {"2026-01-01-a", "2026-01-02-a"}
    assert choose(releases, daily=2, monthly=0, always=[]).full == {"2026-01-01-b", "2026-01-02-a"}


def releases_of(settings, days: int, first: dt.date = dt.date(2026, 3, 27)) -> list[str]:
    """Releases of some days: copies of one that was published, as whole as it."""
    folder = current_release(settings)
    names = []
    for number in range(days):
        as_of = first + DAY * number
        name = f"{as_of}-{number:012x}"
        shutil.copytree(folder, folder.with_name(name))
        manifest = {**read_manifest(folder), "release_id": name, "as_of_date": str(as_of)}
        write_json(folder.with_name(name) / "release.json", manifest)
        entry = {
            "release_id": name,
            "as_of_date": str(as_of),
            "sources": ["shop"],
            "code_version": "c",
            "input_hash": "i",
            "sequence": (as_of - RELEASE.as_of_date).days,
        }
        write_json(settings.ledger / f"{name}.json", entry)
        names.append(name)
    return names


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A home with one release, which each test has a copy of."""
    settings = make_settings(tmp_path_factory.mktemp("published"))
    build_warehouse(settings)
    publish(settings)
    return settings.home


@pytest.fixture
def settings(published, tmp_path):
    shutil.copytree(published, tmp_path, symlinks=True, dirs_exist_ok=True)
    return replace(make_settings(tmp_path), daily_releases=2, monthly_releases=3)


def test_a_monthly_release_has_its_marts_and_is_whole(settings):
    february = releases_of(settings, 2, dt.date(2026, 2, 27))[1]
    thin_out(settings)
    assert [path.name for path in kept_releases(settings)] == [february, RELEASE.release_id]
    releases_of(settings, 1, dt.date(2026, 3, 30))
    thin_out(settings)
    folder = current_release(settings).with_name(february)
    manifest = read_manifest(folder)
    assert {name.split(".")[0] for name in manifest["tables"]} == {"marts", "ops"}
    assert not has_facts(manifest)
    check_whole(folder)
    assert {path.name for path in folder.iterdir()} == {
        *("perennial.duckdb", "parquet", "release.json", "checks.json", "report.html", "report.md")
    }
    with closing(connect(folder / "perennial.duckdb", read_only=True)) as connection:
        query = "select comment from duckdb_columns() where table_name = 'customer_360' and column_name = 'tier'"
        assert connection.execute(query).fetchall() == [("platinum, gold, iron or lead",)]
    assert has_facts(read_manifest(current_release(settings)))


def lists_of(settings, *names: str) -> None:
    for name in names:
        (settings.lists / name).mkdir(parents=True)
        (settings.lists / name / "winback.csv").write_text("who\n", encoding="utf-8")


def lists_left(settings) -> set[str]:
    return {path.name for path in settings.lists.iterdir()}


def test_lists_are_removed_with_their_releases(settings):
    february = releases_of(settings, 1, dt.date(2026, 2, 28))[0]
    march = releases_of(settings, 4)
    lists_of(settings, february, *march, RELEASE.release_id)
    thin_out(settings)
    assert {path.name for path in kept_releases(settings)} == {february, march[-1], RELEASE.release_id}
    assert lists_left(settings) == {march[-1], RELEASE.release_id}, "a release that is reduced keeps no lists either"


def test_lists_of_removed_releases_are_removed_and_other_folders_stay(settings):
    lists_of(settings, "2019-01-01-0123456789ab", RELEASE.release_id, "for the printer", "2019-01-01")
    (settings.lists / "2019-01-01-0123456789ab.txt").touch()
    thin_out(settings)
    stay = {RELEASE.release_id, "for the printer", "2019-01-01", "2019-01-01-0123456789ab.txt"}
    assert lists_left(settings) == stay


def test_after_a_rollback_the_lists_that_are_exported_again_stay(settings):
    early = releases_of(settings, 1, dt.date(2026, 1, 5))[0]
    others = releases_of(settings, 3, dt.date(2026, 3, 28))
    lists_of(settings, early, *others, RELEASE.release_id)
    rollback(settings, early)
    assert early not in lists_left(settings)
    lists_of(settings, early)
    thin_out(settings)
    assert early in lists_left(settings)
    assert current_release(settings).name == early


def test_temporary_files_of_a_killed_export_are_removed(settings):
    lists_of(settings, RELEASE.release_id)
    (settings.lists / RELEASE.release_id / ".tmp-1-winback.xlsx").touch()
    (settings.lists / ".tmp-1-2026-03-30-000000000000").mkdir()
    clean_up(settings)
    assert lists_left(settings) == {RELEASE.release_id}
    assert [path.name for path in (settings.lists / RELEASE.release_id).iterdir()] == ["winback.csv"]


class Killed(BaseException):
    """What a kill is for the code: it goes no further."""


@pytest.mark.parametrize("moment", range(1, 20))
def test_a_kill_while_thinning_leaves_whole_releases(settings, monkeypatch, moment):
    names = releases_of(settings, 4)
    february = releases_of(settings, 1, dt.date(2026, 2, 28))[0]
    lists_of(settings, february, *names, RELEASE.release_id)
    steps = iter(range(1, moment + 1))

    def dying(action):
        def step(*arguments, **options):
            if next(steps) == moment:
                raise Killed
            return action(*arguments, **options)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(retention.Path, "rename", dying(retention.Path.rename))
        patch.setattr(retention.shutil, "rmtree", dying(retention.shutil.rmtree))
        patch.setattr(retention, "fsync_tree", dying(retention.fsync_tree))
        with suppress(Killed):
            thin_out(settings)
    for folder in kept_releases(settings):
        check_whole(folder)
    clean_up(settings)
    assert february in [folder.name for folder in kept_releases(settings)]
    for folder in kept_releases(settings):
        check_whole(folder)
    thin_out(settings)
    assert {folder.name for folder in kept_releases(settings)} == {february, names[-1], RELEASE.release_id}
    assert lists_left(settings) == {names[-1], RELEASE.release_id}


def test_thirty_days_leave_a_release_no_larger_than_a_first_one(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "write_report", lambda database, target: target.write_bytes(b"report"))
    settings = make_settings(tmp_path)
    build_warehouse(settings)
    sizes = []
    for number in range(30):
        as_of = dt.date(2026, 3, 2) + DAY * number
        publish(settings, replace(RELEASE, release_id=f"{as_of}-{number:012x}", as_of_date=as_of))
        folder = current_release(settings)
        sizes.append(sum(path.stat().st_size for path in folder.rglob("*.duckdb")))
    assert max(sizes) <= sizes[0]
    assert len(kept_releases(settings)) == 14
