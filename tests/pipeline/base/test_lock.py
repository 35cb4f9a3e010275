"""The lock of CRM_HOME: one writer, also when the holder has been killed and its subprocess lives on."""

import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.base.lock import inherited_descriptors, lock_path, run_lock
from pipeline.base.settings import Settings

HOLDER = """
import subprocess, sys, time
from pipeline.base.lock import inherited_descriptors, run_lock
from pipeline.base.settings import load_settings
settings = load_settings()
with run_lock(settings, "make run"):
    child = [sys.executable, "-c", "import time; time.sleep(2)"]
    fds = inherited_descriptors(settings) if sys.argv[1] == "inherits" else ()
    subprocess.Popen(child, pass_fds=fds)
    print("held", flush=True)
    time.sleep(60)
"""


def start_holder(settings: Settings, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, how],
        env={"CRM_HOME": str(settings.home), "CRM_SOURCES": "cdnow"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def end(holder: subprocess.Popen[str]) -> None:
    holder.wait()
    assert holder.stdout
    holder.stdout.close()


def wait_for_lock(settings: Settings) -> tuple[float, list[str]]:
    said: list[str] = []
    began = time.monotonic()
    with run_lock(settings, "the next", say=said.append):
        return time.monotonic() - began, said


def test_the_next_waits_and_is_told_for_whom(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    holder = start_holder(settings, "inherits")
    subprocess.Popen(["sh", "-c", f"sleep 0.5; kill {holder.pid}"])
    seconds, said = wait_for_lock(settings)
    end(holder)
    assert seconds > 0.3
    assert len(said) == 1
    assert f"make run, process {holder.pid}" in said[0]
    assert str(settings.home) in said[0]


def test_a_killed_holder_leaves_the_lock_to_its_subprocess(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    holder = start_holder(settings, "inherits")
    holder.send_signal(signal.SIGKILL)
    end(holder)
    seconds, said = wait_for_lock(settings)
    assert 0.5 < seconds < 10
    assert len(said) == 1


def test_without_a_subprocess_a_killed_holder_leaves_nothing(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    holder = start_holder(settings, "does not inherit")
    holder.send_signal(signal.SIGKILL)
    end(holder)
    seconds, said = wait_for_lock(settings)
    assert seconds < 0.5
    assert said == []


def test_a_block_inside_a_block_neither_waits_nor_releases(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    assert inherited_descriptors(settings) == ()
    with run_lock(settings, "outer"):
        with run_lock(settings, "inner"):
            assert len(inherited_descriptors(settings)) == 1
        assert len(inherited_descriptors(settings)) == 1
        assert lock_path(settings).read_text().startswith("outer, process ")
    assert inherited_descriptors(settings) == ()


def test_who_writes_closes_everything_but_the_releases(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    settings = make_settings(CRM_HOME=str(tmp_path / "o'brien's home"))
    for folder in (settings.landing, settings.serving):
        folder.mkdir(parents=True)
    settings.warehouse.touch(0o644)
    with run_lock(settings, "make run"):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.home.iterdir()}
    assert modes["warehouse.duckdb"] == 0o600
    closed = {"landing", "build", "features", "scores", "models", "lists", "airflow", "dbt", "docs", "tmp"}
    assert {name for name, mode in modes.items() if mode == 0o700} == closed
    assert modes["serving"] & 0o055
