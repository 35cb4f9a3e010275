"""A list is handed over while it may be used: whole, not expired, of the published release and all that has landed."""

import datetime as dt
import json
import stat
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from cli.main import main
from pipeline.base.errors import UserError
from pipeline.base.settings import Settings
from pipeline.outputs.lists import export_lists
from pipeline.outputs.lists.export_log import read_log
from pipeline.outputs.lists.handover import hand_over, without_credentials
from pipeline.outputs.lists.verify import check_list
from tests.pipeline.small_release import publish_small
from tests.pipeline.small_warehouse import RELEASE, make_settings
from tests.support.builds.permissions import landed_since


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, Path]:
    """Settings, and the CSV file of the list winback, which has one customer."""
    landed_since(monkeypatch)
    settings = make_settings(tmp_path / "home")
    publish_small(settings)
    (path,) = export_lists(settings)
    return settings, path


def test_a_list_is_copied_with_its_manifest_and_the_log_says_so(exported, tmp_path):
    settings, path = exported
    written = hand_over(settings, "winback", str(tmp_path / "mailer"))
    folder = tmp_path / "mailer" / RELEASE.release_id
    assert written == [str(folder / name) for name in ("winback.csv", "winback.manifest.json")]
    assert sorted(each.name for each in folder.iterdir()) == ["winback.csv", "winback.manifest.json"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}
    assert (folder / path.name).read_bytes() == path.read_bytes()
    last = read_log(settings)[-1]
    assert (last["list_name"], last["purpose"], last["handed_over_to"]) == (
        *("winback", "marketing"),
        str(tmp_path / "mailer"),
    )


def test_any_file_system_of_fsspec_will_do(exported):
    settings, path = exported
    (csv, _) = hand_over(settings, str(path), "memory://mailer/in")
    assert csv == f"memory://mailer/in/{RELEASE.release_id}/winback.csv"
    with fsspec.open(csv) as file:
        assert file.read() == path.read_bytes()


def test_an_address_that_cannot_be_written_to_is_one_sentence(exported):
    settings, _ = exported
    with pytest.raises(UserError, match=r"nowhere://x cannot be written to \(ValueError\)"):
        hand_over(settings, "winback", "nowhere://x")
    with pytest.raises(UserError, match=r"sftp://host/in needs a package that is not installed \(.*paramiko"):
        hand_over(settings, "winback", "sftp://ana:secret@host/in")
    assert "handed_over_to" not in read_log(settings)[-1]
    assert without_credentials("sftp://ana:secret@host:22/in?key=1") == "sftp://host:22/in"


def test_a_list_that_may_be_used_is_said_to_be(exported):
    settings, path = exported
    for name in ("winback", str(path), str(path.with_suffix(".xlsx"))):
        assert check_list(settings, name).startswith("winback.csv is as it was exported, from the published release")


def edit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(path.read_bytes() + b"x")


class Tomorrow(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
        return dt.datetime.now(tz) + dt.timedelta(hours=24)


def expire(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(path, expires_at="9999-01-01T00:00:00+00:00")  # what its manifest says does not count
    monkeypatch.setattr("pipeline.outputs.lists.verify.datetime", Tomorrow)


def supersede(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(path, release_id="2026-02-28-bbbbbbbbbbbb")


def land(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landed_since(monkeypatch, ("ben", None, *[False] * 5), has_consents=True)


def forget(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path.parents[1] / "exports.jsonl").unlink()


def lose(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.with_suffix(".manifest.json").unlink()


def rewrite(path: Path, **changed: str) -> None:
    manifest = path.with_suffix(".manifest.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text(encoding="utf-8")) | changed), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (edit, "winback.csv is not what was exported"),
        (expire, "expired at 2"),
        (supersede, "is of release 2026-02-28-bbbbbbbbbbbb, and"),
        (land, "was exported before the newest data landed"),
        (forget, "is not in the log of exports"),
        (lose, "has no manifest beside it"),
    ],
)
def test_a_list_that_may_not_be_used_any_more_is_refused(
    exported, tmp_path, monkeypatch, change: Callable[[Path, pytest.MonkeyPatch], None], problem: str
):
    settings, path = exported
    change(path, monkeypatch)
    with pytest.raises(UserError, match=problem) as error:
        hand_over(settings, str(path), str(tmp_path / "mailer"))
    assert "Do not use it: export again" in str(error.value)
    assert not (tmp_path / "mailer").exists()


def test_the_commands_say_what_they_did(exported, tmp_path, monkeypatch, capfd):
    settings, path = exported
    monkeypatch.setenv("CRM_HOME", str(settings.home))
    assert main(["lists", "check", str(path)]) == 0
    assert "Use it until" in capfd.readouterr().out
    assert main(["lists", "push", "winback", str(tmp_path / "mailer")]) == 0
    assert "winback.csv" in capfd.readouterr().out
    edit(path, monkeypatch)
    assert main(["lists", "check", "winback"]) == 2
    assert "export again" in capfd.readouterr().err
