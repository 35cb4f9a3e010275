"""One command of dbt: its exit code, its log and its results."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.base.settings import DBT_PROJECT
from pipeline.build.dbt_process.process import INVOCATION


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("{name: small, profile: perennial}", encoding="utf-8")
    (tmp_path / "profiles.yml").write_bytes((DBT_PROJECT / "profiles.yml").read_bytes())
    return tmp_path


def invoke(project: Path, *arguments: str) -> tuple[int, str]:
    """Run dbt; return its exit code and what it printed. Without arguments, it gets no command."""
    command = {
        "arguments": arguments,
        "environment": {"DBT_TARGET_PATH": "other"},
        "results": f"{project}/results.json",
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", INVOCATION],
        cwd=project,
        env={**os.environ, "CRM_HOME": str(project), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        input=json.dumps(command) if arguments else "",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_results_are_written_where_a_node_fails(project: Path) -> None:
    (project / "models" / "sound.sql").write_text("select 1 as number", encoding="utf-8")
    (project / "models" / "broken.sql").write_text("select no_such_column", encoding="utf-8")
    code, said = invoke(project, "build")
    assert code == 1
    assert "no_such_column" in said
    results = json.loads((project / "results.json").read_text(encoding="utf-8"))["results"]
    assert {result["unique_id"]: result["status"] for result in results} == {
        "model.small.sound": "success",
        "model.small.broken": "error",
    }
    assert (project / "other").is_dir(), "the command has its environment variables"
    assert not list(project.glob("*/manifest.json"))


def test_a_process_that_gets_no_command_ends(project: Path) -> None:
    (project / "models" / "one.sql").write_text("select 1 as number", encoding="utf-8")
    assert invoke(project)[0] == 0
    assert not (project / "warehouse.duckdb").exists()


@pytest.mark.parametrize(
    ("model", "arguments", "word"),
    [
        ("{{ exceptions.raise_compiler_error('no such source') }}", ["build"], "no such source"),
        ("select 1 as number", ["build", "--no-such-option"], "--no-such-option"),
    ],
)
def test_a_command_that_cannot_begin_says_why(project: Path, model: str, arguments: list[str], word: str) -> None:
    (project / "models" / "one.sql").write_text(model, encoding="utf-8")
    code, said = invoke(project, *arguments)
    assert code == 2
    assert word in said
    assert "Traceback" not in said
    assert not (project / "results.json").exists()
