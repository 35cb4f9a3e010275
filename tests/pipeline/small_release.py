"""A release of the made-up warehouse: published once for each set of changes, and copied for each test."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pipeline.base.settings import Settings
from pipeline.outputs.report import page
from pipeline.serving.publish import publish_release
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings, pass_gate


@cache
def _homes() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="small-releases-")


@cache
def _published(*changes: str) -> Path:
    home = Path(_homes().name) / str(len(list(Path(_homes().name).iterdir())))
    settings = make_settings(home)
    build_warehouse(settings, *changes)
    pass_gate(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "write_report", lambda *_: None)
        publish_release(settings, RELEASE)
    return home


def publish_small(settings: Settings, *changes: str) -> None:
    """Make a home in which the warehouse with these changes is published, without the report."""
    shutil.copytree(_published(*changes), settings.home, symlinks=True, dirs_exist_ok=True)
