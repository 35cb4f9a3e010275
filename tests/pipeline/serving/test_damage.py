"""Each file of a release and of what it was made of, damaged in each way: the next run repairs it, or names it."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.base import model_files
from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError, read_sealed, remove, write_sealed, write_text
from pipeline.build import owner
from pipeline.outputs.report import page
from pipeline.serving import ledger, publish
from pipeline.serving.damage import find_damage
from pipeline.serving.releases import (
    current_release,
    kept_releases,
    open_release,
    point_current_at,
    published_folder,
    read_manifest,
)
from pipeline.serving.retention import clean_up, thin_out
from pipeline.serving.rollback import rollback
from tests.pipeline.build.test_dbt import PLAN
from tests.pipeline.serving.test_publish import publish as publish_checked
from tests.pipeline.serving.test_retention import releases_of
from tests.pipeline.small_warehouse import AS_OF, RELEASE, build_warehouse, make_settings

THE_PLAN = replace(PLAN, release_id=RELEASE.release_id, as_of_date=str(AS_OF), input_hash=RELEASE.input_hash)
BEFORE = replace(RELEASE, release_id="2026-03-30-bbbbbbbbbbbb", as_of_date=AS_OF.replace(day=30), input_hash="b" * 64)
OF_A_RELEASE = (
    "perennial.duckdb",
    "contacts.duckdb",
    "release.json",
    "checks.json",
    "report.html",
    "report.md",
    "parquet/core/fct_order.parquet",
    "parquet/marts/customer_360.parquet",
)


def other_content(path: Path) -> None:
    """A valid file of the same kind with other content."""
    if path.suffix == ".duckdb":
        with closing(connect(path)) as connection:
            connection.execute("create table main.more as select 1 as one")
    elif path.suffix == ".parquet":
        pq.write_table(pa.table({"customer_id": ["ana"]}), path)
    elif path.suffix == ".json":
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "as_of_date": "2026-03-01", "passed": 1}))
    else:
        path.write_bytes(path.read_bytes().replace(b"e", b"f"))


def folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def same_length(path: Path) -> None:
    """One byte in the middle is another."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path: path.write_bytes(b""),
    "deleted": Path.unlink,
    "replaced by garbage": lambda path: path.write_bytes(b"\x00\xff garbage" * 50),
    "replaced by an empty object": lambda path: path.write_text("{}"),
    "replaced by a folder": folder_in_its_place,
    "one byte changed": same_length,
    "replaced by a valid file": other_content,
}
every_damage = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)


def make_model(settings, day: str, job: str = "churn") -> Path:
    model = {
        "job": job,
        "model_version": f"{job}-{day}-abc",
        "as_of_date": day,
        "sources": ["shop"],
        "mining_code": "m",
        "needs": {"horizon_days": 28},
        "is_published": True,
        "coefficients": [0.5, -1.25],
    }
    model_files.write_model(settings, model)
    return model_files.model_path(settings, job, model["model_version"])


def make_scores(settings, release) -> Path:
    path = settings.scores / "churn" / f"as_of={release.as_of_date}" / "run=churn-1.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"customer_id": ["ana", "ben"], "p": [0.1, 0.8]}), path)
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A home with two releases of two days, the scores of both, a model and features."""
    settings = make_settings(tmp_path_factory.mktemp("published") / "home")
    build_warehouse(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "write_report", lambda database, target: target.write_bytes(b"report e"))
        for release in (BEFORE, RELEASE):
            make_scores(settings, release)
            settings.features.mkdir(exist_ok=True)
            pq.write_table(pa.table({"a": [1]}), settings.features / f"as_of={release.as_of_date}.parquet")
            publish_checked(settings, release)
    make_model(settings, str(AS_OF))
    return settings


@pytest.fixture
def settings(published, tmp_path, monkeypatch):
    """A copy of it, in which the plan is that of the published release."""
    monkeypatch.setattr(page, "write_report", lambda database, target: target.write_bytes(b"report e"))
    shutil.copytree(published.home, tmp_path / "home", symlinks=True)
    monkeypatch.setattr(owner, "make_plan", lambda _: THE_PLAN_OF_THE_SHOP)
    return make_settings(tmp_path / "home")


THE_PLAN_OF_THE_SHOP = replace(THE_PLAN, sources=["shop"])


@pytest.fixture
def write_again(settings, published):
    """What a build of the same inputs does at its end: the release, written once more, takes its place."""

    def write() -> None:
        folder = settings.serving / "releases" / RELEASE.release_id
        new = folder.with_name(f".tmp-1-{folder.name}")
        shutil.copytree(current_release(published), new)
        publish.put_in_place(folder, new, read_manifest(new))
        remove(new)

    return write


def begin(settings) -> bool:
    """What the next run does first; the sources of its plan are those of the release."""
    return owner.begin_build(settings, "next")


def named(error: pytest.ExceptionInfo[UserError], path: Path) -> None:
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    assert "Restore it from a backup" in message and message.endswith(".")


def test_a_whole_release_is_left_alone(settings):
    assert not begin(settings)
    assert owner.repaired(settings) is None
    assert find_damage(current_release(settings)) is None


@every_damage
@pytest.mark.parametrize("name", OF_A_RELEASE)
def test_the_next_run_repairs_the_release_that_readers_see(settings, write_again, name, damage):
    damage(current_release(settings) / name)
    assert begin(settings), "a build is due"
    write_again()
    assert current_release(settings).name == RELEASE.release_id
    assert find_damage(current_release(settings)) is None
    assert not begin(settings)
    with closing(open_release(current_release(settings))) as release:
        assert release.execute("select count(*) from marts.customer_360").fetchall() == [(3,)]


def test_a_whole_build_repairs_the_release(settings):
    (current_release(settings) / "perennial.duckdb").write_bytes(b"half")
    assert begin(settings)
    publish_checked(settings, RELEASE)
    assert find_damage(current_release(settings)) is None
    assert not begin(settings)
    assert list(settings.serving.rglob(".tmp-*")) == []


def test_a_repair_is_reported(settings):
    path = current_release(settings) / "contacts.duckdb"
    path.unlink()
    assert begin(settings)
    assert owner.repaired(settings) == f"{path} is gone"


def test_a_log_that_a_writing_program_left_beside_the_database_is_damage(settings, write_again):
    left = current_release(settings) / "perennial.duckdb.wal"
    left.write_bytes(b"log")
    assert begin(settings)
    write_again()
    assert not left.exists()


@pytest.mark.parametrize("what", ["folder", "parquet", "link", "file instead of the folder"])
def test_a_missing_folder_or_link_is_created_again(settings, what):
    folder = current_release(settings)
    if what == "link":
        (settings.serving / "current").unlink()
    else:
        shutil.rmtree(folder / "parquet" if what == "parquet" else folder)
    if what.startswith("file"):
        folder.write_bytes(b"")
    assert begin(settings)
    publish_checked(settings, RELEASE)
    assert find_damage(current_release(settings)) is None


def test_a_folder_in_place_of_the_link_is_named(settings):
    (settings.serving / "current").unlink()
    shutil.copytree(settings.serving / "releases" / RELEASE.release_id, settings.serving / "current")
    with pytest.raises(UserError, match=r"current is a folder, and should be a link\. Move it away"):
        publish_checked(settings, RELEASE)


def test_readers_keep_whole_files_during_a_repair(settings, write_again, monkeypatch):
    """Each step of a repair is a moment at which a reader opens the database, and at which the run may be killed."""
    folder = current_release(settings)
    (folder / "contacts.duckdb").unlink()
    rename, opened = Path.replace, []

    def watched(self: Path, target: Path) -> Path:
        with closing(open_release(published_folder(settings) or folder)) as release:
            opened.append(release.execute("select count(*) from marts.customer_360").fetchall())
        return rename(self, target)

    with closing(open_release(folder)) as reader, monkeypatch.context() as patch:
        patch.setattr(Path, "replace", watched)
        write_again()
        assert reader.execute("select count(*) from core.fct_order").fetchall() == [(5,)]
    assert len(opened) > 10
    assert set(map(str, opened)) == {"[(3,)]"}


class KilledError(BaseException):
    """What a kill is for the code: it goes no further."""


@pytest.mark.parametrize("moment", [1, 5, 20])
def test_a_killed_repair_starts_again(settings, write_again, monkeypatch, moment):
    (current_release(settings) / "report.md").write_text("{")
    rename, steps = Path.replace, iter(range(1, moment + 1))

    def dying(self: Path, target: Path) -> Path:
        if next(steps) == moment:
            raise KilledError
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dying)
        with pytest.raises(KilledError):
            write_again()
    assert begin(settings)
    clean_up(settings)
    write_again()
    assert find_damage(current_release(settings)) is None
    assert list(settings.serving.rglob(".tmp-*")) == []


def test_a_release_that_was_rolled_back_to_and_is_damaged_is_named(settings):
    """Its inputs are not those that are there now: no build makes it again."""
    rollback(settings, BEFORE.release_id)
    entry = ledger.read_entry(ledger.entry_path(settings, RELEASE.release_id))
    ledger.write_entry(settings, {**entry, "basis_hash": THE_PLAN.basis_hash})
    (current_release(settings) / "contacts.duckdb").unlink()
    with pytest.raises(UserError) as error:
        begin(settings)
    named(error, current_release(settings) / "contacts.duckdb")
    assert f"make rollback RELEASE={RELEASE.release_id}" in str(error.value)


@every_damage
@pytest.mark.parametrize("name", ["perennial.duckdb", "contacts.duckdb", "report.md"])
def test_an_earlier_release_that_is_damaged_is_not_rolled_back_to(settings, name, damage):
    damage(current_release(settings).with_name(BEFORE.release_id) / name)
    with pytest.raises(UserError, match=r"is not whole.*readers keep what they have"):
        rollback(settings, BEFORE.release_id)
    assert current_release(settings).name == RELEASE.release_id


@every_damage
def test_an_earlier_release_with_a_damaged_manifest_is_ignored(settings, damage):
    earlier = current_release(settings).with_name(BEFORE.release_id)
    damage(earlier / "release.json")
    thin_out(settings)
    assert [folder.name for folder in kept_releases(settings)] == [RELEASE.release_id]
    assert earlier.is_dir(), "nothing is known of it, so it is not removed"
    with pytest.raises(UserError, match="there is no such release"):
        rollback(settings, BEFORE.release_id)


def test_a_damaged_release_that_cannot_be_reduced_stays(settings, caplog):
    earlier = current_release(settings)
    later = releases_of(settings, 2, AS_OF + dt.timedelta(days=1))
    point_current_at(settings, later[-1])
    (earlier / "perennial.duckdb").write_bytes(b"half")
    thin_out(replace(settings, daily_releases=1))
    assert earlier.is_dir()
    assert f"{earlier} cannot be reduced" in caplog.text


@every_damage
def test_the_ledger_entry_of_the_published_release_is_written_again(settings, damage):
    path = ledger.entry_path(settings, RELEASE.release_id)
    entry = {name: value for name, value in ledger.read_entry(path).items() if name != "sequence"}
    damage(path)
    assert begin(settings)
    ledger.record(settings, entry)
    assert [entry["release_id"] for entry in ledger.entries(settings)] == [BEFORE.release_id, RELEASE.release_id]
    assert not begin(settings)


@pytest.mark.parametrize("damage", [each for name, each in DAMAGES.items() if name != "deleted"])
def test_a_damaged_ledger_entry_of_an_earlier_release_is_named(settings, damage):
    path = ledger.entry_path(settings, BEFORE.release_id)
    damage(path)
    with pytest.raises(DamagedError) as error:
        begin(settings)
    named(error, path)


def test_an_entry_under_the_name_of_another_release_is_named(settings):
    path = ledger.entry_path(settings, BEFORE.release_id)
    shutil.copy(ledger.entry_path(settings, RELEASE.release_id), path)
    with pytest.raises(DamagedError, match=f"it is the entry of release {RELEASE.release_id}"):
        begin(settings)


@every_damage
def test_scores_and_features_of_the_published_release_are_made_again(settings, damage):
    for path in (make_scores(settings, RELEASE), settings.features / f"as_of={AS_OF}.parquet"):
        whole = path.read_bytes()
        assert not begin(settings)
        damage(path)
        assert begin(settings), path
        remove(path)
        path.write_bytes(whole)


@every_damage
def test_a_damaged_score_file_of_an_earlier_release_is_named(settings, damage):
    path = make_scores(settings, BEFORE)
    damage(path)
    entry = ledger.read_entry(ledger.entry_path(settings, BEFORE.release_id))
    with pytest.raises(DamagedError) as error:
        ledger.check_files(settings, entry, entry["score_files"]["churn"])
    named(error, path)
    if not path.is_file() or path.stat().st_size != entry["files"][entry["score_files"]["churn"][0]]["bytes"]:
        with pytest.raises(DamagedError):  # a run without anything to build reads no history, and looks at its sizes
            begin(settings)


def changed_coefficient(path: Path) -> None:
    path.write_text(path.read_text().replace("-1.25", "-1.26"))


def without_checksum(path: Path) -> None:
    content = json.loads(path.read_text())
    del content["checksum"]
    path.write_text(json.dumps({**content, "coefficients": [0.0]}))


OF_MODELS = {**DAMAGES, "a coefficient changed": changed_coefficient, "its checksum taken out": without_checksum}


@pytest.mark.parametrize("damage", [each for name, each in OF_MODELS.items() if name != "deleted"])
def test_a_changed_model_file_is_refused(settings, damage):
    path = make_model(settings, "2026-03-29")
    damage(path)
    with pytest.raises(DamagedError) as error:
        model_files.read_models(settings, "churn", before=str(AS_OF))
    named(error, path)


@pytest.mark.parametrize("damage", [each for name, each in OF_MODELS.items() if name != "deleted"])
def test_a_damaged_model_of_the_planned_day_is_trained_again(settings, damage):
    path = model_files.model_path(settings, "churn", f"churn-{AS_OF}-abc")
    assert not begin(settings)
    damage(path)
    assert begin(settings)
    assert not path.exists()


def test_a_model_under_the_name_of_another_is_refused(settings):
    one, other = make_model(settings, "2026-03-28"), make_model(settings, "2026-03-29")
    shutil.copy(one, other)
    with pytest.raises(DamagedError, match="it holds model churn-2026-03-28-abc"):
        model_files.read_models(settings, "churn")


def test_a_model_that_an_earlier_version_wrote_is_not_used(settings):
    path = make_model(settings, "2026-03-29")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in content.items() if name not in ("needs", "checksum")}))
    assert model_files.read_models(settings, "churn", before=str(AS_OF)) == []


@pytest.mark.parametrize("damage", [each for name, each in DAMAGES.items() if name != "replaced by an empty object"])
def test_a_damaged_report_of_the_gate_publishes_nothing(settings, damage):
    path = settings.build / "checks.json"
    write_sealed(path, {"release_id": RELEASE.release_id, "passed": 48, "warned": 1, "stopped": 0, "checks": []})
    damage(path)
    with pytest.raises(UserError, match=r"checks\.json.*(build again|make run)|are for release|has not been audited"):
        publish.publish_release(settings, RELEASE)
    assert find_damage(current_release(settings)) is None


@every_damage
def test_a_run_stops_when_the_owner_of_the_build_is_unknown(settings, damage):
    path = settings.build / "run_id"
    write_text(path, "the run " * 10)
    damage(path)
    with pytest.raises(UserError, match="Another run has begun to build"):
        owner.check_owner(settings, "the run " * 10)


def test_equal_content_has_an_equal_seal(tmp_path):
    write_sealed(tmp_path / "a.json", {"b": (1, 2.50), "a": {"é": None}})
    write_sealed(tmp_path / "b.json", {"a": {"é": None}, "b": [1, 2.5]})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_sealed(tmp_path / "a.json", "") == {"a": {"é": None}, "b": [1, 2.5]}
