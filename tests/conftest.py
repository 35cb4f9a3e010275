"""Fixtures that all tests share. No test reads or writes the user's own CRM_HOME."""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.base.settings import ROOT, Settings, load_settings
from pipeline.sources.fetch_data import missing_files
from tests.support.builds.quick import QUICK
from tests.support.programs.postgres import Server, server

SHOP: dict[str, Any] = {
    "description": "A shop for tests.",
    "kind": "files",
    "schedule": "none",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "history": "complete",
    "first_interval_start": "2024-01-01",
}
SALES: dict[str, Any] = {
    "file": "sales.csv",
    "format": "csv",
    "load": "snapshot",
    "key": "position",
    "event_time": "sold_at",
}

# Folders of tests of which most build a warehouse.
BUILDS = {"dags", "demo", "warehouse"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no other files where only the quick ones are asked for (`make check`)."""
    is_test = collection_path.name.startswith("test_") and collection_path.suffix == ".py"
    return True if config.option.markexpr == "quick" and is_test and collection_path.name not in QUICK else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` runs, and begin with the files that take long.

    Slow tests come first, then those that build a warehouse, then the files with many tests: no worker idles behind a
    long file that was begun last.
    """
    for item in items:
        if item.path.name in QUICK and not item.get_closest_marker("slow"):
            item.add_marker("quick")
    tests = Counter(item.path for item in items)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, BUILDS.isdisjoint(item.path.parts), -tests[item.path]))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the public data sets: $CRM_DATA, or .data in the project."""
    settings = load_settings({"CRM_DATA": os.environ.get("CRM_DATA", ""), "CRM_SOURCES": "*"})
    missing = missing_files(settings)
    assert not missing, f"{settings.data} has no {', '.join(missing)}: run `make data`"
    return settings.data


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this test process. Not in pytest's folder, which a later session may clear."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder, server(Path(folder) / "data") as running:
        yield running


@pytest.fixture(scope="session")
def spark_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has Spark: this one, where `make spark` was run, or that of an environment of its own."""
    if find_spec("pyspark"):
        return Path(sys.executable)
    folder = tmp_path_factory.mktemp("spark") / "env"
    uv, python = Path(sys.executable).with_name("uv"), folder / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", python]
    locks = ((*install, "--require-hashes", "-r", lock) for lock in ("requirements.lock", "requirements-spark.lock"))
    project = [*install, "--no-deps", "--no-build-isolation", "-e", "."]
    for words in ([uv, "venv", "--quiet", "--python", sys.executable, folder], *locks, project):
        subprocess.run(words, cwd=ROOT, check=True)
    return python


@pytest.fixture
def crm_home(tmp_path: Path) -> Path:
    """An empty CRM_HOME."""
    return tmp_path / "home"


@pytest.fixture
def make_settings(crm_home: Path) -> Callable[..., Settings]:
    """Make settings for the temporary home, of Complete Journey; keywords are environment variables."""

    def make(**env: str) -> Settings:
        folders = {"CRM_HOME": str(crm_home), "CRM_DATA": str(ROOT / ".data")}
        return load_settings({**folders, "CRM_SOURCES": "complete_journey", **env})

    return make


@pytest.fixture
def define_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write dags/sources/<name>.yml of a project that has only the defined sources; return the source's folder.

    Keywords replace keys of SHOP; a keyword that is None removes the key. `tables` defaults to one table `sales`.
    """
    sources = tmp_path / "dags" / "sources"
    sources.mkdir(parents=True)
    monkeypatch.setattr("pipeline.base.settings.SOURCE_FILES", sources)

    def define(name: str, **keys: Any) -> Path:
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        content = {**SHOP, "location": str(folder), "tables": {"sales": SALES}, **keys}
        content = {key: value for key, value in content.items() if value is not None}
        (sources / f"{name}.yml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return folder

    return define
