"""Whoever opens a list sees the same texts and no formula: programs, openpyxl, Calc with either separator.

Hostile people are exported for real. What a text is comes from pieces that break readers, drawn with a fixed seed.
"""

# ruff: noqa: RUF001  (look-alikes of signs and separators are what is tested)

import csv
import io
import random
import re
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from pipeline.base.settings import Settings
from pipeline.campaigns import read_campaigns
from pipeline.outputs.lists import columns_of, export_lists
from tests.pipeline.serving.test_publish import publish
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings
from tests.support.builds.permissions import landed_since
from tests.support.programs.calc import CsvImport, Seen, open_in_calc

# A campaign of all addresses that a list may have.
WINBACK = read_campaigns()["winback"].model_copy(update={"channels": ("email", "post", "call")})
COLUMNS = columns_of(WINBACK)

PEOPLE = 400
PIECES = [
    *"=+-@＝＋－＠﹢﹣﹦﹫⁺₊⁼−‐⩵﬩",
    *";,|\t:؛；，｜،",
    *("\n", "\r", "\r\n", "\v", "\x85", "\u2028", "\x00", "\x07", "\x1b", "\x7f", "\ufffe", "\uffff"),
    *("\u200b", "\ufeff", "\u00a0", "\u2060", "\u202e", "\u3000", "\u3164", "\u0301", " ", "  "),
    *('"', "'", '""', "<r>", "</r>", "<![CDATA[", "&amp;", "&#61;", "_x003D_", "_x005F_", "\\", "%0A", "{", "(", "#"),
    *(
        'HYPERLINK("http://mail.example";"x")',
        "cmd|' /C calc'!A0",
        "SUM(A1:A9)",
        "1+1",
        "A1",
        "007",
        "-7",
        "1E5",
        "TRUE",
    ),
    *("Tan", "O'Neil", "née", "雪", "😀", "Banyan Road 7", "c/- Tan", "3-4", "2026-02-30"),
]
WHOLE = [
    *("+jo@mail.example.org", "-jo.tan@mail.example.org", "+5+@mail.example", "=jo@mail.example", "@jo@mail.example"),
    *(
        "-007",
        "+6591234567",
        "0042",
        "-1+2",
        "-A1",
        "+A1",
        "=1",
        "=1;=1",
        "'=1",
        "''",
        "x;",
        "x\n",
        ";",
        "-",
        '"',
        "\n",
    ),
    *(
        'x;=HYPERLINK("http://mail.example")',
        'x;"=1',
        '=cmd|"/C calc"!A0',
        "x\r\n=1",
        "x\t=1",
        "x|=1",
        "＝1",
        "\ufeff=1",
    ),
    *("<r>=1</r>", '<r></r></is></c><c r="A9"><f>1+1</f></c>', "_x003D_1", "x" * 500 + ";=1"),
]
TEXTS = ("full_name", "given_name", "family_name", "email", "street", "city", "postcode", "country", "segment_name")
PHONES = {
    "+86 138 0013 8000": "+8613800138000",
    "＋65 9123-4567": "+6591234567",
    "+44 (0)20 7946 0958": "+442079460958",
    "0065 9123 4567": "0065 9123 4567",
    "007": "007",
    "+65-9123-4567+0": "+65-9123-4567+0",
    "=+6591234567": "=+6591234567",
    "\t+6591234567": "+6591234567",
    "电话 138": "电话 138",
}
NAMES = ("王小明", "歐陽雪", "Größe Łukasz", "李＝雷")
ADDRESS = re.compile(r"[+-]?\w+([.+-]\w+)*@\w+([.-]\w+)+", re.ASCII)
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def hostile(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return chance.choice(WHOLE)
    return "".join(chance.choices(PIECES, k=chance.randint(1, 7)))


def as_shown(text: str) -> str:
    """What a reader is to see: the text, with one kind of line break and blanks for what cannot be shown."""
    text = re.sub("\r\n|[\r\v\f\x85\u2028\u2029]", "\n", text)
    return "".join(
        " " if (unicodedata.category(char) == "Cc" and char != "\n") or char in "\ufffe\uffff" else char
        for char in text
    )


@pytest.fixture(scope="module")
def people() -> list[dict[str, str]]:
    chance = random.Random(20260331)
    listed = []
    for number in range(PEOPLE):
        texts = {name: hostile(chance) for name in ("source_customer_id", *TEXTS)}
        listed.append({"customer_id": f"customer-{number:04}", **texts, "phone": [*PHONES][number % len(PHONES)]})
    for person, text in zip(listed, WHOLE, strict=False):
        person.update(dict.fromkeys(("source_customer_id", "full_name", "email", "street"), text))
    for person, name in zip(listed[-len(NAMES) :], NAMES, strict=True):
        person.update(full_name=name, city=name)
    return listed


@pytest.fixture(scope="module")
def exported(people: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    settings: Settings = make_settings(folder)
    pq.write_table(pa.Table.from_pylist(people), folder / "people.parquet")
    people_file = f"read_parquet('{folder / 'people.parquet'}')"
    contacts = ", ".join([*TEXTS[:-1], "phone"])
    build_warehouse(
        settings,
        "insert into core.customer_source_id (customer_id, source_system, source_customer_id)"
        f" select customer_id, 'shop', source_customer_id from {people_file}",
        "alter table core.dim_customer_contact add column phone varchar",
        f"insert into core.dim_customer_contact (customer_id, {contacts})"
        f" select customer_id, {contacts} from {people_file}",
        "delete from marts.campaign_audience",
        f"""
        insert into marts.campaign_audience (
            list_name, customer_id, is_included, reason, list_rank, segment_name, expected_loss, last_order_date,
            can_email_or_post, can_email, can_post, can_call)
        select
            'winback', customer_id, true, 'in: high risk of leaving', row_number() over (order by customer_id),
            segment_name, -1.50, date '2026-02-08', true, true, true, true
        from {people_file}
        """,
    )
    publish(settings, RELEASE)
    with pytest.MonkeyPatch.context() as patch:
        landed_since(patch)
        patch.setattr("pipeline.outputs.lists.export.read_campaigns", lambda: {"winback": WINBACK})
        (path,) = export_lists(settings)
    return path


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def has_only_apostrophes_more(longer: str, text: str) -> bool:
    """Whether leaving out some apostrophes makes one text the other."""
    position = 0
    for char in longer:
        if position < len(text) and char == text[position]:
            position += 1
        elif char != "'":
            return False
    return position == len(text)


def begins_a_formula(cell: str) -> bool:
    """Whether a spreadsheet that drops what cannot be seen, and quotes, would see a sign first."""
    seen = [char for char in unicodedata.normalize("NFKC", cell) if unicodedata.category(char)[0] not in "CZM"]
    text = "".join(seen).replace("\u1160", "").lstrip('"')
    harmless = ADDRESS.match(text) or NUMBER.match(text)
    if harmless and text[harmless.end() : harmless.end() + 1] in {"", '"', ";"}:
        return False
    return text.startswith(("=", "+", "-", "@", "\u2212", "\u2010"))


def test_a_program_reads_each_text_and_can_leave_the_guards_out(people, exported):
    rows = csv_rows(exported)
    assert len(rows) == PEOPLE
    for row, person in zip(rows, people, strict=True):
        for name in ("source_customer_id", *TEXTS):
            assert has_only_apostrophes_more(row[name], as_shown(person[name])), (row[name], person[name])


def test_addresses_and_numbers_are_as_they_are(exported):
    ids = {row["source_customer_id"] for row in csv_rows(exported)}
    emails = {row["email"] for row in csv_rows(exported)}
    assert {"-007", "+6591234567", "0042"} <= ids
    assert {"+jo@mail.example.org", "-jo.tan@mail.example.org", "'=jo@mail.example", "'+5+@mail.example"} <= emails


def test_phone_numbers_keep_their_plus_and_their_zeros(people, exported):
    book = load_workbook(exported.with_suffix(".xlsx"), read_only=True)["List"].iter_rows(min_row=2)
    column = COLUMNS.index("phone")
    for row, cells, person in zip(csv_rows(exported), book, people, strict=True):
        number = PHONES[person["phone"]]
        assert row["phone"] in (number, f"'{number}")
        assert (row["phone"] == number) == (not number.startswith(("=", "+65-")))
        assert (cells[column].value, cells[column].data_type) == (number, "s")


@pytest.mark.parametrize("separator", [",", ";", "|", "\t", "؛"])
def test_wherever_a_line_is_cut_no_cell_begins_a_formula(exported, separator):
    text = exported.read_text(encoding="utf-8-sig")
    cells = [cell for line in text.splitlines() for cell in line.split(separator)]
    assert [cell for cell in cells if begins_a_formula(cell)] == []


@pytest.mark.parametrize("separator", [";", "|", "\t"])
def test_a_line_cut_elsewhere_loses_nothing_to_quotes(exported, separator):
    text = exported.read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    assert [separator.join(row) for row in rows] == text.splitlines()


def test_openpyxl_reads_each_text_as_a_text(people, exported):
    for read_only in (False, True):
        rows = list(load_workbook(exported.with_suffix(".xlsx"), read_only=read_only)["List"].iter_rows())
        assert [cell.value for cell in rows[0]] == list(COLUMNS)
        assert len(rows) == 1 + PEOPLE
        for row, person in zip(rows[1:], people, strict=True):
            cells = dict(zip(COLUMNS, row, strict=False))
            assert [cell for cell in row if cell.data_type == "f"] == []
            for name in ("source_customer_id", *TEXTS):
                assert (cells[name].value, cells[name].data_type) == (as_shown(person[name]), "s")
            assert (cells["expected_loss"].value, cells["last_order_date"].data_type) == (-1.5, "d")


def texts_of(rows: list[list[Seen]]) -> list[list[str]]:
    return [[cell.text for cell in row] for row in rows]


@pytest.mark.libreoffice
@pytest.mark.slow
def test_calc_shows_each_text_of_the_workbook(people, exported, tmp_path):
    rows = open_in_calc(exported.with_suffix(".xlsx"), tmp_path)
    assert [cell for row in rows for cell in row if cell.formula] == []
    assert len(rows) == 1 + PEOPLE
    for row, person in zip(rows[1:], people, strict=True):
        cells = dict(zip(COLUMNS, row, strict=False))
        for name in ("source_customer_id", *TEXTS):
            assert (cells[name].text, cells[name].kind) == (as_shown(person[name]), "string")
        assert (cells["expected_loss"].kind, cells["last_order_date"].kind) == ("float", "date")


@pytest.mark.libreoffice
@pytest.mark.slow
def test_calc_shows_what_a_program_reads(exported, tmp_path):
    rows = open_in_calc(exported, tmp_path, CsvImport(",", columns_are_text=True))
    assert [row[: len(COLUMNS)] for row in texts_of(rows)[1:]] == [list(row.values()) for row in csv_rows(exported)]


@pytest.mark.libreoffice
@pytest.mark.slow
def test_calc_that_is_told_nothing_of_letters_shows_each(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    rows = texts_of(open_in_calc(exported, tmp_path, CsvImport(",", charset=0)))
    shown = {cell for row in rows for cell in row}
    assert {row["city"] for row in csv_rows(exported)[-len(NAMES) :]} <= shown


@pytest.mark.libreoffice
@pytest.mark.slow
def test_calc_with_semicolons_shows_each_line_whole(exported, tmp_path):
    rows = open_in_calc(exported, tmp_path, CsvImport(";", columns_are_text=True))
    lines = exported.read_text(encoding="utf-8-sig").splitlines()
    assert [";".join(row).rstrip(";") for row in texts_of(rows)] == [line.rstrip(";") for line in lines]


@pytest.mark.libreoffice
@pytest.mark.slow
@pytest.mark.parametrize(
    ("separator", "language", "trims"), [(",", 1041, True), (";", 1031, False), (";", 1031, True), ("|", 1033, False)]
)
def test_calc_runs_nothing_however_it_is_told_to_read(exported, tmp_path, separator, language, trims):
    willing = CsvImport(separator, False, language, detects_special_numbers=True, evaluates_formulas=True, trims=trims)
    rows = open_in_calc(exported, tmp_path, willing)
    assert len(rows) > PEOPLE
    assert [cell for row in rows for cell in row if cell.formula] == []


@pytest.mark.libreoffice
@pytest.mark.slow
def test_calc_runs_what_is_not_guarded(tmp_path):
    """The test above can fail."""
    (tmp_path / "bare.csv").write_text('1,"x;=1+1"\n2,"=2+2"\n', encoding="utf-8")
    for separator in (",", ";"):
        willing = CsvImport(separator, evaluates_formulas=True)
        rows = open_in_calc(tmp_path / "bare.csv", tmp_path, willing)
        assert [cell.text for row in rows for cell in row if cell.formula]
