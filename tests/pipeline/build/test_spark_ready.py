"""What Spark needs and does not find is said in one sentence, before anything is written."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.base.settings import Settings
from pipeline.build.owner import begin_build
from pipeline.build.spark import ready
from tests.support.builds.loads import said

OWN_MODULES = ("pipeline.build.spark.ready",)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is installed."""
    monkeypatch.setattr(ready, "MODULES", OWN_MODULES)


def java(folder: Path, version: str) -> str:
    """A JAVA_HOME whose program says a version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n", encoding="utf-8")
    program.chmod(0o755)
    return str(folder)


def test_duckdb_needs_nothing(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    monkeypatch.setattr(ready, "MODULES", ("no.such",))
    ready.check_ready(make_settings())


@pytest.mark.parametrize("module", ["no_such_module", "dbt.adapters.no_such_engine", "no_such.module"])
def test_without_the_extra(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setattr(ready, "MODULES", (*OWN_MODULES, module))
    message = said(ready.check_ready, make_settings(CRM_ENGINE="spark"))
    assert f"{module} is not installed: `make spark` installs it" in message
    assert len(message.splitlines()) == 1


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("variable", ["JAVA_HOME", "PATH"])
def test_without_java(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv(variable, "/nowhere")
    settings = make_settings(CRM_ENGINE="spark")
    message = said(begin_build, settings, "run")
    assert "needs Java" in message
    assert variable in message
    assert len(message.splitlines()) == 1
    assert not settings.home.exists()


@pytest.mark.usefixtures("installed")
def test_with_a_java_that_is_too_old(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", java(tmp_path / "old", "1.8.0_412"))
    assert "needs Java 17" in said(ready.check_ready, make_settings(CRM_ENGINE="spark"))
    monkeypatch.setenv("JAVA_HOME", java(tmp_path / "new", "21.0.3"))
    ready.check_ready(make_settings(CRM_ENGINE="spark"))


def test_a_client_of_a_thrift_server_needs_no_java(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    monkeypatch.setattr(ready, "MODULES_OF_CLIENT", OWN_MODULES)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        master = f"thrift://127.0.0.1:{listening.getsockname()[1]}"
        settings = make_settings(CRM_ENGINE="spark", CRM_SPARK_MASTER=master)
        ready.check_ready(settings)
    assert f"CRM_SPARK_MASTER is '{master}', and nothing answers there" in said(begin_build, settings, "run")
    assert not settings.home.exists()
    monkeypatch.setattr(ready, "MODULES_OF_CLIENT", (*OWN_MODULES, "pyhive_of_nobody"))
    assert "pyhive_of_nobody is not installed: `make spark` installs it" in said(ready.check_ready, settings)


@pytest.mark.usefixtures("installed")
def test_with_a_master_that_does_not_answer(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", java(tmp_path, "17.0.1"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        master = f"spark://127.0.0.1:{listening.getsockname()[1]}"
        settings = make_settings(CRM_ENGINE="spark", CRM_SPARK_MASTER=master)
        ready.check_ready(settings)
    message = said(ready.check_ready, settings)
    assert f"CRM_SPARK_MASTER is '{master}', and nothing answers there" in message
    assert "local[2]" in message
