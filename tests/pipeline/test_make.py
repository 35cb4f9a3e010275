"""What `make` removes."""

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
