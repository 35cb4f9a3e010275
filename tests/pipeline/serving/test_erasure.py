"""What counts as erased, and what is taken out of earlier builds, releases and lists."""

import datetime as dt
import json
import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from pipeline.base.duck import connect
from pipeline.base.files import read_sealed, sha256_of_file, write_sealed
from pipeline.base.settings import Settings
from pipeline.build.plan import make_plan
from pipeline.landing import land_source
from pipeline.serving import erasure
from pipeline.serving.releases import CONTACTS, current_release, kept_releases, read_manifest, releases_folder
from pipeline.serving.retention import thin_out
from pipeline.serving.rollback import check_whole
from tests.conftest import SALES
from tests.pipeline.serving.test_publish import publish
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings

SOLD = "id,name,sold_at\n1,Zelda,2024-01-05 10:00:00\n2,Yorick,2024-01-06 10:00:00\n"
FIRST, SECOND, THIRD = (
    replace(
        RELEASE,
        as_of_date=dt.date.fromisoformat(day),
        release_id=f"{day}-{letter * 12}",
        input_hash=letter * 64,
        basis_hash=letter,
    )
    for day, letter in (("2026-02-28", "a"), ("2026-03-30", "b"), ("2026-03-31", "c"))
)
ERASED = {"shop": "something"}


@pytest.fixture
def landed(define_source, make_settings, tmp_path, monkeypatch) -> Settings:
    """A source with names, landed once."""
    monkeypatch.setattr("pipeline.base.settings.STAGING", tmp_path / "staging")
    (tmp_path / "staging" / "shop").mkdir(parents=True)
    (tmp_path / "staging" / "shop" / "stg_shop__orders.sql").touch()
    folder = define_source("shop", tables={"sales": {**SALES, "key": ["id"], "load": "append", "personal": ["name"]}})
    (folder / "sales.csv").write_text(SOLD, encoding="utf-8")
    settings = make_settings(CRM_SOURCES="shop")
    land_source(settings, "shop", None)
    return settings


def sibling(settings: Settings) -> Path:
    (path,) = settings.landing.rglob("*.personal.parquet")
    return path


def blank(path: Path, name: str) -> None:
    rows = f"select _position, case when name <> '{name}' then name end as name from '{path}'"
    duckdb.sql(f"copy ({rows}) to '{path}.new' (format parquet)")
    os.replace(f"{path}.new", path)


def test_unchanged_files_count_as_not_erased(landed: Settings) -> None:
    assert erasure.erased(landed) == {}
    os.utime(sibling(landed), (1, 1))
    shutil.copy(sibling(landed), copy := sibling(landed).with_suffix(".copy"))
    os.replace(copy, sibling(landed))
    assert erasure.erased(landed) == {}
    assert make_plan(landed).erased == {}


@pytest.mark.parametrize("how", [Path.unlink, lambda path: blank(path, "Zelda"), lambda path: path.write_bytes(b"")])
def test_a_missing_or_changed_personal_file_is_another_input(landed: Settings, how) -> None:
    before = make_plan(landed)
    how(sibling(landed))
    after = make_plan(landed)
    assert set(after.erased) == {"shop"}
    assert after.input_hash != before.input_hash
    assert after.basis_hash != before.basis_hash
    assert make_plan(landed).input_hash == after.input_hash


def test_each_erasure_is_another_input(landed: Settings) -> None:
    found = [erasure.erased(landed)]
    for name in ("Zelda", "Yorick"):
        blank(sibling(landed), name)
        found.append(erasure.erased(landed))
    sibling(landed).unlink()
    found.append(erasure.erased(landed))
    assert len({json.dumps(one) for one in found}) == 4


def test_erasure_depends_on_the_landing_only(landed: Settings, tmp_path: Path) -> None:
    blank(sibling(landed), "Zelda")
    shutil.copytree(landed.landing, tmp_path / "other" / "landing")
    assert erasure.erased(replace(landed, home=tmp_path / "other")) == erasure.erased(landed)


def test_a_receipt_that_does_not_say_what_landed_is_completed(landed: Settings) -> None:
    (path,) = (landed.landing / "shop" / "sales").glob("*.json")
    receipt = read_sealed(path, "")
    assert receipt.pop("personal_sha256") == sha256_of_file(sibling(landed))
    write_sealed(path, receipt)
    assert erasure.erased(landed) == {}
    blank(sibling(landed), "Zelda")
    assert set(erasure.erased(landed)) == {"shop"}


def test_a_receipt_that_cannot_be_read_is_left_to_the_build_of_its_source(landed: Settings) -> None:
    (landed.landing / "other" / "t").mkdir(parents=True)
    (landed.landing / "other" / "t" / "x.json").write_text("{")
    assert erasure.erased(landed) == {}


def test_files_of_earlier_builds_are_removed_once(landed: Settings) -> None:
    logs = landed.home / "airflow" / "logs" / "dag_id=build_customers"
    made = [
        landed.warehouse,
        landed.warehouse.with_name("warehouse.duckdb.wal"),
        landed.warehouse.with_name("warehouse.duckdb.tmp") / "spilled",
        landed.features / "as_of=2024-01-06.parquet",
        landed.home / "dbt" / "target" / "run_results.json",
        landed.home / "docs" / "index.html",
        landed.build / "built.json",
        logs / "run_id=before" / "attempt=1.log",
        landed.lists / "thinned" / "winback.csv",
        landed.lists / "thinned" / "winback.xlsx",
    ]
    kept = [logs / "run_id=now" / "attempt=1.log", landed.scores / "s.parquet", landed.models / "m.json"]
    for path in [*made, *kept]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Zelda")
    erasure.forget(landed, {}, "now")
    assert all(path.exists() for path in made)
    erasure.forget(landed, ERASED, "now")
    assert [path for path in made if path.exists()] == []
    assert all(path.exists() for path in kept)
    landed.warehouse.write_text("new")
    erasure.forget(landed, ERASED, "now")
    assert landed.warehouse.exists()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two releases with lists, and a third after Ben was erased."""
    settings = make_settings(tmp_path_factory.mktemp("published"))
    build_warehouse(settings)
    for release in (FIRST, SECOND):
        publish(settings, release)
        list_of(settings, release.release_id).mkdir(parents=True)
    with closing(connect(settings.warehouse)) as warehouse:
        warehouse.execute("delete from core.dim_customer_contact where customer_id = 'ben'")
    publish(settings, replace(THIRD, erased=ERASED))
    return settings


@pytest.fixture
def settings(published: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(published.home, tmp_path / "copy", symlinks=True)
    return replace(published, home=tmp_path / "copy")


def list_of(settings: Settings, release_id: str) -> Path:
    return settings.lists / release_id


def rows(settings: Settings, release: str, table: str = "dim_customer_contact") -> list[tuple[str, ...]]:
    with closing(connect(releases_folder(settings) / release / CONTACTS, read_only=True)) as contacts:
        return contacts.execute(f"from {table} order by all").fetchall()


def test_contacts_of_earlier_releases_lose_what_was_erased_and_keep_the_rest(settings: Settings) -> None:
    before = rows(settings, FIRST.release_id)
    ids = rows(settings, FIRST.release_id, "customer_source_id")
    erasure.scrub(settings, ERASED)
    for release in (FIRST, SECOND):
        folder = releases_folder(settings) / release.release_id
        assert rows(settings, release.release_id) == [row for row in before if row[0] == "ana"]
        assert rows(settings, release.release_id, "customer_source_id") == ids
        assert b"Banyan" not in (folder / CONTACTS).read_bytes()
        assert (folder / CONTACTS).stat().st_mode & 0o777 == 0o600
        assert read_manifest(folder)["erased"] == ERASED
        assert not list_of(settings, release.release_id).exists()
        check_whole(folder)


def test_a_value_that_another_record_of_the_customer_has_stays(settings: Settings) -> None:
    """Ben's record now belongs to Ana, who lives where he did."""
    with closing(connect(current_release(settings) / CONTACTS)) as contacts:
        contacts.execute("update customer_source_id set customer_id = 'ana' where customer_id = 'ben'")
        contacts.execute("update dim_customer_contact set street = 'Banyan Road 7'")
    erasure.scrub(settings, ERASED)
    (ben,) = [row for row in rows(settings, FIRST.release_id) if row[0] == "ben"]
    assert [value for value in ben if value] == ["ben", "Banyan Road 7", "Singapore", "018956", "SG"]


def test_the_id_of_a_missing_record_is_removed(settings: Settings) -> None:
    with closing(connect(current_release(settings) / CONTACTS)) as contacts:
        contacts.execute("delete from customer_source_id where customer_id = 'ben'")
    erasure.scrub(settings, ERASED)
    assert "ben" not in {row[0] for row in rows(settings, FIRST.release_id, "customer_source_id")}


def test_a_release_without_erased_values_keeps_its_lists(settings: Settings) -> None:
    with closing(connect(releases_folder(settings) / SECOND.release_id / CONTACTS)) as contacts:
        contacts.execute("delete from dim_customer_contact where customer_id = 'ben'")
    erasure.scrub(settings, ERASED)
    assert list_of(settings, SECOND.release_id).is_dir()
    assert not list_of(settings, FIRST.release_id).exists()


@pytest.mark.parametrize(("found", "kept"), [({}, True), ({"shop": "something"}, False)])
def test_erased_values_of_sources_missing_in_the_new_release_are_removed(tmp_path: Path, found, kept) -> None:
    settings = make_settings(tmp_path)
    build_warehouse(settings)
    publish(settings, replace(FIRST, sources=("desk", "shop")))
    with closing(connect(settings.warehouse)) as warehouse:
        warehouse.execute("delete from core.dim_customer_contact")
        warehouse.execute("update core.customer_source_id set source_system = 'desk'")
    found = {**found, "desk": "something"}
    publish(settings, replace(SECOND, sources=("desk",), erased={"desk": "something"}))
    erasure.scrub(settings, found)
    assert ("ana" in {row[0] for row in rows(settings, FIRST.release_id)}) is kept
    assert not erasure.is_behind(read_manifest(releases_folder(settings) / FIRST.release_id), found)


def test_nothing_is_scrubbed_before_a_release_without_it_is_published(settings: Settings) -> None:
    before = rows(settings, FIRST.release_id)
    erasure.scrub(settings, {"shop": "something else"})
    assert rows(settings, FIRST.release_id) == before
    assert list_of(settings, FIRST.release_id).is_dir()


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"half Banyan"), Path.unlink])
def test_contacts_that_cannot_be_read_are_removed(settings: Settings, damage) -> None:
    damage(releases_folder(settings) / FIRST.release_id / CONTACTS)
    erasure.scrub(settings, ERASED)
    assert not (releases_folder(settings) / FIRST.release_id / CONTACTS).exists()
    assert not list_of(settings, FIRST.release_id).exists()
    assert [row[0] for row in rows(settings, SECOND.release_id)] == ["ana"]


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"half"), Path.unlink])
def test_nothing_is_compared_with_contacts_that_cannot_be_read(settings: Settings, damage) -> None:
    before = rows(settings, FIRST.release_id)
    damage(current_release(settings) / CONTACTS)
    erasure.scrub(settings, ERASED)
    assert rows(settings, FIRST.release_id) == before
    assert erasure.is_behind(read_manifest(releases_folder(settings) / FIRST.release_id), ERASED)


def test_lists_of_a_monthly_release_are_removed(settings: Settings) -> None:
    thin_out(replace(settings, daily_releases=1))
    first = releases_folder(settings) / FIRST.release_id
    assert first in kept_releases(settings)
    assert not (first / CONTACTS).exists()
    erasure.scrub(settings, ERASED)
    assert list(settings.lists.iterdir()) == []


def test_a_kill_between_the_contacts_and_the_manifest_is_repaired(settings: Settings, monkeypatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(erasure, "write_sealed", killed)
        erasure.scrub(settings, ERASED)
    erasure.scrub(settings, ERASED)
    for release in (FIRST, SECOND):
        assert [row[0] for row in rows(settings, release.release_id)] == ["ana"]
        assert not list_of(settings, release.release_id).exists()


def test_a_restored_value_is_published_again(settings: Settings) -> None:
    """A file was restored from a backup: the release of its inputs is made again with what was taken out of it."""
    erasure.scrub(settings, ERASED)
    settings.warehouse.unlink()
    build_warehouse(settings)
    publish(settings, FIRST)
    assert current_release(settings).name == FIRST.release_id
    assert {row[0] for row in rows(settings, FIRST.release_id)} == {"ana", "ben"}
