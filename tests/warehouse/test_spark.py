"""Portable: dbt compiles core and features for Spark, and Spark's own parser takes every model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.base.catalog import catalog
from pipeline.base.settings import DBT_PROJECT, ROOT

SUPPORT = ROOT / "tests" / "support" / "programs"
PROFILE = """\
perennial:
  target: spark
  outputs:
    spark: {type: spark, method: session, host: none, schema: perennial, threads: 1}
"""
# What is no Spark SQL: the parser must say so, or its silence says nothing.
DUCKDB_ONLY = "select list_filter([1], lambda x: x > 0) from range(3) as t(a) asof join u using (a)"


def run(words: list[str | Path], folder: Path) -> str:
    environment = {**os.environ, "CRM_HOME": str(folder), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_spark_parses_core_and_features(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    run([uv, "venv", "--quiet", "--python", sys.executable, "env"], tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    run([uv, "pip", "install", "--quiet", "--python", python, "-r", SUPPORT / "spark_requirements.txt"], tmp_path)
    (tmp_path / "profiles.yml").write_text(PROFILE, encoding="utf-8")
    compile_models = [python.with_name("dbt"), "compile", "--no-populate-cache", "--no-introspect"]
    layers = [
        "--select",
        "path:models/core",
        "path:models/features",
        "--exclude",
        "resource_type:unit_test",
        "resource_type:test",
    ]
    folders = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(tmp_path)]
    targets = ["--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")]
    measures = {fact.name: fact.measures for fact in catalog().values() if fact.measures}
    variables = ["--vars", json.dumps({"measures": measures})]
    run([*compile_models, *layers, *folders, *targets, *variables], tmp_path)

    compiled = tmp_path / "target" / "compiled" / "perennial" / "models"
    (compiled / "no_spark_sql.sql").write_text(DUCKDB_ONLY, encoding="utf-8")
    output = run([python, SUPPORT / "spark_parse.py", compiled], tmp_path)
    found = json.loads(next(line for line in output.splitlines() if line.startswith("RESULT "))[len("RESULT ") :])
    assert "asof" in found.pop("no_spark_sql")
    models = {path.stem for layer in ("core", "features") for path in (DBT_PROJECT / "models" / layer).rglob("*.sql")}
    assert set(found) == models
    assert {name: message for name, message in found.items() if message} == {}
