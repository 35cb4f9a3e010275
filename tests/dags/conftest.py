"""Airflow in processes of its own, each with its own home: importing it fixes its settings for the whole process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.settings import ROOT, load_settings
from pipeline.orchestration.airflow_settings import airflow_environment

DESCRIBE = Path(__file__).with_name("describe_dags.py")


@pytest.fixture(scope="session")
def describe_dags(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Load a DAGs folder as Airflow does and describe what is in it."""

    def describe(folder: Path = ROOT / "dags", **env: str) -> dict[str, Any]:
        home = tmp_path_factory.mktemp("home")
        env = {"CRM_SOURCES": "complete_journey", **env}
        settings = load_settings({"CRM_HOME": str(home), "CRM_SOURCES": "complete_journey"})
        result = home / "dags.json"
        subprocess.run(
            [sys.executable, str(DESCRIBE), str(folder), str(result)],
            env={"PATH": os.environ["PATH"], **airflow_environment(settings), **env},
            cwd=home,
            capture_output=True,
            check=True,
        )
        described: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return described

    return describe
