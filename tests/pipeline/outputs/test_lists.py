"""A campaign list opens right, is safe in a spreadsheet, and is the same twice."""

import csv
import datetime as dt
import hashlib
import io
import json
import stat

import pytest
from openpyxl import load_workbook
from openpyxl.cell import Cell

from pipeline.base.errors import UserError
from pipeline.base.settings import CAMPAIGNS
from pipeline.campaigns import read_campaigns
from pipeline.outputs.lists import columns_of, export_lists
from pipeline.outputs.lists.files.workbook import workbook_content
from tests.pipeline.small_release import publish_small
from tests.pipeline.small_warehouse import RELEASE, make_settings
from tests.support.builds.permissions import landed_since

COLUMNS = columns_of(read_campaigns()["winback"])
RECORDS = "insert into core.customer_source_id (customer_id, source_system, source_customer_id)"

COMMENTS = (
    "comment on table marts.campaign_audience is 'Left out: who has complained'",
    "comment on column marts.campaign_audience.expected_loss is 'what leaving would cost'",
)


@pytest.fixture
def publish(tmp_path, monkeypatch):
    landed_since(monkeypatch)
    settings = make_settings(tmp_path)

    def publish_with(*changes: str):
        publish_small(settings, *COMMENTS, *changes)
        return settings

    return publish_with


def without_times(manifest) -> dict:
    described = json.loads(manifest.read_text(encoding="utf-8"))
    return {key: value for key, value in described.items() if key not in ("exported_at", "expires_at")}


def open_list(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_list_has_its_members(publish):
    (path,) = export_lists(publish())
    assert path.name == "winback.csv"
    assert path.parent.name == RELEASE.release_id
    (ben,) = open_list(path)
    assert list(ben) == list(COLUMNS)
    assert (ben["customer_id"], ben["list_rank"], ben["expected_loss"]) == ("ben", "1", "1.50")
    assert (ben["source_system"], ben["last_order_date"], ben["churn_probability"]) == ("shop", "2026-02-08", "0.80")
    assert [ben[f"can_{channel}"] for channel in ("email_or_post", "email", "post", "call", "text")] == ["unknown"] * 5


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


def test_an_address_or_a_number_that_begins_with_a_sign_is_as_it_is(publish):
    change = "update core.customer_source_id set source_customer_id = '-007'"
    consent = "update marts.campaign_audience set can_email = true"
    (ben,) = open_list(export_lists(publish(change, consent))[0])
    assert (ben["source_customer_id"], ben["email"]) == ("-007", "+ben@mail.example")


def test_each_of_several_ids_is_guarded(publish):
    change = f"{RECORDS} values ('ben', 'desk', '-007'), ('ben', 'app', '@x')"
    (ben,) = open_list(export_lists(publish(change))[0])
    assert ben["source_customer_id"] == "'@x; -007; '=B+1"


def test_control_characters_are_blanks_and_line_breaks_are_of_one_kind(publish):
    change = "update marts.campaign_audience set segment_name = 'a' || chr(0) || 'b' || chr(9) || 'c' || chr(13) || 'd'"
    (ben,) = open_list(export_lists(publish(change))[0])
    assert ben["segment_name"] == "a b c\nd"


def test_any_letter_survives_and_the_encoding_is_announced(publish):
    (path,) = export_lists(publish("update marts.campaign_audience set segment_name = 'Größe, \"Ł\"\n雪'"))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert open_list(path)[0]["segment_name"] == 'Größe, "Ł"\n雪'


def test_a_customer_of_two_sources_is_one_row(publish):
    (ben,) = open_list(export_lists(publish(f"{RECORDS} values ('ben', 'desk', '0042')"))[0])
    assert (ben["source_system"], ben["source_customer_id"]) == ("desk; shop", "0042; '=B+1")


def test_the_manifest_describes_the_list(publish):
    (path,) = export_lists(publish())
    manifest = json.loads((path.parent / "winback.manifest.json").read_text(encoding="utf-8"))
    book = path.with_suffix(".xlsx")
    assert (manifest["file"], manifest["workbook"]["file"]) == (path.name, book.name)
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["workbook"]["sha256"] == hashlib.sha256(book.read_bytes()).hexdigest()
    assert (manifest["release_id"], manifest["as_of_date"], manifest["rows"]) == (RELEASE.release_id, "2026-03-31", 1)
    assert manifest["definition"].startswith("Customers worth winning back, ranked by what is at stake")
    assert manifest["definition"].endswith(". Left out: who has complained")
    assert manifest["customers_in_by_reason"] == {"in: high risk of leaving": 1}
    assert manifest["customers_out_by_reason"] == {
        "out: low risk of leaving": 1,
        "out: no purchase known by the as-of date": 1,
    }
    meaning = {column["name"]: column["meaning"] for column in manifest["columns"]}
    assert list(meaning) == list(COLUMNS)
    assert meaning["expected_loss"] == "what leaving would cost"
    assert "unknown whether" in manifest["consent"]["statement"]
    assert manifest["consent"]["before_sending"]


def test_known_consents_are_counted(publish):
    (path,) = export_lists(publish("update marts.campaign_audience set can_email = true, can_call = false"))
    consent = json.loads((path.parent / "winback.manifest.json").read_text(encoding="utf-8"))["consent"]
    mail, call = consent["channels"]["can_email_or_post"], consent["channels"]["can_call"]
    assert (mail["channel"], mail["purpose"]) == ("e-mail or letter", "marketing")
    assert (mail["yes"], mail["no"], mail["unknown"]) == (1, 0, 0)
    assert (call["yes"], call["no"], call["unknown"]) == (0, 1, 0)
    assert consent["channels"]["can_email"]["fills_columns"] == ["email"]
    assert "before_sending" not in consent
    assert "without consent" in consent["statement"]


def open_book(path) -> list[dict[str, Cell]]:
    header, *rows = load_workbook(path.with_suffix(".xlsx"))["List"].iter_rows()
    return [dict(zip([cell.value for cell in header], row, strict=True)) for row in rows]


def test_in_the_workbook_texts_are_texts_numbers_numbers_and_dates_dates(publish):
    change = "update core.customer_source_id set source_customer_id = '007'"
    (ben,) = open_book(export_lists(publish(change, "update marts.campaign_audience set tier = '=1+1'"))[0])
    kinds = {name: (cell.value, cell.data_type, cell.number_format) for name, cell in ben.items()}
    day = ben["last_order_date"]
    assert kinds["source_customer_id"] == ("007", "s", "@")
    assert kinds["tier"] == ("=1+1", "s", "@")
    assert (ben["tier"].quotePrefix, ben["source_customer_id"].quotePrefix) == (True, False)
    assert kinds["list_rank"] == (1, "n", "0")
    assert kinds["expected_loss"] == (1.5, "n", "#,##0.00")
    assert (day.value.date(), day.data_type, day.number_format) == (dt.date(2026, 2, 8), "d", "yyyy-mm-dd")
    assert kinds["can_email_or_post"] == ("unknown", "s", "@")


def test_the_workbook_is_the_same_file_for_the_same_rows(publish, monkeypatch):
    settings = publish()
    (path,) = export_lists(settings)
    content = path.with_suffix(".xlsx").read_bytes()
    path.with_suffix(".xlsx").unlink()
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    export_lists(settings)
    assert path.with_suffix(".xlsx").read_bytes() == content


def test_rows_that_a_sheet_cannot_hold_are_on_the_next(monkeypatch):
    monkeypatch.setattr("pipeline.outputs.lists.files.workbook.SHEET_ROWS", 2)
    content = workbook_content(("rank", "name"), [(1, "Ana"), (2, "Ben"), (3, None)], dt.date(2026, 3, 31), "EUR")
    sheets = {sheet.title: list(sheet.values) for sheet in load_workbook(io.BytesIO(content))}
    assert sheets == {"List": [("rank", "name"), (1, "Ana"), (2, "Ben")], "List 2": [("rank", "name"), (3, None)]}


def test_a_text_longer_than_a_cell_is_cut_in_the_workbook_between_characters():
    content = workbook_content(("name",), [("x" + "😀" * 20_000,)], dt.date(2026, 3, 31), "EUR")
    (_, (text,)) = load_workbook(io.BytesIO(content))["List"].values
    assert text == "x" + "😀" * 16_383


CONTACT = ("full_name", "given_name", "family_name", "email", "street", "city", "postcode", "country")


def test_an_address_is_given_only_where_its_customer_consented(publish):
    changes = "update marts.campaign_audience set can_email_or_post = true, can_email = true, can_post = false"
    (ben,) = open_list(export_lists(publish(changes))[0])
    assert [ben[name] for name in CONTACT] == ["Ben Tan", "Ben", "Tan", "+ben@mail.example", "", "", "", ""]


def test_a_letter_needs_no_email_address(publish):
    changes = "update marts.campaign_audience set can_email_or_post = true, can_email = false, can_post = true"
    (ben,) = open_list(export_lists(publish(changes))[0])
    assert [ben[name] for name in CONTACT[3:]] == ["", "Banyan Road 7", "Singapore", "018956", "SG"]


def test_without_a_permission_there_is_no_name_and_no_address(publish):
    (path,) = export_lists(publish("update marts.campaign_audience set can_email = null, can_post = null"))
    assert [value for value in (open_list(path)[0][name] for name in CONTACT) if value] == []
    assert b"mail.example" not in path.read_bytes()


def test_only_the_owner_can_read_the_files(publish):
    (path,) = export_lists(publish())
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}


def test_the_same_release_twice_rewrites_nothing(publish):
    settings = publish()
    (path,) = export_lists(settings)
    before = {each.name: (each.stat().st_ino, each.stat().st_mtime_ns) for each in path.parent.iterdir()}
    export_lists(settings)
    assert {each.name: (each.stat().st_ino, each.stat().st_mtime_ns) for each in path.parent.iterdir()} == before


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"landing": 1}', b"[" * 100_000, None], ids=lambda content: repr(content)[:20]
)
def test_a_manifest_that_is_damaged_is_written_again(publish, content):
    settings = publish()
    (path,) = export_lists(settings)
    manifest = path.with_name("winback.manifest.json")
    whole = without_times(manifest)
    manifest.unlink()
    manifest.mkdir() if content is None else manifest.write_bytes(content)
    export_lists(settings)
    assert without_times(manifest) == whole


def test_lists_that_have_expired_are_written_again(publish, monkeypatch):
    settings = publish()
    monkeypatch.setattr("pipeline.outputs.lists.manifest.VALID_HOURS", 0)
    (path,) = export_lists(settings)
    monkeypatch.undo()
    landed_since(monkeypatch)
    export_lists(settings)
    described = json.loads(path.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    hours = dt.datetime.fromisoformat(described["expires_at"]) - dt.datetime.fromisoformat(described["exported_at"])
    assert hours == dt.timedelta(hours=24)


def test_lists_are_written_again_when_something_has_landed(publish, monkeypatch):
    settings = publish()
    (path,) = export_lists(settings)
    landed_since(monkeypatch, ("ben", "deleted at the source", *[None] * 4, False))
    assert len(open_list(path)) == 1
    export_lists(settings)
    assert open_list(path) == []


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


def test_without_a_release_the_next_step_is_named(tmp_path):
    with pytest.raises(UserError, match="Nothing is published yet"):
        export_lists(make_settings(tmp_path))


def test_another_list_has_its_own_columns_and_permission(publish, tmp_path, monkeypatch):
    text = (CAMPAIGNS / "winback.yml").read_text(encoding="utf-8")
    columns = text[text.index("columns:") :]
    (tmp_path / "thanks.yml").write_text(
        text.replace(columns, "columns: [reason, tier]\n").replace("channels: [email, post]", "channels: [post]"),
        encoding="utf-8",
    )
    monkeypatch.setattr("pipeline.outputs.lists.export.read_campaigns", lambda: read_campaigns(tmp_path))
    consents = "can_email_or_post = true, can_email = true, can_post = customer_id = 'ana'"
    settings = publish(
        f"update marts.campaign_audience set list_name = 'thanks', is_included = true, list_rank = 1, {consents}"
        " where customer_id in ('ana', 'ben')"
    )
    allowed = [("ana", None, True, True, False, False, False), ("ben", None, True, False, False, False, False)]
    landed_since(monkeypatch, *allowed, has_consents=True)
    (path,) = export_lists(settings)  # the list winback, which the release still has, is defined no more
    (ana,) = open_list(path)
    assert (path.name, ana["customer_id"], ana["can_post"]) == ("thanks.csv", "ana", "yes")
    assert list(ana)[:2] + list(ana)[-7:-5] == ["list_rank", "customer_id", "reason", "tier"]
    assert "street" in ana
    assert "email" not in ana
    described = json.loads(path.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    assert described["left_out_since_by_reason"] == {"no consent": 1}
    assert "consent to marketing by letter, on the as-of date" in described["consent"]["statement"]


def test_a_campaign_whose_dates_are_over_by_its_file_has_no_list(publish, tmp_path, monkeypatch):
    text = (CAMPAIGNS / "winback.yml").read_text(encoding="utf-8")
    (tmp_path / "winback.yml").write_text(f"ends: 2026-03-30\n{text}", encoding="utf-8")
    monkeypatch.setattr("pipeline.outputs.lists.export.read_campaigns", lambda: read_campaigns(tmp_path))
    assert export_lists(publish()) == []


def test_a_list_of_calls_has_phone_numbers_and_no_addresses(publish, tmp_path, monkeypatch):
    text = (CAMPAIGNS / "winback.yml").read_text(encoding="utf-8")
    called = text.replace("channels: [email, post]", "channels: [call]")
    (tmp_path / "winback.yml").write_text(called, encoding="utf-8")
    monkeypatch.setattr("pipeline.outputs.lists.export.read_campaigns", lambda: read_campaigns(tmp_path))
    column = "alter table core.dim_customer_contact add column phone varchar"
    numbers = "update core.dim_customer_contact set phone = '+65 9123 4567' where customer_id = 'ben'"
    consents = "update marts.campaign_audience set can_email = true, can_post = true, can_call = true"
    (ben,) = open_list(export_lists(publish(column, numbers, consents))[0])
    assert (ben["full_name"], ben["phone"]) == ("Ben Tan", "+6591234567")
    assert {"email", "street"} & set(ben) == set()


@pytest.mark.parametrize(
    ("currency", "amount", "number_format"), [("JPY", "2", "#,##0"), ("KWD", "1.500", "#,##0.000")]
)
def test_an_amount_of_a_list_has_the_digits_of_its_currency(publish, currency, amount, number_format):
    (path,) = export_lists(publish(f"update marts.release set currency = '{currency}'"))
    (ben,) = open_list(path)
    assert ben["expected_loss"] == amount
    sheet = load_workbook(path.with_suffix(".xlsx"))["List"]
    assert sheet.cell(2, COLUMNS.index("expected_loss") + 1).number_format == number_format
