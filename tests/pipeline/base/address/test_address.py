"""A home at an address: two machines in turn, a kill before each write, a lost lease, and what is said."""

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from pipeline.base.address import copy as copies
from pipeline.base.address import lease as leases
from pipeline.base.address.store import Store
from pipeline.base.errors import UserError
from pipeline.base.files import atomic_path
from pipeline.base.lock import fetched, run_lock
from pipeline.base.settings import Settings, load_settings
from tests.support.programs.bucket import NAME, Bucket

ADDRESS = f"{NAME}://shop/crm"


class Killed(BaseException):
    """The process has ended: nothing that it does afterwards reaches the bucket."""


@pytest.fixture(autouse=True)
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an empty bucket."""
    fsspec.register_implementation(NAME, Bucket, clobber=True)
    monkeypatch.setenv("BUCKET_FOLDER", str(tmp_path / "bucket"))
    monkeypatch.setattr(Bucket, "before_write", lambda _: None)
    monkeypatch.setattr(leases, "WAIT_SECONDS", 0.05)
    (tmp_path / "bucket" / "shop" / "crm").mkdir(parents=True)
    return tmp_path / "bucket" / "shop" / "crm"


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str], Settings]:
    """Return the settings of a machine, each with a disk of its own."""
    return lambda name: load_settings({"CRM_HOME": ADDRESS, "CRM_WORK": str(tmp_path / name), "CRM_SOURCES": "cdnow"})


def write(settings: Settings, path: str, text: str) -> None:
    with atomic_path(settings.home / path) as temporary:
        temporary.write_text(text)


def release(settings: Settings, name: str) -> None:
    """Land, publish and write lists, each file as long as it must be to be told from another one."""
    for path in (
        f"landing/shop/sales/{name}.parquet",
        f"landing/_ledger/{name}.json",
        f"serving/releases/{name}/perennial.duckdb",
        f"serving/releases/{name}/release.json",
        f"lists/{name}/winback.csv",
    ):
        write(settings, path, f"{path} of {name}")
    write(settings, "landing/_ledger/changes.json", f"changed by {name}")
    write(settings, "warehouse.duckdb", name)
    link = settings.serving / "new"
    link.symlink_to(Path("releases") / name)
    link.replace(settings.serving / "current")


def publish(settings: Settings, name: str) -> None:
    with run_lock(settings, f"run {name}"):
        release(settings, name)


def content(settings: Settings) -> dict[str, str]:
    """The files that last, and where the link points."""
    copy = copies.WorkingCopy(settings, Store(ADDRESS), print)
    files = {path: (settings.home / path).read_text() for path in copy._lasting()}
    return {**files, "current": (settings.serving / "current").resolve().name}


def dies_at(number: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the process end before a write; return the list of what it wrote."""
    written: list[str] = []

    def count(path: str) -> None:
        written.append(path)
        if len(written) >= number:
            raise Killed(path)

    monkeypatch.setattr(Bucket, "before_write", count)
    return written


def lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bucket, "before_write", lambda _: None)


def home_of(bucket: Path) -> dict[str, Any]:
    return json.loads(max((bucket / "home").iterdir()).read_text())


def objects(bucket: Path) -> set[str]:
    """The objects that hold files."""
    found = {path.relative_to(bucket).as_posix() for path in bucket.rglob("*") if path.is_file()}
    return {path for path in found if not path.startswith(("home/", "lease/"))}


def test_machines_work_in_turn_on_what_the_other_has_left(machine, bucket):
    publish(machine("one"), "a")
    publish(machine("two"), "b")
    two = machine("two")
    fetched(machine("one"))
    assert content(machine("one")) == content(two)
    assert content(two)["current"] == "b"
    assert content(two)["landing/_ledger/a.json"]
    assert not (machine("one").home / "warehouse.duckdb").exists()
    assert (two.home / "warehouse.duckdb").read_text() == "b"


def test_an_unchanged_home_is_neither_fetched_nor_written_again(machine, bucket):
    one = machine("one")
    publish(one, "a")
    before = home_of(bucket)
    Bucket.fetched.clear()
    with run_lock(one, "nothing to do"):
        assert (one.home / "warehouse.duckdb").read_text() == "a"
    fetched(one)
    assert home_of(bucket) == before
    assert {path.split("/")[2] for path in Bucket.fetched} == {"home", "lease"}


def test_files_of_the_home_lie_at_their_own_paths_and_changed_ones_beside_them(machine, bucket):
    one = machine("one")
    publish(one, "a")
    assert (bucket / "serving/releases/a/perennial.duckdb").read_text() == "serving/releases/a/perennial.duckdb of a"
    assert "warehouse.duckdb" not in objects(bucket)
    publish(one, "b")
    assert (bucket / "landing/_ledger/changes.json").read_text() == "changed by a"
    key = home_of(bucket)["files"]["landing/_ledger/changes.json"]["key"]
    assert (bucket / key).read_text() == "changed by b"
    assert key.startswith("versions/")


def test_objects_of_the_home_before_stay_and_older_ones_go(machine, bucket):
    one = machine("one")
    for name in ("a", "b", "c"):
        publish(one, name)
    assert len(list((bucket / "home").iterdir())) == 2
    assert not (bucket / "landing/_ledger/changes.json").exists()
    with run_lock(one, "thin out"):
        (one.home / "lists/a/winback.csv").unlink()
    assert (bucket / "lists/a/winback.csv").exists()
    publish(one, "d")
    assert not (bucket / "lists/a/winback.csv").exists()


def test_what_a_failed_run_has_landed_stays_landed(machine):
    one, two = machine("one"), machine("two")
    publish(one, "a")
    with pytest.raises(UserError, match="the gate"), run_lock(one, "run"):
        write(one, "landing/shop/sales/new.parquet", "new rows")
        raise UserError("the gate stopped the build")
    fetched(two)
    assert (two.home / "landing/shop/sales/new.parquet").read_text() == "new rows"
    assert content(two)["current"] == "a"


def test_killed_before_any_write_the_home_is_the_one_before_or_after(machine, bucket, monkeypatch):
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.0)
    publish(machine("one"), "a")
    publish(machine("one"), "b")
    before, number, seen = content(machine("one")), 0, set()
    while True:
        number += 1
        one, other, name = machine("one"), machine(f"other{number}"), f"c{number}"
        dies_at(number, monkeypatch)
        try:
            publish(one, name)
        except Killed:
            lives(monkeypatch)
        else:
            break
        fetched(other)
        found = content(other)
        after = {*before, f"landing/shop/sales/{name}.parquet", f"serving/releases/{name}/release.json"}
        assert found == before or (found["current"] == name and after <= set(found))
        seen.add(found["current"] == name)
        if number % 2:
            publish(other, f"d{number}")
        publish(one, name)  # goes on with what it had made, or fetches what the other one has
        lives(monkeypatch)
        fetched(other)
        before = content(one)
        assert content(other) == before
        homes = [json.loads(path.read_text()) for path in (bucket / "home").iterdir()]
        assert objects(bucket) == {file["key"] for home in homes for file in home["files"].values()}
    assert number > 10
    assert seen == {True, False}


def test_a_first_run_that_was_killed_is_gone_on_with(machine, bucket, monkeypatch):
    one = machine("one")
    dies_at(6, monkeypatch)
    with pytest.raises(Killed):
        publish(one, "a")
    lives(monkeypatch)
    assert not (bucket / "home").exists()
    with run_lock(one, "again"):
        assert content(one)["current"] == "a"
    fetched(machine("two"))
    assert content(machine("two")) == content(one)
    assert objects(bucket) == set(home_of(bucket)["files"])


def test_a_run_whose_lease_was_taken_does_not_count(machine, bucket, monkeypatch):
    one, two = machine("one"), machine("two")
    publish(one, "a")
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.0)
    with pytest.raises(UserError, match=r"Another run has written .* run again"), run_lock(one, "slow"):
        release(one, "b")
        publish(two, "c")
    fetched(one)
    assert content(one) == content(two)
    assert content(one)["current"] == "c"
    assert "landing/shop/sales/b.parquet" not in content(one)


def test_a_holder_that_is_taken_for_dead_cannot_write_before_the_other_one_has(machine, monkeypatch):
    one, two = machine("one"), machine("two")
    publish(one, "a")
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.0)
    with run_lock(two, "the other"):
        pass
    with pytest.raises(UserError, match="Another run has written"), run_lock(one, "slow"):
        release(one, "b")
        begun = run_lock(two, "the other")
        begun.__enter__()
    release(two, "c")
    begun.__exit__(None, None, None)
    fetched(one)
    assert content(one)["current"] == "c"


def test_a_lease_that_is_gone_is_noticed(machine, bucket, monkeypatch):
    one = machine("one")
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.02)
    with pytest.raises(UserError, match="Another run has taken over bucket://shop/crm"), run_lock(one, "slow"):
        release(one, "a")
        (bucket / "lease/000000009.json").write_text("{}")
        time.sleep(0.5)


def test_a_lease_is_renewed_and_others_wait_for_it(machine, bucket, monkeypatch):
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.4)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.05)
    one, two, said, ended = machine("one"), machine("two"), [], []

    def wait() -> None:
        with run_lock(two, "second", say=said.append):
            ended.append(time.monotonic())

    with run_lock(one, "first"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(1.2)
        assert not ended
        release(one, "a")
    waiting.join()
    assert ended
    assert len(said) == 1
    assert "Waiting for first on " in said[0]
    assert content(two) == content(one)


def test_a_reader_is_told_what_is_not_at_the_address_yet(machine, monkeypatch):
    one, said = machine("one"), []
    publish(one, "a")
    dies_at(5, monkeypatch)
    with pytest.raises(Killed):
        publish(one, "b")
    lives(monkeypatch)
    fetched(one, said.append)
    assert content(one)["current"] == "b"
    assert "the next run brings it there" in said[0]


def test_a_reader_leaves_a_copy_alone_that_a_run_works_in(machine):
    one, two = machine("one"), machine("two")
    publish(one, "a")
    with run_lock(one, "slow"):
        write(one, "landing/shop/sales/half.parquet", "half")
        fetched(one)
        assert (one.home / "landing/shop/sales/half.parquet").exists()
    fetched(two)
    assert (two.home / "landing/shop/sales/half.parquet").exists()


def test_files_that_only_their_owner_may_read_are_so_in_each_copy(machine):
    one, two = machine("one"), machine("two")
    with run_lock(one, "run"):
        release(one, "a")
        write(one, "serving/releases/a/contacts.duckdb", "Ana")
        (one.home / "serving/releases/a/contacts.duckdb").chmod(0o600)
    fetched(two)
    assert (two.home / "serving/releases/a/contacts.duckdb").stat().st_mode & 0o777 == 0o600
    assert (two.home / "serving/releases/a/perennial.duckdb").stat().st_mode & 0o777 == 0o644
    assert two.landing.stat().st_mode & 0o777 == 0o700


def test_a_copy_that_has_lost_its_landing_is_not_brought_back(machine):
    one = machine("one")
    for name in ("a", "b", "c"):
        publish(one, name)
    lost = r"has lost 7 of 7 files that have landed.*Remove that folder"
    with pytest.raises(UserError, match=lost), run_lock(one, "run"):
        shutil.rmtree(one.landing)
    shutil.rmtree(one.home)
    fetched(one)
    assert (one.landing / "shop/sales/c.parquet").exists()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda bucket: (bucket / "lists/a/winback.csv").write_text("lists/a/winback.csv of x"), "of lists/a/winback"),
        (lambda bucket: (bucket / "lists/a/winback.csv").unlink(), "lacks an object that its home names"),
        (lambda bucket: newest(bucket).write_text(newest(bucket).read_text()[:-9]), "no whole JSON.*as it was before"),
        (lambda bucket: change(bucket, current="x"), "is damaged: its content is not what was written"),
        (lambda bucket: change(bucket, version=2), "a later version of Perennial. Update"),
        (lambda bucket: change(bucket, files=[]), "is damaged: its files"),
    ],
)
def test_damage_is_named(machine, bucket, damage, words):
    publish(machine("one"), "a")
    damage(bucket)
    with pytest.raises(UserError, match=words):
        fetched(machine("two"))
    assert not (machine("two").serving / "current").exists()
    with pytest.raises(UserError, match=words), run_lock(machine("two"), "run"):
        pass


def newest(bucket: Path) -> Path:
    return max((bucket / "home").iterdir())


def change(bucket: Path, **values: Any) -> None:
    newest(bucket).write_text(json.dumps({**json.loads(newest(bucket).read_text()), **values}))


def test_a_damaged_lease_is_named(machine, bucket):
    publish(machine("one"), "a")
    max((bucket / "lease").iterdir()).write_text("half")
    with (
        pytest.raises(UserError, match=r"lease/000000001\.json is damaged.*Delete it"),
        run_lock(machine("two"), "run"),
    ):
        pass


def test_an_address_with_objects_of_others_is_refused(machine, bucket):
    (bucket / "landing").mkdir()
    (bucket / "landing" / "theirs.parquet").write_text("theirs")
    with pytest.raises(UserError, match="has objects and is no home of Perennial"), run_lock(machine("one"), "run"):
        pass
    assert (bucket / "landing" / "theirs.parquet").exists()


def test_an_address_that_is_empty_again_is_not_filled_by_an_old_copy(machine, bucket):
    publish(machine("one"), "a")
    shutil.rmtree(bucket)
    with pytest.raises(UserError, match="has no home any more"):
        fetched(machine("one"))


def test_a_store_that_does_not_keep_the_condition_is_refused(machine, monkeypatch):
    write_over = Bucket.pipe_file
    monkeypatch.setattr(Bucket, "pipe_file", lambda self, path, value, mode="": write_over(self, path, value))
    with pytest.raises(UserError, match="writes over what should be written only where nothing is"):
        publish(machine("one"), "a")


def test_large_files_are_sent_in_parts_and_not_over_others(machine, bucket, monkeypatch):
    monkeypatch.setattr("pipeline.base.address.store.LARGE", 10)
    publish(machine("one"), "a")
    publish(machine("one"), "b")
    fetched(machine("two"))
    assert content(machine("two")) == content(machine("one"))
    store = Store(ADDRESS)
    path = machine("one").home / "lists/b/winback.csv"
    assert not store.send(path, "lists/a/winback.csv", is_new=True)
    assert (bucket / "lists/a/winback.csv").read_text() == "lists/a/winback.csv of a"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nfs4://crm", "no file system is called 'nfs4'"),
        ("gs://shop/crm", "needs the package gcsfs, which is not installed.*uv pip install -c requirements.lock gcsfs"),
        ("sftp://shop/crm", "needs a package .*paramiko"),
        ("hdfs://shop/crm", "'hdfs' cannot write a file on condition that it is not there"),
    ],
)
def test_an_address_that_cannot_be_a_home_is_named(tmp_path, address, words):
    settings = load_settings({"CRM_HOME": address, "CRM_WORK": str(tmp_path), "CRM_SOURCES": "cdnow"})
    with pytest.raises(UserError, match=words):
        fetched(settings)
    with pytest.raises(UserError, match=words), run_lock(settings, "run"):
        pass


def test_an_address_that_does_not_answer_is_named_without_what_is_secret(machine, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("https://ana:s3cr3t@host/shop?signature=s3cr3t says: Forbidden\nmore")

    monkeypatch.setattr(Bucket, "find", refuse)
    with pytest.raises(UserError, match=r"bucket://shop/crm cannot be read \(PermissionError: .*Forbidden\)") as error:
        fetched(machine("one"))
    assert "s3cr3t" not in str(error.value)
