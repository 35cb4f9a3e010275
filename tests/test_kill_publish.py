"""Twenty publishers are killed while readers never pause: no reader sees half a release, and the next one works."""

import json
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest

from pipeline.base.duck import connect
from pipeline.serving.releases import current_release, kept_releases
from pipeline.serving.rollback import check_whole
from tests.pipeline.serving.test_publish import publish, start_publisher
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings

pytestmark = pytest.mark.slow
KILLS = 20
SEED = 20260331

# A release holds its number twice: in its id and in every order. A reader of two releases at once would see both.
READER = '''
import json, sys
from pathlib import Path
import duckdb
serving, stop = Path(sys.argv[1]), Path(sys.argv[2])
SQL = """
    select release_id, (select list(distinct net_amount::int) from core.fct_order),
        (select list(distinct clv_future::int) from marts.customer_clv where clv_future is not null),
        (select count(*) from core.fct_order), (select count(*) from marts.customer_360)
    from marts.release
"""
reads, long_open = 0, duckdb.connect(str(serving / "current" / "perennial.duckdb"), read_only=True)
first = long_open.execute(SQL).fetchone()
while not stop.exists():
    assert long_open.execute(SQL).fetchone() == first
    folder = (serving / "current").resolve()
    manifest = json.loads((folder / "release.json").read_text())
    with duckdb.connect(str(serving / "current" / "perennial.duckdb"), read_only=True) as now:
        release_id, orders, values, order_rows, customer_rows = now.execute(SQL).fetchone()
    number = int(release_id.rsplit("-", 1)[1], 16)
    assert orders == [number] and values == [number], (release_id, orders, values)
    if manifest["release_id"] == release_id:
        assert manifest["tables"]["core.fct_order"]["rows"] == order_rows
        assert manifest["tables"]["marts.customer_360"]["rows"] == customer_rows
    reads += 1
print(reads)
'''


def release_of(number: int):
    return replace(RELEASE, release_id=f"2026-03-31-{number:012x}", input_hash=f"{number:064x}")


def build(settings, number: int) -> None:
    build_warehouse(
        settings,
        f"update core.fct_order set net_amount = {number}",
        f"update marts.customer_clv set clv_future = {number} where clv_future is not null",
        f"update marts.release set release_id = '{release_of(number).release_id}'",
    )


def test_readers_see_whole_releases_whenever_publishing_is_killed(tmp_path):
    settings, stop = make_settings(tmp_path / "home"), tmp_path / "stop"
    build(settings, 1)
    publish(settings, release_of(1))
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, settings.serving, stop],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    build(settings, 2)
    start_publisher(settings, release_of(2)).join()  # starts the fork server
    build(settings, 3)
    began = time.monotonic()
    start_publisher(settings, release_of(3)).join()
    whole = time.monotonic() - began
    dice, killed = random.Random(SEED), 0
    for number in range(4, 4 + KILLS):
        before = current_release(settings).name
        build(settings, number)
        process = start_publisher(settings, release_of(number))
        time.sleep(dice.uniform(0.0, 1.1) * whole)
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        assert current_release(settings).name in (before, release_of(number).release_id)
        check_whole(current_release(settings))
    assert killed >= KILLS // 4
    build(settings, 99)
    publish(settings, release_of(99))
    stop.touch()
    for reader in readers:
        output, _ = reader.communicate(timeout=60)
        assert reader.returncode == 0, output
        assert int(output) > KILLS
    for folder in kept_releases(settings):
        check_whole(folder)
    assert list(settings.serving.rglob(".tmp-*")) == []
    with closing(connect(current_release(settings) / "perennial.duckdb", read_only=True)) as connection:
        assert connection.execute("select distinct net_amount::int from core.fct_order").fetchall() == [(99,)]
    assert json.loads((current_release(settings) / "release.json").read_text())["release_id"].endswith("63")
