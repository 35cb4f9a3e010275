"""Superset's import: what is in it, and that Superset itself takes it and reads release after release."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.duck import connect
from pipeline.errors import UserError
from pipeline.releases import DATABASE, MANIFEST
from pipeline.settings import ROOT, Settings
from pipeline.superset import CHARTS, write_superset

REQUIREMENTS = ROOT / "tests" / "support" / "superset_requirements.txt"
CHECK = ROOT / "tests" / "support" / "superset_check.py"
TABLES = {
    "release": "select '{release}' as release_id",
    "metrics_monthly": "select metric, dimension, 'web' as dimension_value, date '2024-01-01' as month_start_date,"
    " 1.5::decimal(28, 6) as value from (values ('net_revenue', 'all'), ('active_customers', 'all'),"
    " ('new_customers', 'all'), ('nps', 'all'), ('net_sales', 'channel')) as rows(metric, dimension)",
    "segment_profile": "select 'Champions' as segment_name, 2 as customers, 3.5::decimal(28, 4) as net_sales",
    "customer_360": "select 'ana' as customer_id, 'new' as lifecycle_stage",
    "customer_churn": "select 'high' as risk_band, 1.0 as expected_loss",
    "campaign_performance": "select 'spring' as campaign_id, 2.0 as incremental_profit",
}


def publish(settings: Settings, release: str, **without: str) -> None:
    folder = settings.serving / "releases" / release
    folder.mkdir(parents=True)
    with closing(connect(folder / DATABASE)) as connection:
        connection.execute("create schema marts")
        for name, query in TABLES.items():
            if name not in without.values():
                connection.execute(f"create table marts.{name} as {query.format(release=release)}")
        if "segment_profile" not in without.values():
            connection.execute("comment on column marts.segment_profile.customers is 'Number of customers.'")
    (folder / MANIFEST).write_text("{}", encoding="utf-8")
    link = settings.serving / "next"
    link.symlink_to(folder)
    link.replace(settings.serving / "current")


def test_the_import_says_what_the_release_says(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    publish(settings, "first")
    target = write_superset(settings)
    content = target.read_bytes()
    with zipfile.ZipFile(target) as archive:
        files = {name: yaml.safe_load(archive.read(name)) for name in archive.namelist()}
    assert files["perennial/metadata.yaml"]["type"] == "Dashboard"
    assert files["perennial/databases/perennial.yaml"]["extra"]["engine_params"] == {
        "connect_args": {"read_only": True}
    }
    columns = files["perennial/datasets/perennial/segment_profile.yaml"]["columns"]
    assert {column["column_name"]: column["description"] for column in columns}["customers"] == "Number of customers."
    assert sum(name.startswith("perennial/charts/") for name in files) == len(CHARTS)
    write_superset(settings)
    assert target.read_bytes() == content


def test_a_chart_without_its_column_is_named(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    publish(settings, "first", table="customer_churn")
    with pytest.raises(UserError, match=r"Chart 'Expected loss by risk band': marts\.customer_churn has no column"):
        write_superset(settings)


@pytest.fixture(scope="module")
def superset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Superset in an environment of its own; its folder of commands."""
    folder = tmp_path_factory.mktemp("superset")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "env"], check=True)
    python = folder / "env" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "-r", REQUIREMENTS], check=True)
    return python.parent


@pytest.mark.slow
def test_superset_takes_the_import_and_sees_a_new_release(
    superset: Path, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = make_settings()
    publish(settings, "first")
    target = write_superset(settings)
    config = tmp_path / "superset_config.py"
    config.write_text(
        f"SECRET_KEY = 'a key for this test alone, of no use elsewhere'\n"
        f"SQLALCHEMY_DATABASE_URI = 'sqlite:///{tmp_path}/superset.db'\n"
        # The default cache of 6.1 does not start with the newest Flask-Caching.
        "FILTER_STATE_CACHE_CONFIG = EXPLORE_FORM_DATA_CACHE_CONFIG = {'CACHE_TYPE': 'SimpleCache'}\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "SUPERSET_CONFIG_PATH": str(config), "SUPERSET_HOME": str(tmp_path)}
    environment.pop("PYTHONPATH", None)

    def run(*words: str) -> None:
        done = subprocess.run(
            [superset / "superset", *words], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    run("db", "upgrade")
    names = ["--username", "admin", "--firstname", "A", "--lastname", "B", "--email", "a@example.org"]
    run("fab", "create-admin", *names, "--password", "of-this-test")
    run("init")
    run("import-dashboards", "-p", str(target), "-u", "admin")
    with subprocess.Popen(
        [superset / "python", CHECK],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "check.log").open("w", encoding="utf-8"),
        text=True,
    ) as process:
        assert process.stdin is not None
        opened = _answer(process)
        publish(settings, "second")
        process.stdin.write("\n")
        process.stdin.flush()
        after = _answer(process)
        shown = _answer(process)
    assert opened["pool"] == "NullPool"
    assert "read-only" in opened["refused"]
    assert opened["tables"] == sorted(TABLES)
    assert (opened["release"], after["release"]) == ("first", "second")
    assert {name: chart["error"] for name, chart in shown["charts"].items()} == {title: None for title, *_ in CHARTS}
    assert all(chart["rows"] > 0 for chart in shown["charts"].values())
    assert shown["described"]["customers"] == "Number of customers."


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("RESULT "):
            found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return found
    raise AssertionError("Superset's Python ended without an answer: see check.log")
