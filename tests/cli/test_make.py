"""What `make` runs and removes."""

import subprocess
from pathlib import Path

import pytest

from pipeline.base.settings import ROOT
from tests.support.programs.makefile import makefile_folder

MADE = {"warehouse", "warehouse.duckdb", "build", "dbt", "docs", "features"}
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
    """A folder with the Makefile, in which the command only writes down what it was asked for."""
    return makefile_folder(tmp_path, '{ printf "%s|" "$@"; echo "$CRM_SOURCES"; } >> asked')


def make(project: Path, *words: str) -> tuple[int, list[str], str]:
    """Exit code, what the command was asked for, and what was said."""
    asked = project / "asked"
    asked.unlink(missing_ok=True)
    done = subprocess.run(
        ["make", "--silent", *words],
        cwd=project,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, asked.read_text("utf-8").splitlines() if asked.exists() else [], done.stderr


@pytest.fixture
def with_demo(project: Path) -> Path:
    """The folder with the demo company."""
    (project / "demo").mkdir()
    (project / "demo" / "command.py").touch()
    return project


def test_run_makes_the_demo_company_before_it(with_demo: Path) -> None:
    assert make(with_demo, "run", "SOURCES=demo_*,cdnow") == (
        0,
        ["data|--active|demo_*,cdnow", "demo|ensure|demo_*,cdnow", "run|demo_*,cdnow"],
        "",
    )


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["data"], "data|"),
        (["demo"], "demo|make|"),
        (["prove"], "prove|"),
        (["prove", "WORLDS=clean,null", "SEEDS=1,2", "CUSTOMERS=1000"],
         "prove|--worlds=clean,null|--seeds=1,2|--customers=1000|"),
        (["accept"], "accept|"),
        (["accept", "SOURCE=shop", "TABLE=my orders"], "accept|--source=shop|--table=my orders|"),
        (["accept", "RELEASE=2026-01-01-a"], "accept|--release=2026-01-01-a|"),
        (["accept", "LOAD=shop.o'brien \"s\""], "accept|--load=shop.o'brien \"s\"|"),
        (["rollback"], "rollback|--|"),
        (["rollback", "RELEASE=-x y"], "rollback|--|-x y|"),
        (["lists"], "lists|"),
        (["lists", "PREVIEW=my file.yml"], "lists|preview|--|my file.yml|"),
        (["diff"], "diff|--|||"),
        (["diff", "B=new one", "FORMAT=json"], "diff|--format=json|--||new one|"),
        (["docs"], "docs|"),
        (["superset"], "superset|"),
        (["airflow", "ARGS=dags list -o 'a b' --help"], "airflow|--|dags|list|-o|a b|--help|"),
    ],
)  # fmt: skip
def test_a_target_is_a_verb_with_its_values(with_demo: Path, words: list[str], asked: str) -> None:
    assert make(with_demo, *words) == (0, [asked], "")


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["up", "SOURCES=cdnow"], "up|cdnow"),
        (["backfill"], "backfill|--|||"),
        (["backfill", "FROM=2026-01-01", "TO=2026-01-31"], "backfill|--|2026-01-01|2026-01-31|"),
    ],
)
def test_what_loads_has_its_data_first(project: Path, words: list[str], asked: str) -> None:
    code, (first, last), _ = make(project, *words)
    assert (code, last) == (0, asked)
    assert first.startswith("data|--active|")


def test_without_the_demo_company_the_rest_goes_on(project: Path) -> None:
    assert make(project, "run", "SOURCES=cdnow") == (0, ["data|--active|cdnow", "run|cdnow"], "")
    for target in ("demo", "prove"):
        code, asked, said = make(project, target)
        assert (code, asked) == (2, [])
        assert "There is no folder demo" in said
