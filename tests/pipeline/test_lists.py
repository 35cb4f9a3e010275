"""A campaign list opens right, is safe in a spreadsheet, and is the same twice."""

import csv
import hashlib
import json
import stat

import pytest

from pipeline.errors import UserError
from pipeline.files import write_json
from pipeline.lists import COLUMNS, export_lists
from pipeline.publish import publish_release
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings

COMMENTS = (
    "comment on table marts.campaign_audience is 'winback: who is about to leave'",
    "comment on column marts.campaign_audience.expected_loss is 'what leaving would cost'",
)


@pytest.fixture
def publish(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.report.write_overview", lambda *_: None)
    settings = make_settings(tmp_path)

    def publish_with(*changes: str):
        build_warehouse(settings, *COMMENTS, *changes)
        write_json(
            settings.build / "checks.json",
            {"release_id": RELEASE.release_id, "passed": 1, "warned": 0, "stopped": 0, "checks": []},
        )
        publish_release(settings, RELEASE)
        return settings

    return publish_with


def open_list(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_list_has_who_is_in(publish):
    (path,) = export_lists(publish())
    assert path.name == "winback.csv"
    assert path.parent.name == RELEASE.release_id
    (ben,) = open_list(path)
    assert list(ben) == list(COLUMNS)
    assert (ben["customer_id"], ben["list_rank"], ben["expected_loss"]) == ("ben", "1", "1.50")
    assert (ben["source_system"], ben["last_order_date"], ben["churn_probability"]) == ("shop", "2026-02-08", "0.80")
    assert [ben[f"can_{channel}"] for channel in ("mail", "email", "post", "call", "text")] == ["unknown"] * 5


def test_a_formula_stays_text(publish):
    (ben,) = open_list(export_lists(publish())[0])
    assert ben["source_customer_id"] == "'=B+1"


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_each_formula_start_is_guarded_in_every_text_column(publish, start):
    change = f"update marts.campaign_audience set segment_name = '{start}1+1', tier = '{start}x'"
    (ben,) = open_list(export_lists(publish(change))[0])
    assert (ben["segment_name"], ben["tier"]) == (f"'{start}1+1", f"'{start}x")


def test_negative_numbers_stay_numbers(publish):
    (ben,) = open_list(export_lists(publish("update marts.campaign_audience set expected_loss = -3"))[0])
    assert ben["expected_loss"] == "-3.00"


def test_any_letter_survives_and_the_encoding_is_announced(publish):
    (path,) = export_lists(publish("update marts.campaign_audience set segment_name = 'Größe, \"Ł\"\n雪'"))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert open_list(path)[0]["segment_name"] == 'Größe, "Ł"\n雪'


def test_a_customer_of_two_sources_is_one_row(publish):
    (ben,) = open_list(export_lists(publish("insert into core.customer_source_id values ('ben', 'desk', '0042')"))[0])
    assert (ben["source_system"], ben["source_customer_id"]) == ("desk; shop", "0042; =B+1")


def test_the_manifest_says_what_the_list_is(publish):
    (path,) = export_lists(publish())
    manifest = json.loads((path.parent / "winback.manifest.json").read_text(encoding="utf-8"))
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (manifest["release_id"], manifest["as_of_date"], manifest["rows"]) == (RELEASE.release_id, "2026-03-31", 1)
    assert manifest["definition"] == "winback: who is about to leave"
    assert manifest["customers_in_by_reason"] == {"in: high risk of leaving": 1}
    assert manifest["customers_out_by_reason"] == {"out: low risk of leaving": 1, "out: never bought": 1}
    meaning = {column["name"]: column["meaning"] for column in manifest["columns"]}
    assert list(meaning) == list(COLUMNS)
    assert meaning["expected_loss"] == "what leaving would cost"
    assert "unknown whether" in manifest["consent"]["statement"]
    assert manifest["consent"]["before_sending"]


def test_known_consents_are_counted(publish):
    (path,) = export_lists(publish("update marts.campaign_audience set can_mail = true, can_call = false"))
    consent = json.loads((path.parent / "winback.manifest.json").read_text(encoding="utf-8"))["consent"]
    mail, call = consent["channels"]["can_mail"], consent["channels"]["can_call"]
    assert (mail["channel"], mail["purpose"]) == ("e-mail or letter", "marketing")
    assert (mail["yes"], mail["no"], mail["unknown"]) == (1, 0, 0)
    assert (call["yes"], call["no"], call["unknown"]) == (0, 1, 0)
    assert consent["channels"]["can_email"]["fills_columns"] == ["email"]
    assert "before_sending" not in consent
    assert "without consent" in consent["statement"]


CONTACT = ("full_name", "given_name", "family_name", "email", "street", "city", "postcode", "country")


def test_an_address_stands_only_where_its_owner_consented(publish):
    changes = "update marts.campaign_audience set can_mail = true, can_email = true, can_post = false"
    (ben,) = open_list(export_lists(publish(changes))[0])
    assert [ben[name] for name in CONTACT] == ["Ben Tan", "Ben", "Tan", "'+ben@mail.example", "", "", "", ""]


def test_a_letter_needs_no_email_address(publish):
    changes = "update marts.campaign_audience set can_mail = true, can_email = false, can_post = true"
    (ben,) = open_list(export_lists(publish(changes))[0])
    assert [ben[name] for name in CONTACT[3:]] == ["", "Banyan Road 7", "Singapore", "018956", "SG"]


@pytest.mark.parametrize("permission", ["null", "false"])
def test_without_a_permission_there_is_no_name_and_no_address(publish, permission):
    changes = f"update marts.campaign_audience set can_mail = {permission}, can_email = {permission}, can_post = null"
    (path,) = export_lists(publish(changes))
    assert [value for value in (open_list(path)[0][name] for name in CONTACT) if value] == []
    assert b"mail.example" not in path.read_bytes()


def test_files_are_for_their_owner_alone(publish):
    (path,) = export_lists(publish())
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}


def test_the_same_release_twice_rewrites_nothing(publish):
    settings = publish()
    (path,) = export_lists(settings)
    before = {each.name: (each.stat().st_ino, each.stat().st_mtime_ns) for each in path.parent.iterdir()}
    export_lists(settings)
    assert {each.name: (each.stat().st_ino, each.stat().st_mtime_ns) for each in path.parent.iterdir()} == before


def test_a_list_that_someone_edited_is_written_again(publish):
    settings = publish()
    (path,) = export_lists(settings)
    content = path.read_bytes()
    path.write_bytes(b"edited")
    export_lists(settings)
    assert path.read_bytes() == content


def test_nothing_is_logged_or_printed(publish, capfd, caplog):
    export_lists(publish())
    out, err = capfd.readouterr()
    assert (out, err, caplog.text) == ("", "", "")


def test_without_a_release_there_is_one_message(tmp_path):
    with pytest.raises(UserError, match="Nothing is published yet"):
        export_lists(make_settings(tmp_path))
