"""`perennial try` on files that are no export of orders, or a spoilt one: one sentence, or the right figures."""

import io
import tempfile
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from cli.main import main
from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.onboarding.command import draft
from pipeline.onboarding.first_look.look import first_look
from pipeline.onboarding.trial.dry_run import models_of

HEAD = ["order_no", "customer_no", "ordered_at", "total"]
ORDERS = [[f"A{n}", f"K{n % 7}", f"2024-0{1 + n % 9}-{10 + n}", f"{n + 10}.50"] for n in range(15)]
TOTAL = sum((Decimal(row[3]) for row in ORDERS), Decimal(0))
OLE = bytes.fromhex("D0CF11E0A1B11AE1")
PEOPLE = ["first name", "last name", "email", "phone", "street", "city", "date of birth"]


def csv_text(*rows: Sequence[str]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def sheet(*rows: Sequence[object], merged: Sequence[str] = ()) -> bytes:
    """A workbook with one sheet."""
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(list(row))
    for cells in merged:
        workbook.active.merge_cells(cells)
    output = io.BytesIO()
    workbook.save(output)
    return output.getvalue()


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", method) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return output.getvalue()


def spoilt(method: int) -> bytes:
    """An archive of orders, of which sixty bytes came out wrong."""
    content = archive({"orders.csv": csv_text(HEAD, *ORDERS * 100)}, method)
    return content[:200] + bytes(byte ^ 0x5A for byte in content[200:260]) + content[260:]


PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n" + b"\x00\x01\x02" * 50
STOCK = [["sku", "product name", "quantity"], ["M-1", "Mug", "12"], ["P-1", "Plate", "3"]]
# What a file has, and what its sentence says: what was found, and what to do.
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "report.pdf": (PDF, "is a PDF", "Export the orders as CSV or Excel"),
    "photo.jpg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 20, "is a picture (JPEG)", "Export"),
    "screen.png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "is a picture (PNG)", "Export"),
    "phone.heic": (b"\x00\x00\x00\x18ftypheic" + bytes(range(256)) * 20, "is a picture", "Export"),
    "page.xls": (b"<html><table><tr><td>Order</td></tr></table></html>", "is a web page", "Export it as CSV"),
    "orders.json": (b'[\n  {"id": 1, "total": 5},\n  {"id": 2, "total": 6}\n]\n', "JSON in one piece", "JSON lines"),
    "letter.docx": (
        archive({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}),
        "Word document",
        "CSV",
    ),
    "empty.csv": (b"", "is empty", "Export it again"),
    "empty.xlsx": (sheet(), "no file or sheet has a heading", "Name one that has"),
    "heading.csv": (csv_text(HEAD), "no table was recognised", "Give the columns names"),
    "three.csv": (csv_text(HEAD, *ORDERS[:3]), "has 3 purchases", "Name a longer export"),
    "old.xls": (OLE + b"\0" * 600, "old format .xls", "save it as .xlsx"),
    "locked.xlsx": (OLE + b"\0" * 504 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 64, "password", "save it"),
    "two.csv": (csv_text(HEAD, *ORDERS, [], *STOCK), "two tables, from row 1 and from row 18", "a file of its own"),
    "first.csv": (csv_text(*STOCK, [], HEAD, *ORDERS), "two tables, from row 1 and from row 5", "a file of its own"),
    "two.xlsx": (sheet(HEAD, *ORDERS, [], *STOCK), "two tables, from row 1 and from row 18", "a file of its own"),
    "beside.xlsx": (
        sheet(*([*row, None, *other] for row, other in zip([HEAD, *ORDERS[:2]], STOCK, strict=True))),
        "two tables beside each other, with column 5 empty",
        "delete the empty column",
    ),
    "pivot.xlsx": (
        sheet(["Sum of total", "Column Labels"], ["Row Labels", "2024-01", "Grand Total"], ["K1", 5, 5], ["K2", 6, 6]),
        "is a pivot table",
        "Name the file or sheet of the rows",
    ),
    "pivot.csv": (
        csv_text(["customer_no", "SUM of total"], ["K1", "5.00"], ["K2", "6.00"]),
        "is a pivot table",
        "rows",
    ),
    "groups.xlsx": (
        sheet(["Billing", None, "Shipping", None], ["name", "city", "name", "city"], ["a", "b", "c", "d"]),
        "merged cells such as 'Billing'",
        "a name of its own in one row",
    ),
    "people.csv": (
        csv_text(PEOPLE, ["Ana", "Berg", "ana@x.example", "+49 30 1234567", "Main 1", "Ulm", "1980-01-02"]),
        "no table was recognised as orders",
        "add the file of the orders",
    ),
    "wide.csv": (
        csv_text([f"c{n}" for n in range(5000)], ["1"] * 5000),
        "has 5,000 columns",
        "Export one row for each",
    ),
    "nothing.zip": (archive({}), "has no files in it", "Zip the files themselves"),
    "deflated.zip": (spoilt(zipfile.ZIP_DEFLATED), "cannot be unpacked", "Copy it again"),
    "bzip2.zip": (spoilt(zipfile.ZIP_BZIP2), "cannot be unpacked", "Copy it again"),
    "lzma.zip": (spoilt(zipfile.ZIP_LZMA), "cannot be unpacked", "Copy it again"),
    "of_a_pdf.zip": (archive({"a.pdf": PDF}), "a.pdf is a PDF", "Export"),
}


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for what the command makes on its way."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    name: str, tmp_path: Path, scratch: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content, found, what_to_do = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    assert main(["try", str(tmp_path / name), "--to", str(tmp_path / "page")]) == 2
    said, wrong = capfd.readouterr()
    assert said == ""
    assert wrong.count("\n") == 1
    assert name in wrong or name.endswith((".zip", "people.csv", "heading.csv", "empty.xlsx"))
    assert found.lower() in wrong.lower()
    assert what_to_do.lower() in wrong.lower()
    assert "FILE" not in wrong
    assert str(scratch) not in wrong
    assert not {"Ana", "Berg", "ana@x.example", "Main 1"} & {*wrong.replace(",", " ").split()}
    assert not (tmp_path / "page").exists()
    assert list(scratch.iterdir()) == []


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["try", str(tmp_path / "missing.csv"), "--to", str(tmp_path / "page")]) == 2
    assert "There is no file or folder" in capfd.readouterr().err
    assert not (tmp_path / "page").exists()


# Files that are spoilt and can be read.
READ = {
    "totals.xlsx": sheet(HEAD, *ORDERS, [], ["Total", None, None, float(TOTAL)]),
    "title.csv": csv_text(["Orders of branch 3"], [], HEAD, *ORDERS),
    "merged.xlsx": sheet(
        ["Order", None, None, None],
        ["order_no", "customer_no", "ordered_at", "total"],
        *ORDERS,
        merged=["A1:D1"],
    ),
    "groups.csv": csv_text(["Order", "", "Money", ""], ["order_no", "customer_no", "ordered_at", "total"], *ORDERS),
    "groups.xlsx": sheet(
        ["Order", None, "Money", None],
        ["order_no", "customer_no", "ordered_at", "total"],
        *ORDERS,
        merged=["A1:B1", "C1:D1"],
    ),
    "note.csv": csv_text(HEAD, *ORDERS, [], ["Exported by the shop", "", "", ""]),
}


BOOKS = [[*row, "Count of Monte Cristo" if number % 2 else "Sum of us"] for number, row in enumerate(ORDERS)]
READ["books.csv"] = csv_text([*HEAD, "title"], *BOOKS)


@pytest.fixture
def project_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sources but those that a test drafts."""
    (tmp_path / "sources").mkdir()
    monkeypatch.setattr(project, "SOURCE_FILES", tmp_path / "sources")
    monkeypatch.setattr(project, "STAGING", tmp_path / "staging")


def orders_of(file: Path) -> dict[str, tuple[int, Decimal]]:
    """Draft a source from a file; return how many orders have each fate, and what they come to."""
    draft("shop", str(file), env={})
    with models_of("shop") as (models, _):
        query = f"select _fate, count(*), sum(total_amount) from {models.make('int_orders__rows')} group by 1"
        return {fate: (rows, total) for fate, rows, total in models.connection.execute(query).fetchall()}


@pytest.mark.usefixtures("project_of_its_own")
@pytest.mark.parametrize("name", READ)
def test_a_spoilt_export_is_read_right(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(READ[name])
    found = orders_of(tmp_path / name)
    assert found.pop("accepted") == (len(ORDERS), TOTAL)
    assert {*found} <= ({"excluded"} if name.startswith("totals") else {"quarantined"} if name == "note.csv" else set())


@pytest.mark.usefixtures("project_of_its_own")
def test_a_pivot_table_beside_its_rows_is_left_out(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["Row Labels", "Sum of total"])
    workbook.active.append(["K1", 5])
    rows = workbook.create_sheet("orders")
    for row in [HEAD, *ORDERS]:
        rows.append(row)
    workbook.save(tmp_path / "book.xlsx")
    assert orders_of(tmp_path / "book.xlsx") == {"accepted": (len(ORDERS), TOTAL)}


def test_amounts_that_may_be_cents_are_a_question_with_both_totals(tmp_path: Path) -> None:
    cents = [[*row[:3], row[3].replace(".", "")] for row in ORDERS]
    (tmp_path / "cents.csv").write_bytes(csv_text(HEAD, *cents))
    with first_look([str(tmp_path / "cents.csv")], env={}) as look:
        asked = [note for note in look.notes if "in cents" in note.text]
        assert len(asked) == 1
        assert asked[0].answers[0].startswith("no: they are whole amounts")
        assert look.outcome.net_sales == TOTAL * 100


def test_personal_data_in_every_column_land_apart(tmp_path: Path) -> None:
    head = [*HEAD, *PEOPLE]
    people = [[*row, f"Ana{n}", f"Berg{n}", f"ana{n}@x.example", "+49 30 1234567", "Main 1", "Ulm", "1980-01-02"]
              for n, row in enumerate(ORDERS)]  # fmt: skip
    (tmp_path / "people.csv").write_bytes(csv_text(head, *people))
    with first_look([str(tmp_path / "people.csv")], env={}) as look:
        assert look.outcome.net_sales == TOTAL
        (draft,) = look.guess.drafts
        assert {*draft.personal} >= {*PEOPLE} - {"date of birth"}


@pytest.mark.usefixtures("project_of_its_own")
def test_a_draft_says_the_same_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(PDF)
    with pytest.raises(UserError, match=r"FILE: .*a\.pdf is a PDF"):
        draft("shop", str(tmp_path / "a.pdf"), env={})
