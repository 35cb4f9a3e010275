"""What is true of the demo company is known to the demo and its proof alone: no other room knows where it is."""

import re
from pathlib import Path

import pytest

from pipeline.base.settings import ROOT

ROOMS = ("campaigns", "cli", "pipeline", "dags", "mining", "dbt_project", "expectations")
KINDS = (".py", ".sql", ".yml", ".yaml", ".json", ".csv")
TRUTH = re.compile(r"(?<![a-z])truth(?![a-z])", re.IGNORECASE)


def mentions(folder: Path) -> list[str]:
    """Lines that name the folder `truth` of CRM_HOME, or use the word at all."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in KINDS)
    assert files
    return [
        f"{path.relative_to(folder)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if TRUTH.search(line)
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_knows_the_truth(room: str) -> None:
    assert mentions(ROOT / room) == []


def test_the_rule_sees_a_path_and_a_name(tmp_path: Path) -> None:
    lines = ["settings.home / 'truth'", "read_parquet('truth/*.parquet')", "TRUTH_FOLDER = 1", "untruthful", "home"]
    (tmp_path / "module.py").write_text("\n".join(lines), encoding="utf-8")
    assert mentions(tmp_path) == ["module.py:1", "module.py:2", "module.py:3"]
