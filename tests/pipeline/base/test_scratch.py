"""Temporary files of loads and builds: under CRM_HOME, closed to others, gone after the run or before the next."""

import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.base.duck import connect
from pipeline.base.scratch import scratch_folder, spill_folder, sweep, working_connection
from pipeline.base.settings import ROOT
from pipeline.landing import readers

HOLD = """
import sys
from pathlib import Path
from pipeline.base.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "rows of a source").write_text("ana@mail.example")
    print(folder, flush=True)
    sys.stdin.read()
"""


def hold(home: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that is at work in a scratch folder."""
    running = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout
    return running, Path(running.stdout.readline().strip())


def test_what_a_killed_process_left_goes_with_the_next_and_what_another_uses_stays(tmp_path):
    killed, left = hold(tmp_path)
    living, used = hold(tmp_path)
    killed.kill()
    killed.wait()
    assert left.is_dir()
    with scratch_folder(tmp_path):
        assert not left.exists()
        assert used.is_dir()
    living.communicate()
    assert living.returncode == 0
    assert not used.parent.exists(), "a process that ends by itself leaves nothing"


def test_only_the_owner_may_enter(tmp_path):
    with scratch_folder(tmp_path) as folder:
        for path in (folder, folder.parent, folder.parent.parent):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert folder.parent.parent == tmp_path / "tmp"


def test_sessions_spill_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = tmp_path / 'it\'s a "home" of 100 %'
    query = "select current_setting('temp_directory')"
    with working_connection(home) as connection, closing(connect(spill=spill_folder(home))) as other:
        places = [session.execute(query).fetchall()[0][0] for session in (connection, other)]
        with readers.session(home) as working:
            places.append(working.connection.execute(query).fetchall()[0][0])
        assert len({*places}) == 3
        assert all(Path(place).is_relative_to(home / "tmp") for place in places)


@pytest.mark.parametrize("times", [1, 2])
def test_sweeping_an_empty_home_is_no_fault(tmp_path, times):
    for _ in range(times):
        sweep(tmp_path / "home")
    assert (tmp_path / "home" / "tmp").is_dir()
