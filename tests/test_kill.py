"""`kill -9` at random moments of build, audit and publish: readers see whole releases, and the next run succeeds."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.settings import ROOT, Settings, load_settings
from pipeline.serving.releases import current_release, kept_releases
from pipeline.serving.rollback import check_whole
from tests.support.builds.quick import TABLES_ONLY
from tests.support.programs.forked import Forked, fork_server

pytestmark = pytest.mark.slow
SEED = 20240531
# How often each step is killed in the midst of it, before it is let through; publishing also in test_kill_publish.py.
KILLS = {
    "plan": 3,
    "audit_landing": 4,
    "warehouse": 8,
    "export_features": 3,
    "train": 2,
    "score": 3,
    "marts": 5,
    "audit_marts": 8,
    "publish": 14,
}
WHOLE_RUNS = 2
EVERY = 20  # of the customers

IMPORTS = """
from cli.main import main
from mining import jobs
from mining.registry import JOBS
from pipeline.audit import gate
from pipeline.base.files import write_json
from pipeline.base.lock import run_lock
from pipeline.base.settings import load_settings
from pipeline.build import dbt, features
from pipeline.build.owner import begin_build
from pipeline.build.plan import load_plan
from pipeline.landing import land_source
from pipeline.serving.publish import publish
"""
# A task of the DAG as a process of its own.
STEP = """
from __main__ import *
settings = load_settings()
with run_lock(settings, "step"):
    {action}
"""
RUN = "from __main__ import main\nassert main(['run']) == 0"
OF_ALL = "as_of=load_plan(settings).as_of, sources=settings.sources"
SCORES = f"jobs.score(job, settings, {OF_ALL}) for job in JOBS"
STEPS = {
    "land": "land_source(settings, 'cdnow')",
    "plan": "assert begin_build(settings, 'steps')",
    "audit_landing": "gate.audit_landing(settings)",
    "warehouse": "dbt.run_layers(settings, *dbt.BEFORE_MINING)",
    "export_features": "features.export_features(settings)",
    "train": f"jobs.train_models(settings, {OF_ALL})",
    "score": f"write_json(settings.home / 'scores.json', [{SCORES}])",
    "marts": "dbt.run_layers(settings, 'marts', scored=json.loads((settings.home / 'scores.json').read_text()))",
    "audit_marts": "gate.audit_marts(settings)",
    "publish": "publish(settings)",
}

# Reads without pause, through a connection that stays open and through new ones; prints what releases it saw.
READER = '''
import json, os, sys
from pathlib import Path
import duckdb
os.nice(10)
serving, stop = Path(sys.argv[1]), Path(sys.argv[2])
database = str(serving / "current" / "perennial.duckdb")
SQL = """
    select (select list(release_id) from marts.release),
        (select list(distinct annual_discount_rate) from marts.customer_clv),
        (select count(distinct customer_id) from core.fct_order), (select sum(net_sales)::varchar from core.fct_order),
        (select count(*) from core.fct_order_line), (select count(*) from marts.customer_360)
"""
seen, reads, long_open = {}, 0, duckdb.connect(database, read_only=True)
first = long_open.execute(SQL).fetchone()
while not stop.exists():
    assert long_open.execute(SQL).fetchone() == first
    manifest = json.loads((serving / "current" / "release.json").read_text())
    with duckdb.connect(database, read_only=True) as now:
        (release_id,), (rate,), *figures = now.execute(SQL).fetchone()
    assert seen.setdefault(release_id, [rate, *figures]) == [rate, *figures], (release_id, rate, figures)
    if manifest["release_id"] == release_id:
        tables = manifest["tables"]
        assert [tables[name]["rows"] for name in ("core.fct_order_line", "marts.customer_360")] == figures[2:]
    reads += 1
print(json.dumps({"reads": reads, "seen": seen}))
'''


@pytest.fixture
def environment(tmp_path: Path, data_dir: Path) -> dict[str, str]:
    """A twentieth of CDNOW's customers, and a home of its own."""
    lines = (data_dir / "cdnow" / "CDNOW_master.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines[1:] if int(line[:6]) % EVERY == 0]
    target = tmp_path / "data" / "cdnow" / "CDNOW_master.txt"
    target.parent.mkdir(parents=True)
    target.write_text("".join([lines[0], *kept]), encoding="utf-8")
    return {
        **os.environ,
        "CRM_HOME": str(tmp_path / "home"),
        "CRM_DATA": str(tmp_path / "data"),
        "CRM_SOURCES": "cdnow",
        **TABLES_ONLY,
    }


@contextmanager
def readers(settings: Settings, stop: Path) -> Iterator[list[subprocess.Popen[str]]]:
    words = [sys.executable, "-c", READER, str(settings.serving), str(stop)]
    started = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    try:
        yield started
    finally:
        stop.touch()
        for reader in started:
            reader.wait()


def test_readers_see_whole_releases_whenever_a_run_is_killed(environment: dict[str, str], tmp_path: Path) -> None:
    settings, stop, dice = load_settings(environment), tmp_path / "stop", random.Random(SEED)

    def start(code: str, rate: str) -> Forked:
        """Start a step or a run, under a discount rate of its own, so that there is something new to publish."""
        return server.start(code, CRM_ANNUAL_DISCOUNT_RATE=rate)

    def kill(process: Forked, longest: float) -> bool:
        was_there = process.kill(dice.uniform(0, longest), with_children=dice.random() < 0.5)
        check_whole(current_release(settings))
        return was_there

    with fork_server(IMPORTS, ROOT, tmp_path / "log", environment) as server:
        steps = {step: STEP.format(action=action) for step, action in STEPS.items()}
        seconds = {step: start(code, "0.10").finish() for step, code in steps.items()}
        seconds["warehouse"] = start(steps["warehouse"], "0.10").finish()  # dbt has parsed
        with readers(settings, stop) as reading:
            for step, times in KILLS.items():
                killed, longest = 0, seconds[step]
                while killed < times:
                    if kill(start(steps[step], "0.11"), longest):
                        killed += 1
                    else:  # it had ended: a step that finds work done takes less time than the first one
                        longest *= 0.8
                start(steps[step], "0.11").finish()
            for number in range(WHOLE_RUNS):
                kill(start(RUN, f"0.{12 + number}"), sum(seconds.values()))
            start(RUN, "0.20").finish()
            assert [reader.poll() for reader in reading] == [None, None], "a reader failed"
    for reader in reading:
        output, _ = reader.communicate()
        assert reader.returncode == 0, output
        check_seen(json.loads(output))
    for folder in kept_releases(settings):
        check_whole(folder)
    assert list(settings.serving.rglob(".tmp-*")) == []


def check_seen(content: dict[str, Any]) -> None:
    """Each release has a rate of its own; what was sold is the same in all."""
    rates = [rate for rate, *_ in content["seen"].values()]
    assert {0.10, 0.11, 0.20} <= set(rates)
    assert len(set(rates)) == len(rates)
    assert content["reads"] > 100
    assert len({tuple(figures) for _, *figures in content["seen"].values()}) == 1
