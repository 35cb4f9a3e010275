"""A release is whole or absent, for readers and after kills."""

import json
import multiprocessing
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
import tomllib
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.settings import ROOT
from pipeline.serving.damage import find_damage
from pipeline.serving.publish import publish_release
from pipeline.serving.releases import current_release, read_manifest
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings, pass_gate

OTHERS = [replace(RELEASE, release_id=f"2026-03-31-{n:012x}", input_hash=f"{n:064x}") for n in range(40)]

READ = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1] + "/serving/current/perennial.duckdb", read_only=True)
print("open", flush=True)
query = "select sum(net_amount), any_value(release_id) from core.fct_order, marts.release"
for line in sys.stdin:
    print(connection.execute(query).fetchall(), flush=True)
"""


def publish(settings, release=RELEASE):
    pass_gate(settings, release)
    publish_release(settings, release)


@pytest.fixture
def settings(tmp_path):
    settings = make_settings(tmp_path)
    build_warehouse(settings)
    return settings


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A home with a published release."""
    settings = make_settings(tmp_path_factory.mktemp("once"))
    build_warehouse(settings)
    publish(settings)
    return settings.home


@pytest.fixture
def published(once, tmp_path):
    shutil.copytree(once, tmp_path, symlinks=True, dirs_exist_ok=True)
    return make_settings(tmp_path)


def read(settings, query: str, file: str = "perennial.duckdb"):
    with closing(connect(settings.serving / "current" / file, read_only=True)) as connection:
        return connection.execute(query).fetchall()


def content(settings) -> dict:
    return read_manifest(current_release(settings))["tables"]


def test_release_folder_has_everything(published):
    folder = current_release(published)
    assert folder.name == RELEASE.release_id
    assert {path.name for path in folder.iterdir()} == {
        *("perennial.duckdb", "contacts.duckdb", "parquet", "release.json", "checks.json", "report.html", "report.md")
    }
    assert read(published, "select count(*) from marts.customer_360") == [(3,)]
    assert read(published, "select checks_passed from marts.release") == [(48,)]
    rows = pq.read_table(folder / "parquet" / "core" / "fct_order.parquet")
    assert rows.column("order_id").to_pylist() == ["o1", "o2", "o3", "o4", "o5"]


def test_a_report_that_cannot_be_written_is_left_out_and_the_manifest_says_why(settings, monkeypatch):
    def half(database, target):
        target.write_bytes(b"half a rep")
        raise ValueError("the template is empty")

    monkeypatch.setattr("pipeline.outputs.report.page.write_report", half)
    publish(settings)
    folder = current_release(settings)
    assert not (folder / "report.html").exists()
    reason = "writing report.html has no result on these data (ValueError: the template is empty)"
    assert read_manifest(folder)["not_drawn"] == {"report.html": reason}
    assert read(settings, "select count(*) from marts.customer_360") == [(3,)]
    publish(settings)
    assert find_damage(folder) is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_a_stop_while_the_report_is_written_publishes_nothing(settings, monkeypatch, error):
    def stopped(*_):
        raise error

    monkeypatch.setattr("pipeline.outputs.report.page.write_report", stopped)
    with pytest.raises(type(error)):
        publish(settings)
    assert not (settings.serving / "current").exists()
    assert not list((settings.serving / "releases").iterdir())


def test_the_manifest_names_the_version_of_pyproject(published):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert read_manifest(current_release(published))["version"] == version


def test_manifest_counts_and_hashes_each_table(published):
    manifest = read_manifest(current_release(published))
    assert manifest["release_id"] == RELEASE.release_id
    assert (manifest["as_of_date"], manifest["sources"], manifest["checks_passed"]) == ("2026-03-31", ["shop"], 48)
    assert manifest["tables"]["core.fct_order"]["rows"] == 5
    assert all(len(table["content_hash"]) == 32 for table in manifest["tables"].values())


def test_only_published_schemas_and_no_source_ids(published):
    listed = read(published, "select schema_name, table_name from duckdb_tables()")
    names = {f"{schema}.{name}" for schema, name in listed}
    assert "core.customer_source_id" not in names
    assert {name.split(".")[0] for name in names} == {"core", "marts", "ops"}
    folder = current_release(published)
    public = [path for path in folder.rglob("*") if path.is_file() and path.name != "contacts.duckdb"]
    assert not any(b"A-17" in path.read_bytes() for path in public)


def test_only_the_owner_can_read_contacts(published):
    contacts = current_release(published) / "contacts.duckdb"
    assert stat.S_IMODE(contacts.stat().st_mode) == 0o600
    rows = read(published, "select customer_id, source_customer_id from contacts.customer_source_id", "contacts.duckdb")
    assert rows == [("ana", "A-17"), ("ben", "=B+1"), ("cleo", "007")]


def test_comments_and_keys_are_published(published):
    assert read(published, "select comment from duckdb_tables() where table_name = 'customer_360'") == [
        ("One row per customer. Ana's row is here.",)
    ]
    comment = "select comment from duckdb_columns() where table_name = 'customer_360' and column_name = 'tier'"
    assert read(published, comment) == [("platinum, gold, iron or lead",)]
    constraints = "select table_name, constraint_column_names from duckdb_constraints()"
    keys = dict(read(published, f"{constraints} where constraint_type = 'PRIMARY KEY'"))
    assert keys["customer_360"] == ["customer_id"]
    assert keys["clv_statement"] == ["customer_id", "part", "line"]
    assert "fct_order" not in keys


def test_row_order_of_the_warehouse_does_not_matter(settings):
    publish(settings)
    first, rows = content(settings), read(settings, "select * from core.fct_order_line")
    build_warehouse(
        settings, "create or replace table core.fct_order_line as from core.fct_order_line order by order_line_id desc"
    )
    publish(settings, OTHERS[1])
    assert content(settings) == first
    assert read(settings, "select * from core.fct_order_line") == rows


def test_facts_are_stored_quarter_by_quarter_and_dimensions_by_their_key(settings):
    """Of a quarter, months with a purchase come first."""
    build_warehouse(settings, "update core.fct_order set order_date = date '2025-12-31' where order_id in ('o1', 'o4')")
    publish(settings)
    assert read(settings, "select order_id from core.fct_order") == [("o1",), ("o4",), ("o2",), ("o3",), ("o5",)]
    months = read(
        settings,
        "select date_trunc('quarter', month_start_date), purchases = 0, customer_id, month_start_date"
        " from core.fct_customer_month",
    )
    assert months == sorted(months)
    assert {is_apart for _, is_apart, *_ in months} == {False, True}
    assert read(settings, "select customer_id from core.dim_customer") == [("ana",), ("ben",), ("cleo",), ("unknown",)]


def test_a_changed_value_and_a_doubled_row_change_the_hash(settings):
    publish(settings)
    first = content(settings)["core.fct_order"]["content_hash"]
    for number, change in enumerate(
        ("update core.fct_order set lines = 2 where order_id = 'o1'", "insert into core.fct_order from core.fct_order")
    ):
        build_warehouse(settings, change)
        publish(settings, OTHERS[number])
        assert content(settings)["core.fct_order"]["content_hash"] != first


def test_null_and_empty_text_hash_differently(settings):
    hashes = set()
    for number, value in enumerate(("null", "''")):
        build_warehouse(settings, f"create table ops.extra as select {value}::varchar as value")
        publish(settings, OTHERS[number])
        hashes.add(content(settings)["ops.extra"]["content_hash"])
    assert len(hashes) == 2


def test_the_same_release_is_written_once(published):
    before = (current_release(published) / "perennial.duckdb").stat()
    publish(published, OTHERS[1])
    publish(published)
    assert current_release(published).name == RELEASE.release_id
    after = (current_release(published) / "perennial.duckdb").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_other_data_under_the_same_id_is_refused(published):
    build_warehouse(published, "update marts.customer_360 set tier = 'gold'")
    with pytest.raises(UserError, match=r"other data \(differing: marts.customer_360\)"):
        publish(published)
    assert read(published, "select count(distinct tier) from marts.customer_360") == [(2,)]


def test_without_the_gate_nothing_is_published(settings):
    with pytest.raises(UserError, match="has not been audited"):
        publish_release(settings, RELEASE)
    pass_gate(settings, OTHERS[1])
    with pytest.raises(UserError, match="not for 2026-03-31-aaaaaaaaaaaa"):
        publish_release(settings, RELEASE)
    pass_gate(settings, stopped=2)
    with pytest.raises(UserError, match="2 checks stop release"):
        publish_release(settings, RELEASE)
    assert not (settings.serving / "current").exists()


def test_a_missing_warehouse_is_reported_in_one_message(settings):
    settings.warehouse.unlink()
    with pytest.raises(UserError, match=r"warehouse\.duckdb is not there"):
        publish(settings)


def test_ledger_names_the_score_files(settings):
    scores = settings.scores / "churn" / "as_of=2026-03-31" / "run=churn-1.parquet"
    scores.parent.mkdir(parents=True)
    scores.touch()
    publish(settings)
    ledger = json.loads((settings.ledger / f"{RELEASE.release_id}.json").read_text())
    assert ledger["score_files"]["churn"] == ["scores/churn/as_of=2026-03-31/run=churn-1.parquet"]
    assert ledger["score_files"]["clv"] == []
    assert (ledger["sources"], ledger["as_of_date"]) == (["shop"], "2026-03-31")


def test_two_releases_of_one_date_are_kept(settings):
    for release in OTHERS[:5]:
        publish(settings, release)
    releases = settings.serving / "releases"
    assert sorted(path.name for path in releases.iterdir()) == [release.release_id for release in OTHERS[3:5]]
    publish(settings, OTHERS[3])
    assert sorted(path.name for path in releases.iterdir()) == [release.release_id for release in OTHERS[3:5]]
    assert current_release(settings).name == OTHERS[3].release_id


def test_a_folder_that_is_not_a_release_stays(settings):
    publish(settings, OTHERS[0])
    kept = settings.serving / "releases" / "before-the-rollback"
    kept.mkdir()
    publish(settings, OTHERS[1])
    publish(settings, OTHERS[2])
    names = [OTHERS[1].release_id, OTHERS[2].release_id, kept.name]
    assert sorted(path.name for path in kept.parent.iterdir()) == names


def test_a_release_that_is_published_again_is_the_last_of_the_ledger(settings):
    def sequences():
        return [json.loads((settings.ledger / f"{o.release_id}.json").read_text())["sequence"] for o in OTHERS[:2]]

    publish(settings, OTHERS[0])
    publish(settings, OTHERS[1])
    assert sequences() == [1, 2]
    publish(settings, OTHERS[1])
    assert sequences() == [1, 2]
    publish(settings, OTHERS[0])
    assert sequences() == [3, 2]


def test_an_open_reader_goes_on_reading_its_release(published):
    reader = subprocess.Popen(
        [sys.executable, "-c", READ, str(published.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdin and reader.stdout
    assert reader.stdout.readline() == "open\n"
    for number, release in enumerate(OTHERS[:4]):
        build_warehouse(
            published,
            f"update core.fct_order set net_amount = {number}",
            f"update marts.release set release_id = '{release.release_id}'",
        )
        publish(published, release)
        reader.stdin.write("again\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == "[(Decimal('35.8500'), '2026-03-31-aaaaaaaaaaaa')]\n"
        assert read(published, "select release_id from marts.release") == [(release.release_id,)]
    reader.stdin.close()
    assert reader.wait(30) == 0


def publish_child(home, release) -> None:
    publish_release(make_settings(home), release)


def start_publisher(settings, release):
    """A process that publishes; the fork server has imported what it needs, so that it starts at once."""
    pass_gate(settings, release)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.pipeline.serving.test_publish", "matplotlib.font_manager"])
    process = context.Process(target=publish_child, args=(settings.home, release))
    process.start()
    return process


def test_a_kill_at_any_moment_leaves_a_whole_release(published):
    start_publisher(published, OTHERS[21]).join()  # starts the fork server
    started = time.monotonic()
    start_publisher(published, OTHERS[22]).join()
    whole = time.monotonic() - started
    dice = random.Random(7)
    killed = 0
    for release in OTHERS[:20]:
        before = current_release(published).name
        process = start_publisher(published, release)
        time.sleep(dice.uniform(0.0, 1.1) * whole)
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        folder = current_release(published)
        assert folder.name in (before, release.release_id)
        assert read(published, "select sum(net_amount) from core.fct_order") == [(Decimal("35.8500"),)]
        for other in (published.serving / "releases").glob("2*"):
            assert read_manifest(other)["release_id"] == other.name
    assert killed >= 5
    publish(published, OTHERS[30])
    assert current_release(published).name == OTHERS[30].release_id
    assert list(published.serving.rglob(".tmp-*")) == []


def test_a_publish_that_dies_after_the_ledger_is_repeated_without_a_second_entry(published, monkeypatch):
    """Readers keep the release before, and the ids that nobody saw are as if published."""
    ledger = published.ledger / "identity"
    assert len(list(ledger.iterdir())) == 1
    build_warehouse(published, "update core.bridge_customer_source set customer_id = 'ana' where customer_id = 'ben'")
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.serving.publish.point_current_at", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish(published, OTHERS[0])
    assert current_release(published).name == RELEASE.release_id
    written = sorted(ledger.iterdir())
    assert len(written) == 2
    publish(published, OTHERS[0])
    assert current_release(published).name == OTHERS[0].release_id
    assert sorted(ledger.iterdir()) == written
    changes = duckdb.sql(f"select customer_id, match_rule, release_number from '{written[1]}'").fetchall()
    assert changes == [("ana", "own_record", 2)]
    assert duckdb.sql(f"select count(*) from '{written[0]}'").fetchall() == [(3,)]


def test_temporary_files_of_a_killed_publish_are_removed(published):
    left = published.serving / "releases" / ".tmp-1-2026-03-31-bbbbbbbbbbbb"
    shutil.copytree(current_release(published), left)
    (published.serving / ".tmp-1-current").symlink_to("releases/nowhere")
    publish(published, OTHERS[1])
    assert list(published.serving.rglob(".tmp-*")) == []


def test_the_plain_package_opens_a_release(published):
    path = str(published.serving / "current" / "perennial.duckdb")
    with closing(duckdb.connect(path, read_only=True)) as connection:
        assert connection.execute("select count(*) from marts.clv_statement").fetchall() == [(12,)]
