"""What `make` runs and removes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.settings import ROOT

MADE = {"warehouse.duckdb", "build", "dbt", "docs", "features"}
KEPT = {"landing", "models", "scores", "serving", "lists"}


@pytest.mark.parametrize("home", ["home", "my home", "o'brien's \"home\""])
def test_clean_removes_what_can_be_built_again_and_nothing_beside_it(tmp_path: Path, home: str) -> None:
    beside = [tmp_path / "my", tmp_path / "home" / "landing", tmp_path / "features"]
    for folder in [*(tmp_path / home / name for name in MADE | KEPT), *beside]:
        folder.mkdir(parents=True, exist_ok=True)
    clean = ["make", "--silent", "-f", str(ROOT / "Makefile"), "clean"]
    subprocess.run(clean, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "CRM_HOME": str(tmp_path / home)}, check=True)
    assert {path.name for path in (tmp_path / home).iterdir()} == KEPT
    assert all(folder.is_dir() for folder in beside)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile, in which Python only writes down what it was asked for."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@ [${WORLDS}|${SEEDS}|${CUSTOMERS}|${CRM_SOURCES}]" >> asked\n', "utf-8")
    python.chmod(0o755)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / ".venv" / ".ready").touch()
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def make(project: Path, *words: str) -> tuple[int, list[str], str]:
    """Exit code, what Python was asked for, and what was said."""
    done = subprocess.run(
        ["make", "--silent", *words],
        cwd=project,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    asked = project / "asked"
    return done.returncode, asked.read_text("utf-8").splitlines() if asked.exists() else [], done.stderr


def test_run_makes_the_demo_company_before_it(project: Path) -> None:
    (project / "demo").mkdir()
    (project / "demo" / "__main__.py").touch()
    code, asked, _ = make(project, "run", "SOURCES=demo_*,cdnow")
    assert code == 0
    assert asked == [
        "-m pipeline.fetch_data active [|||demo_*,cdnow]",
        "-m demo ensure [|||demo_*,cdnow]",
        "-m dags.local.run [|||demo_*,cdnow]",
    ]


def test_prove_is_told_worlds_seeds_and_customers(project: Path) -> None:
    (project / "demo").mkdir()
    (project / "demo" / "__main__.py").touch()
    assert make(project, "prove", "WORLDS=clean,null", "SEEDS=1,2", "CUSTOMERS=1000")[:2] == (
        0,
        ["-m demo prove [clean,null|1,2|1000|]"],
    )
    assert make(project, "demo")[1][1:] == ["-m demo [|||]"]


def test_without_the_demo_company_the_rest_goes_on(project: Path) -> None:
    code, asked, _ = make(project, "run", "SOURCES=cdnow")
    assert (code, asked) == (0, ["-m pipeline.fetch_data active [|||cdnow]", "-m dags.local.run [|||cdnow]"])
    for target in ("demo", "prove"):
        code, asked, said = make(project, target)
        assert code == 2
        assert "There is no folder demo" in said
        assert len(asked) == 2
