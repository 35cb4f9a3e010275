"""Apache Superset takes the ZIP of `make superset`, answers its charts, and sees the next release by itself."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.settings import ROOT, Settings
from pipeline.outputs.superset import CHARTS, write_superset
from tests.pipeline.outputs.test_superset import TABLES
from tests.pipeline.serving.test_publish import OTHERS, publish
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings

pytestmark = pytest.mark.slow
SUPPORT = ROOT / "tests" / "support" / "programs"
SEEN_WITHIN_SECONDS = 60
# In the small warehouse some numbers that charts sum are words.
WORDS = ("segment_profile", "customer_churn", "campaign_performance")


def publish_value(settings: Settings, value: int, release=RELEASE) -> None:
    """Publish a release whose metrics have a value."""
    metrics = TABLES["metrics_monthly"].replace("1.5::", f"{value}::")
    summed = [(chart.mart, chart.sql.removeprefix("sum(").removesuffix(")")) for chart in CHARTS if chart.mart in WORDS]
    build_warehouse(
        settings,
        f"create or replace table marts.metrics_monthly as {metrics}",
        *(f"alter table marts.{mart} alter {name} type decimal(18, 4) using 1" for mart, name in summed),
        f"update marts.release set release_id = '{release.release_id}'",
    )
    publish(settings, release)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = make_settings(tmp_path_factory.mktemp("published"))
    publish_value(settings, 1)
    return settings


@pytest.fixture(scope="module")
def superset(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Superset in an environment and with a metadata database of its own, which has imported the ZIP."""
    folder = tmp_path_factory.mktemp("superset")
    uv = Path(sys.executable).with_name("uv")
    python = folder / "env" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "env"], check=True)
    packages = ["--quiet", "--no-deps", "--python", python, "-r", SUPPORT / "superset_requirements.txt"]
    subprocess.run([uv, "pip", "install", *packages], check=True)
    config = folder / "superset_config.py"
    config.write_text(
        f"SECRET_KEY = '{secrets.token_urlsafe(42)}'\nSQLALCHEMY_DATABASE_URI = 'sqlite:///{folder}/superset.db'\n",
        encoding="utf-8",
    )
    with (folder / "log").open("w", encoding="utf-8") as log:
        running = subprocess.Popen(
            [python, SUPPORT / "superset_reads.py", write_superset(settings)],
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "SUPERSET_CONFIG_PATH": str(config)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        said = answer(running, "READY")
        assert said is not None, (folder / "log").read_text(encoding="utf-8")[-3000:]
        yield running
        running.communicate()
        assert running.returncode == 0, (folder / "log").read_text(encoding="utf-8")[-3000:]


def answer(running: subprocess.Popen[str], word: str) -> str | None:
    """What follows a word at the beginning of a line, or None when the process has ended."""
    assert running.stdout is not None
    lines = (line for line in running.stdout if line.startswith(word))
    line = next(lines, None)
    return None if line is None else line.removeprefix(word).strip()


def see(running: subprocess.Popen[str]) -> dict[str, Any]:
    assert running.stdin is not None
    running.stdin.write("\n")
    running.stdin.flush()
    return json.loads(answer(running, "SEEN") or "null")


def revenue(seen: dict[str, Any]) -> list[float]:
    return [float(row["Net revenue by month"]) for row in seen["charts"]["Net revenue by month"]]


def test_what_superset_shows_is_what_was_published(settings: Settings, superset: subprocess.Popen[str]) -> None:
    seen = see(superset)
    assert seen["pool"] == "NullPool"
    assert {"perennial.marts", "perennial.core", "perennial.ops"} <= set(seen["schemas"])
    assert {"customer_360", "segment_profile", "metrics_monthly"} <= set(seen["tables"])
    assert seen["release"] == [RELEASE.release_id]
    assert seen["charts"].keys() == {chart.title for chart in CHARTS}
    assert all(seen["charts"].values()), "each chart has rows"
    assert revenue(seen) == [1]

    publish_value(settings, 2, OTHERS[2])
    published = time.monotonic()
    seen = see(superset)
    assert seen["release"] == [OTHERS[2].release_id], "a query that is in no cache sees it at once"
    while revenue(seen) != [2]:
        assert time.monotonic() - published < SEEN_WITHIN_SECONDS
        time.sleep(2)
        seen = see(superset)
