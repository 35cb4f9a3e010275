"""Imports point one way: dags → pipeline, mining; mining → a few modules of pipeline; nothing → dags."""

import ast
from pathlib import Path

import pytest

from pipeline.settings import ROOT

# room: modules of the project that it may import
ALLOWED = {
    "pipeline": ("pipeline",),
    "mining": ("mining", "pipeline.settings", "pipeline.errors", "pipeline.files", "pipeline.models"),
    "demo": ("demo", "pipeline.settings", "pipeline.errors", "pipeline.files", "pipeline.shapes"),
    "dags": ("dags", "pipeline", "mining"),
    "benchmarks": ("benchmarks", "pipeline", "mining", "demo", "tests.support"),
}
ROOMS = (*ALLOWED, "tests")
AIRFLOW_ROOMS = ("dags",)


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def is_within(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def python_files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", [room for room in ALLOWED if (ROOT / room).is_dir()])
def test_a_room_imports_only_what_it_may(room: str) -> None:
    files = python_files(room)
    assert files
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in sorted(imported_modules(path))
        if is_within(name, ROOMS) and not is_within(name, ALLOWED[room])
    ]
    assert wrong == []


@pytest.mark.parametrize("room", [room for room in ALLOWED if room not in AIRFLOW_ROOMS and (ROOT / room).is_dir()])
def test_airflow_stays_in_dags(room: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in python_files(room)
        for name in sorted(imported_modules(path))
        if is_within(name, ("airflow",))
    ]
    assert wrong == []


def test_the_rule_sees_both_forms_of_import(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import dags.common\nfrom mining import jobs\n", encoding="utf-8")
    assert imported_modules(module) == {"dags.common", "mining.jobs"}
    assert not is_within("dags.common", ALLOWED["mining"])
    assert not is_within("pipeline.publish.publish", ALLOWED["mining"])
    assert is_within("pipeline.files.write_json", ALLOWED["mining"])
