"""The contracts of pyproject.toml and demo/importlinter.toml about imports can fail, and see every module."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from pipeline.base.settings import ROOT

ROOMS = [room for room in ("benchmarks", "cli", "dags", "demo", "mining", "pipeline") if (ROOT / room).is_dir()]
# What must not be written: where, and the contract that it breaks.
PLANTED = {
    "pipeline/serving/damage.py": ("from mining import jobs", "benchmarks → cli, dags → mining → pipeline"),
    "mining/jobs.py": ("def f():\n    import pipeline.serving.publish", "mining imports only the base of the pipeline"),
    "pipeline/base/lock.py": ("from pipeline.sources import schema", "the base of the pipeline imports no other room"),
    "pipeline/build/history.py": ("import pipeline.outputs.docs", "what builds a warehouse imports no output of it"),
    "cli/build.py": ("import demo.world.worlds", "nothing but benchmarks imports the demo company"),
    "pipeline/build/plan.py": ("import airflow.sdk", "Airflow is imported in dags and pipeline.orchestration"),
    "demo/world/laws.py": ("import mining", "the demo company and the product share no code"),
    "demo/world/lives.py": ("import pipeline.build.plan", "the demo company imports only the base of the pipeline"),
}  # fmt: skip


def test_the_contracts_see_every_module() -> None:
    """A folder without `__init__.py` below a room would not be looked at."""
    files = [path.relative_to(ROOT).with_suffix("") for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    modules = {".".join(path.parts).removesuffix(".__init__") for path in files}
    assert modules - grimp.build_graph(*ROOMS, cache_dir=None).modules - set(ROOMS) == set()


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What lint-imports says of a copy of the project with everything planted that must not be there."""
    copy = tmp_path_factory.mktemp("copy")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", "images"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name, (line, _) in PLANTED.items():
        if (copy / name).is_file():
            (copy / name).write_text(f"{(copy / name).read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    program = str(Path(sys.executable).with_name("lint-imports"))
    files = [name for name in ("pyproject.toml", "demo/importlinter.toml") if (copy / name).is_file()]
    done = [
        subprocess.run(
            [program, "--no-cache", "--no-logo", name],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
        for name in files
    ]
    assert [each.returncode for each in done] == [1] * len(files)
    return "".join(each.stdout for each in done)


@pytest.mark.parametrize("name", [name for name in PLANTED if (ROOT / name).is_file()])
def test_a_contract_sees_what_must_not_be_imported(broken: str, name: str) -> None:
    _, contract = PLANTED[name]
    assert f"{contract} BROKEN" in broken
    module = name.removesuffix(".py").replace("/", ".")
    assert f"{module} -> " in broken
