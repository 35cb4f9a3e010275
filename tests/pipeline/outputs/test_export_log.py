"""The log of exports says who exported what, and shows when somebody has changed it."""

import json
import stat
from pathlib import Path

import pytest

from pipeline.base.errors import UserError
from pipeline.base.settings import Settings, load_settings
from pipeline.outputs.lists.export_log import log_exports, log_path, read_log


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"CRM_SOURCES": "*", "CRM_HOME": str(tmp_path)})


@pytest.fixture
def logged(settings: Settings) -> list[str]:
    settings.lists.mkdir()
    log_exports(settings, [{"list_name": "winback", "rows": 13}, {"list_name": "welcome", "rows": 2}])
    log_exports(settings, [{"list_name": "winback", "rows": 12}])
    return log_path(settings).read_text(encoding="utf-8").splitlines()


def test_each_export_is_a_line_in_the_chain(settings: Settings, logged: list[str]) -> None:
    lines = read_log(settings)
    assert [line["rows"] for line in lines] == [13, 2, 12]
    assert [line["previous_hash"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]
    assert all(line["exported_by"] and line["exported_at"].endswith("+00:00") for line in lines)
    assert stat.S_IMODE(log_path(settings).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda lines: [lines[0].replace("13", "14"), *lines[1:]], 1),
        (lambda lines: [lines[0], lines[2]], 2),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[1], lines[0], lines[2]], 1),
        (lambda lines: [*lines, json.dumps({"rows": 1})], 4),
        (lambda lines: [*lines, lines[2][:40]], 4),
        (lambda lines: [lines[0], "[]", *lines[1:]], 2),
    ],
)
def test_a_changed_log_is_refused_with_its_line(settings: Settings, logged: list[str], change, number: int) -> None:
    log_path(settings).write_text("\n".join(change(logged)) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"exports.jsonl, line {number}, was changed, or a line before it is missing"):
        read_log(settings)
    with pytest.raises(UserError, match="move it away"):
        log_exports(settings, [{"list_name": "winback"}])
