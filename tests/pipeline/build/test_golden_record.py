"""The rules of the golden record are checked before a build: an error names the line and what to give."""

import re
from pathlib import Path

import pytest
import yaml

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.build import golden_record

SOUND = """\
vars:
  identity:
    golden_record:
      name: most_complete
      email: most_recent
      phone: most_trusted
      address: most_recent
      birth_date: most_frequent
    trusted_sources: [desk, till]
"""


def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "dbt_project.yml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(project, "DBT_PROJECT", tmp_path)
    monkeypatch.setattr(golden_record, "variables", lambda: yaml.safe_load(text)["vars"])
    golden_record.check_golden_record(("desk", "till", "web"))


def test_sound_rules_pass(tmp_path, monkeypatch):
    check(tmp_path, monkeypatch, SOUND)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("email: most_recent", "email: newest", "line 5, identity.golden_record.email: 'newest' is no rule for email"),
        ("email: most_recent", "email: most_complete", "line 5, .*: give most_recent, most_trusted, most_frequent"),
        ("email: most_recent", "mail: most_recent", "line 5, .*mail: there is no field 'mail': give name, email"),
        ("      email: most_recent\n", "", "line 3, identity.golden_record: 'email' has no rule"),
        ("[desk, till]", "[desk, tills]", "line 9, identity.trusted_sources: there is no source 'tills'"),
        ("[desk, till]", "[desk, desk]", "line 9, .*: 'desk' is there twice"),
        ("[desk, till]", "desk", "line 9, .*: 'desk' is no list"),
        ("[desk, till]", "[]", "line 6, identity.golden_record.phone: most_trusted needs an order"),
    ],
)
def test_a_wrong_rule_is_named_with_its_line(tmp_path, monkeypatch, old, new, message):
    with pytest.raises(UserError) as error:
        check(tmp_path, monkeypatch, SOUND.replace(old, new))
    assert re.search(message, str(error.value)), str(error.value)
    assert str(error.value).endswith("Correct it and run again.")
