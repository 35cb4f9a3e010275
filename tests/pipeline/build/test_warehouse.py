"""What a build does with a warehouse that is damaged, replaced or held, and with what it knows of it."""

import subprocess
import sys
from contextlib import closing

import pytest

from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.files import remove
from pipeline.build import increment, warehouse
from tests.pipeline.build.test_increment import built, plan_of
from tests.pipeline.serving.test_damage import DAMAGES

HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only={}); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def settings(make_settings):
    """A warehouse as a whole build leaves it."""
    settings = make_settings()
    settings.build.mkdir(parents=True)
    with closing(connect(settings.warehouse)) as connection:
        connection.execute("create table core_table as select range as i from range(100000)")
    built(settings, plan_of("a"))
    warehouse.begin_layer(settings)
    warehouse.end_layer(settings)
    return settings


def test_the_warehouse_of_the_last_build_is_built_on(settings):
    warehouse.prepare(settings)
    assert settings.warehouse.is_file()
    assert built(settings, plan_of("a", "b")) == ["b"]


@pytest.mark.parametrize("damage", [each for name, each in DAMAGES.items() if name != "deleted"])
def test_a_damaged_or_replaced_warehouse_is_rebuilt(settings, damage):
    damage(settings.warehouse)
    warehouse.prepare(settings)
    assert not settings.warehouse.exists()
    assert built(settings, plan_of("a", "b")) is None


def test_a_missing_warehouse_is_rebuilt(settings):
    """Staging makes a new file before anybody asks what the last one was built of."""
    settings.warehouse.unlink()
    warehouse.prepare(settings)
    with closing(connect(settings.warehouse)):
        assert built(settings, plan_of("a", "b")) is None


def test_a_killed_build_is_continued(settings):
    """The state of the warehouse is unknown, but what the build had begun is known."""
    warehouse.begin_layer(settings)
    with closing(connect(settings.warehouse)) as connection:
        connection.execute("create table more as select 1 as one")
    warehouse.prepare(settings)
    assert settings.warehouse.is_file()
    assert built(settings, plan_of("a", "b")) == ["b"]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", [increment.STATE, warehouse.STATE])
def test_a_damaged_build_state_causes_a_full_build(settings, name, damage):
    path = settings.build / name
    damage(path)
    if name == warehouse.STATE:
        warehouse.prepare(settings)
    if path.is_dir():
        remove(path)  # a run cannot write over a folder
    assert built(settings, plan_of("a", "b")) is None


def test_spill_files_of_a_killed_build_are_removed(settings):
    spilled = settings.home / "warehouse.duckdb.tmp"
    spilled.mkdir()
    (spilled / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"rows of sources")
    warehouse.prepare(settings)
    assert not spilled.exists()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_program_that_holds_the_warehouse_is_named(settings, read_only):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(read_only), str(settings.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout and holder.stdout.readline() == "held\n"
    for check in (warehouse.check_free, warehouse.prepare):
        with pytest.raises(UserError) as error:
            check(settings)
        message = str(error.value)
        assert f"open in another program: process {holder.pid} (python" in message
        assert "Close it there, then run again" in message and "\n" not in message
    holder.communicate()
    warehouse.check_free(settings)
    warehouse.prepare(settings)
    assert settings.warehouse.is_file()
