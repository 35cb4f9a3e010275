"""Excel workbooks: a cell is read as what it says or sets its row aside; a file is read, or refused in one sentence."""

import re
import subprocess
import sys
import textwrap
import zipfile

import openpyxl
import pytest

from pipeline.base.errors import UserError
from pipeline.landing.readers.workbooks import workbook as limits
from pipeline.landing.readers.workbooks.workbook import open_workbook
from pipeline.onboarding.inspection.inspect_files import inspect_files
from tests.pipeline.readers.test_readers import read, said
from tests.support.companies.fuzz import lander, within
from tests.support.companies.workbooks import SHEET, damaged, parts, save, strict

FORMATS = [
    "yyyy-mm-dd",
    "DD/MM/YYYY HH:MM",
    "h:mm",
    "[h]:mm:ss",
    "14",
    "22",
    "31",
    "[$-409]d\\-mmm\\-yy;@",
    "0.00\\ \\d",
    "mmm",
]
DAY, DAY_TIME, TIME, DURATION, DAY_14, TIME_22, LOCAL, NAMED_DAY, NUMBER, MONTH = range(1, 11)
HEADER = '<row r="1"><c r="A1" t="str"><v>id</v></c><c r="B1" t="str"><v>x</v></c></row>'
PRONOUNCED = "<r><t>An</t></r><r><rPr><b/></rPr><t>a </t></r><rPh><t>!</t></rPh>"


def cell(value: str, kind: str = "n", style: int = 0, formula: str = "") -> str:
    return f'<c r="B2" t="{kind}" s="{style}">{formula}<v>{value}</v></c>'


def one(tmp_path, xml: str, settings: str = "", change=dict) -> tuple[list[str | None], str | None]:
    """Values of a row whose second cell is this, and what is wrong with it."""
    row = f'{HEADER}<row r="2"><c r="A2"><v>1</v></c>{xml}</row>'
    content = parts(row, formats=FORMATS, texts=[PRONOUNCED, "<t>a_x000D_b</t>"], settings=settings)
    with open_workbook(save(tmp_path / "one.xlsx", change(content))) as book:
        _, (_, values, fault) = book.rows("Orders")
    return values, fault


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        (cell("10"), "10"),
        (cell("0.10000000000000001"), "0.1"),
        (cell("37.800000000000004"), "37.800000000000004"),
        (cell("1E3"), "1000"),
        (cell("-20.50"), "-20.5"),
        (cell("123456789012345"), "123456789012345"),
        (cell("1234567890123456"), "1234567890123456"),
        (cell("4915112345678900"), "4.91511234567890E+15"),
        (cell("4.9151123456789E+15"), "4.91511234567890E+15"),
        (cell("5", style=NUMBER), "5"),
        (cell("45296", style=DAY), "2024-01-05"),
        (cell("45296", style=DAY_14), "2024-01-05"),
        (cell("45296", style=NAMED_DAY), "2024-01-05"),
        (cell("45296", style=LOCAL), "2024-01-05"),
        (cell("45296", style=MONTH), "2024-01-05"),
        (cell("45296.75", style=DAY), "2024-01-05 18:00:00"),
        (cell("45296", style=DAY_TIME), "2024-01-05"),
        (cell("45296.5", style=DAY_TIME), "2024-01-05 12:00:00"),
        (cell("45296.64583333334", style=TIME_22), "2024-01-05 15:30:00"),
        (cell("0.4375", style=TIME), "10:30:00"),
        (cell("1.104166666666667", style=DURATION), "26:30:00"),
        (cell("0", style=DAY), "0"),
        (cell("-3", style=DAY), "-3"),
        (cell("99999999", style=DAY), "99999999"),
        (cell("2024-01-05T00:00:00", "d", DAY), "2024-01-05"),
        (cell("2024-01-05T10:30:00", "d", DAY_TIME), "2024-01-05 10:30:00"),
        (cell("2024-01-05", "d"), "2024-01-05"),
        (cell("2024-01-05T10:30:00Z", "d"), "2024-01-05T10:30:00Z"),
        (cell("1", "b"), "true"),
        (cell("0", "b"), "false"),
        (cell("0", "s"), "Ana "),
        (cell("1", "s"), "a\rb"),
        (cell("3", formula="<f>1+2</f>"), "3"),
        ('<c r="B2" t="inlineStr"><is><t>An</t><r><t>a</t></r></is></c>', "Ana"),
        ("<c><v>7</v></c>", "7"),
    ],
)
def test_a_cell_is_read_as_what_it_says(tmp_path, xml, text):
    for change in (dict, strict):
        assert one(tmp_path, xml, change=change) == (["1", text], None)


@pytest.mark.parametrize("xml", ['<c r="B2" s="1"/>', cell("", "str", formula="<f>A9</f>"), cell("", "inlineStr")])
def test_a_cell_without_a_value_is_null(tmp_path, xml):
    assert one(tmp_path, xml) == (["1"], None)


@pytest.mark.parametrize(
    ("xml", "settings", "reason"),
    [
        ('<c r="B2"><f>1+1</f></c>', "", "cell B2 has a formula without a saved value: open the workbook in Excel"),
        ('<c r="B2"><f>1+1</f><v/></c>', "", "cell B2 has a formula without a saved value"),
        ('<c r="B2" t="str"><f t="shared" si="0"/></c>', "", "cell B2 has a formula without a saved value"),
        (
            cell("0", formula="<f>1+1</f>"),
            '<calcPr fullCalcOnLoad="1"/>',
            "cell B2 has a formula that was not calculated",
        ),
        (cell("#N/A", "e"), "", "cell B2 has the error #N/A"),
        (cell("#DIV/0!", "e", formula="<f>1/0</f>"), "", "cell B2 has the error #DIV/0!"),
        (cell("12,5"), "", "cell B2 has '12,5' for a number"),
        (cell("1e999"), "", "cell B2 has '1e999' for a number"),
        (cell("9", "s"), "", "cell B2 has the number 9 of a text that is not there"),
    ],
)
def test_a_cell_that_says_nothing_sets_its_row_aside(tmp_path, xml, settings, reason):
    values, fault = one(tmp_path, xml, settings)
    assert len(values) == 2
    assert str(fault).startswith(reason)


def test_a_calculated_0_is_0(tmp_path):
    assert one(tmp_path, cell("0", formula="<f>1-1</f>")) == (["1", "0"], None)


def test_days_of_the_1904_system(tmp_path):
    assert one(tmp_path, cell("43834", style=DAY), '<workbookPr date1904="1"/>') == (["1", "2024-01-05"], None)


def test_rows_aside_are_counted_and_the_others_land(tmp_path):
    row = '<row r="{0}"><c r="A{0}"><v>{0}</v></c><c r="B{0}">{1}</c></row>'
    kinds = {2: "<v>5</v>", 3: "<f>1+1</f>", 5: "", 6: "", 9: "<v>6</v>"}
    merged = '<mergeCells><mergeCell ref="B4:B6"/><mergeCell ref="A1:B1"/><mergeCell ref="D1:D9"/></mergeCells>'
    rows = HEADER + "".join(row.format(number, value) for number, value in kinds.items())
    path = save(tmp_path / "orders.xlsx", parts(rows, after=merged))
    landed, rejected = read([path], format="excel")
    assert landed == [("2", "5"), ("9", "6")]
    assert [(reject["line"], reject["error"].split(":")[0]) for reject in rejected] == [
        (3, "cell B3 has a formula without a saved value"),
        (5, "cells B4"),
        (6, "cells B4"),
    ]
    assert rejected[1]["error"] == "cells B4:B6 are merged: give each row its own value"


SHEETS = [("Overview", "chartsheet", ""), ("Lists", "worksheet", 'state="hidden"'), ("Orders", "worksheet", "")]


def test_the_first_sheet_is_the_first_that_has_cells_and_is_seen(tmp_path):
    path = save(tmp_path / "orders.xlsx", parts(HEADER + '<row r="2"><c><v>1</v></c></row>', sheets=SHEETS))
    assert read([path], format="excel")[0] == [("1", None)]
    assert "sheet 'Overview' of orders.xlsx is a chart. It has: Orders, Lists" in said(
        [path], format="excel", sheet="Overview"
    )
    assert "has no header in row 1" in said([path], format="excel", sheet="Lists")


@pytest.mark.parametrize("far", ["A1048576", "XFD2", "XFD1048576"])
def test_a_cell_far_out_costs_its_row(tmp_path, far):
    """The stated dimension is that of one cell."""
    number = "".join(filter(str.isdigit, far))
    path = save(tmp_path / "far.xlsx", parts(HEADER + f'<row r="{number}"><c r="{far}"><v>1</v></c></row>'))
    landed, rejected = read([path], format="excel")
    assert len(landed) + len(rejected) == 1
    assert landed == ([("1", None)] if far.startswith("A") else [])


def test_a_header_of_2000_columns_is_read(tmp_path):
    rows = HEADER[:-6] + '<c r="BXX1" t="str"><v>far</v></c></row><row r="2"><c><v>1</v></c></row>'
    landed, _ = read([save(tmp_path / "far.xlsx", parts(rows))], format="excel")
    assert len(landed[0]) == 2_000


def other_kind(kind: str) -> bytes:
    match kind:
        case "xls":
            return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)
        case "password":
            return (
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "EncryptedPackage".encode("utf-16-le") + bytes(500)
            )
        case "csv":
            return b"id,x\n1,2\n"
        case "html":
            return b"\xef\xbb\xbf\n<!DOCTYPE html><HTML><table><tr><td>1</td></tr></table></HTML>"
        case "xml":
            return b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>'
        case "noise":
            return bytes(range(256))
    return b""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("xls", "of the old format .xls"),
        ("password", "protected by a password"),
        ("csv", "a text file, such as CSV"),
        ("html", "an HTML page"),
        ("xml", "an XML file"),
        ("noise", "a file of another kind"),
    ],
)
def test_another_kind_of_file_is_named(tmp_path, kind, words):
    path = tmp_path / "orders.xlsx"
    path.write_bytes(other_kind(kind))
    assert_one_sentence(path, words, "save it as .xlsx")


@pytest.mark.parametrize(
    ("member", "words"), [("xl/workbook.bin", ".xlsb"), ("content.xml", ".ods"), ("a.txt", "no part")]
)
def test_another_zip_is_named(tmp_path, member, words):
    assert_one_sentence(save(tmp_path / "orders.xlsx", {member: "x"}), words, "save it as .xlsx")


def assert_one_sentence(path, *words: str) -> None:
    message = said([path], format="excel")
    assert message.startswith(f"cdnow.purchases: {path} is not a whole Excel workbook (.xlsx): ")
    assert "\n" not in message
    for word in words:
        assert word in message


BODY = HEADER + '<row r="2"><c r="A2"><v>1</v></c></row>'
ENTITIES = '<!DOCTYPE s [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">]>'
HOSTILE = {
    "entities": (lambda xml: (ENTITIES + xml.replace("<v>1</v>", "<v>&b;</v>")).encode(), "declares entities"),
    "a file of the server": (
        lambda xml: ('<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + xml.replace("<v>1", "<v>&a;")).encode(),
        "declares entities",
    ),
    "entities behind a long comment": (
        lambda xml: (f"<!--{' ' * (limits.CHUNK_BYTES - 12)}-->{ENTITIES}{xml}").encode(),
        "declares entities",
    ),
    "UTF-16": (lambda xml: (ENTITIES + xml).encode("utf-16"), "not UTF-8"),
    "cut off": (lambda xml: xml[:-60].encode(), "line 1"),
    "cells twice": (lambda xml: xml.replace("</row>", '<c r="A2"/></row>').encode(), "not in order"),
    "rows twice": (lambda xml: xml.replace("</sheetData>", '<row r="2"/></sheetData>').encode(), "stands behind row 2"),
    "a row too far": (lambda xml: xml.replace('r="2"', 'r="1048577"').encode(), "row 1,048,577"),
    "a column too far": (lambda xml: xml.replace('r="A2"', 'r="XFE2"').encode(), "not in order"),
    "a style that is not there": (lambda xml: xml.replace('r="A2"', 'r="A2" s="77"').encode(), "index"),
    "blanks": (lambda xml: xml.replace("</sheetData>", " " * 30_000_000 + "</sheetData>").encode(), "unpacks to"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_broken_sheet_is_refused(tmp_path, kind):
    change, words = HOSTILE[kind]
    content = {name: text.encode() for name, text in parts(BODY).items()}
    content[SHEET] = change(content[SHEET].decode())
    assert_one_sentence(save(tmp_path / "orders.xlsx", content), words)


def test_a_zip_of_another_method_and_a_locked_member_are_refused(tmp_path):
    path = tmp_path / "orders.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, text in parts(BODY).items():
            archive.writestr(name, text)
    assert_one_sentence(path, "packed in another way")
    content = bytearray(save(path, parts(BODY)).read_bytes())
    for match in re.finditer(b"PK\x01\x02", bytes(content)):
        content[match.start() + 8] |= 1
    path.write_bytes(content)
    assert_one_sentence(path, "encrypted")


def test_a_draft_names_what_the_reader_reads(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    book.create_chartsheet("Chart", 0)
    for row in ([], ["Export of May"], ["id", None, "amount"], [1, "x", "=1+1"], [2, None, 2.5]):
        sheet.append(row)
    book.save(tmp_path / "sales.xlsx")
    place = inspect_files(str(tmp_path / "sales.xlsx"), tmp_path, tmp_path / "data")
    (found,) = place.tables
    assert found.options == {
        "format": "excel",
        "sheet": "Sheet",
        "skip_rows": 2,
        "columns": ["id", "column_2", "amount"],
    }
    assert place.connection.execute(f"select * from {found.rows}").fetchall() == [("2", None, "2.5")]
    assert read([tmp_path / "sales.xlsx"], **found.options)[0] == [("2", None, "2.5")]


def test_a_draft_of_an_old_workbook_says_so(tmp_path):
    (tmp_path / "sales.xls").write_bytes(other_kind("xls"))
    with pytest.raises(UserError, match=r"sales\.xls is not a whole Excel workbook .*old format \.xls"):
        inspect_files(str(tmp_path), tmp_path, tmp_path)


BOMBS = """
    import os, sys, time
    from pathlib import Path
    from pipeline.base.errors import UserError
    from pipeline.landing.readers.workbooks.workbook import open_workbook
    from tests.support.companies.fuzz import peak_memory
    from tests.support.companies.workbooks import SHEET, parts, save

    bodies = {
        "cells": '<row r="1">' + "<c/>" * 900_000 + "</row>",
        "depth": "<a>" * 2_000_000,
        "attributes": '<row r="1" ' + " ".join(f'a{n}="1"' for n in range(300_000)) + "/>",
        "one text": '<row r="1"><c t="str"><v>' + "x" * 30_000_000 + "</v></c></row>",
        "other elements": "<row/>".join(["<a/>" * 100_000] * 20),
        "rows": "<row><c><v>1</v></c></row>" * 1_048_577,
    }
    for name, body in bodies.items():
        content = parts(body) | {"padding": os.urandom(1_000_000)}
        path, start = save(Path(sys.argv[1]) / "bomb.xlsx", content), time.process_time()
        del content
        try:
            with open_workbook(path) as book:
                read = sum(1 for _ in book.rows("Orders", 3))
            said = f"{read} rows"
        except UserError as error:
            said = str(error)
        assert time.process_time() - start < 60, name
        print(name, said, sep="|")
    print("MB", peak_memory() >> 20, sep="|")
"""


@pytest.mark.slow
def test_a_zip_bomb_stays_within_memory(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(BOMBS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said_of = dict(line.split("|", 1) for line in done.stdout.splitlines())
    assert "not in order" in said_of["cells"]
    assert said_of["attributes"] == "0 rows"
    assert "element of more than" in said_of["depth"]
    assert "element of more than" in said_of["one text"]
    assert "elements that are not 'row'" in said_of["other elements"]
    assert "row 1,048,577" in said_of["rows"]
    assert int(said_of["MB"]) < 1000


@pytest.mark.slow
def test_a_damaged_workbook_is_read_or_refused_in_one_sentence(tmp_path):
    cells = '<c r="A{0}" t="s"><v>0</v></c><c r="B{0}" s="1"><v>45296</v></c><c r="C{0}"><f>1</f><v>1.5</v></c>'
    row = f'<row r="{{0}}">{cells}</row>'
    rows = "".join(row.format(number) for number in range(1, 40))
    content = parts(
        rows, formats=FORMATS, texts=["<t>Ana</t>"], after='<mergeCells><mergeCell ref="A2:A3"/></mergeCells>'
    )
    path = tmp_path / "orders.xlsx"
    outcomes = set()
    with lander(tmp_path) as process:
        for seed in within():
            path.write_bytes(damaged(content, seed))
            try:
                with open_workbook(path) as book:
                    name = next(iter(book.sheets), None)
                    outcomes.add("read" if name is None else bool(list(book.rows(name, 3))))
            except UserError as error:
                assert str(error).startswith(f"{path} is not a whole Excel workbook (.xlsx): "), seed
                assert "\n" not in str(error), seed
                outcomes.add("refused")
            landed = process.land(path.read_bytes(), {"format": "excel"}, "sales.xlsx")
            assert "\n" not in landed.refused, seed
    assert {True, "refused"} <= outcomes
