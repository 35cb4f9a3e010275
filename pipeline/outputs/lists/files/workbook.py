"""A list as a workbook for people: every text is a text in it, whatever it begins with.

openpyxl makes the frame: styles, header, filter. The rows are written into it as XML. openpyxl itself would take seven
times as long, and would write the rows to the system's temporary folder, where a kill leaves them.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import to_excel
from openpyxl.writer.excel import ExcelWriter

from pipeline.base.numbers import currency_digits
from pipeline.outputs.lists.files.cells import Cell
from pipeline.outputs.lists.files.formulas import guarded

SHEET_ROWS = 1_000_000
CELL_UNITS = 32_767  # of UTF-16: the largest cell of any spreadsheet
LARGE_SHEET = 100_000
WIDTHS = (6, 60)
FORMATS = {"text": "@", "quoted": "@", "integer": "0", "number": "0.00", "money": "#,##0", "date": "yyyy-mm-dd"}
FIRST_EXCEL_YEAR = 1900
# Excel reads _x003D_ in a text as the character of that number, unless it stands in two runs of the text.
ESCAPED = re.compile(r"(?<=_x[0-9A-Fa-f]{4})(?=_)")

Styles = dict[str, int]


def workbook_content(columns: tuple[str, ...], rows: list[tuple[Cell, ...]], as_of: date, currency: str) -> bytes:
    """Return the bytes of an xlsx file, equal for equal rows. Rows beyond the limit of a sheet are on further sheets.

    Parameters
    ----------
    columns
        The first line of each sheet.
    rows
        Values, formatted.
    as_of
        The date of the document.
    currency
        Of the amounts.
    """
    parts = [rows[start : start + SHEET_ROWS] for start in range(0, len(rows), SHEET_ROWS)] or [[]]
    frame, styles = _frame(columns, parts, as_of, currency)
    letters = [get_column_letter(position) for position in range(1, len(columns) + 1)]
    written = BytesIO()
    with ZipFile(BytesIO(frame)) as source, ZipFile(written, "w", ZIP_DEFLATED) as target:
        sheets = {f"xl/worksheets/sheet{number}.xml": part for number, part in enumerate(parts, start=1)}
        for name in source.namelist():
            entry = ZipInfo(name)  # fixed, so that equal lists are equal files
            entry.compress_type = ZIP_DEFLATED
            part = sheets.get(name, [])
            with target.open(entry, "w", force_zip64=len(part) > LARGE_SHEET) as handle:
                for text in _with_rows(source.read(name), part, styles, letters):
                    handle.write(text)
    return written.getvalue()


def _frame(
    columns: tuple[str, ...], parts: list[list[tuple[Cell, ...]]], as_of: date, currency: str
) -> tuple[bytes, Styles]:
    book = Workbook(write_only=True)
    midnight = datetime.combine(as_of, time())
    book.properties = DocumentProperties(creator="Perennial", created=midnight, modified=midnight)
    for number, part in enumerate(parts, start=1):
        sheet = book.create_sheet("List" if number == 1 else f"List {number}")
        sheet.freeze_panes = "A2"
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{len(part) + 1}"
        for position, name in enumerate(columns):
            longest = max((len(str(row[position])) for row in part), default=0)
            # The filter's arrow needs room beside the name.
            width = max(WIDTHS[0], len(name) + 4, min(longest + 2, WIDTHS[1]))
            sheet.column_dimensions[get_column_letter(position + 1)].width = width
        header = [WriteOnlyCell(sheet, name) for name in columns]
        for cell in header:
            cell.font = Font(name="Calibri", size=11, bold=True)
        sheet.append(header)
    styles: Styles = {}
    for kind, number_format in _formats(currency).items():
        cell = WriteOnlyCell(sheet)
        cell.number_format = number_format
        cell.quotePrefix = kind == "quoted"
        styles[kind] = cell.style_id
    frame = BytesIO()
    ExcelWriter(book, ZipFile(frame, "w")).save()  # Workbook.save would write the current time
    return frame.getvalue(), styles


def _formats(currency: str) -> dict[str, str]:
    digits = currency_digits(currency)
    return FORMATS | {"money": FORMATS["money"] + ("." + "0" * digits if digits else "")}


def _with_rows(text: bytes, rows: Iterable[tuple[Cell, ...]], styles: Styles, letters: list[str]) -> Iterator[bytes]:
    """Yield a part of the frame in pieces; a sheet gets its rows."""
    before, end, after = text.partition(b"</sheetData>")
    yield before
    for number, row in enumerate(rows, start=2):
        cells = (
            _cell(f"{letter}{number}", value, styles)
            for letter, value in zip(letters, row, strict=True)
            if value is not None
        )
        yield f'<row r="{number}">{"".join(cells)}</row>'.encode()
    yield end + after


def _cell(place: str, value: str | float | Decimal | date, styles: Styles) -> str:
    if isinstance(value, date) and value.year < FIRST_EXCEL_YEAR:
        value = value.isoformat()
    if isinstance(value, str):
        return _text(place, value, styles)
    if isinstance(value, date):
        kind, number = "date", str(to_excel(value))
    else:
        kind = "money" if isinstance(value, Decimal) else "integer" if isinstance(value, int) else "number"
        number = str(value)
    return f'<c r="{place}" s="{styles[kind]}"><v>{number}</v></c>'


def _text(place: str, text: str, styles: Styles) -> str:
    """Return an inline string, marked as typed with an apostrophe where a spreadsheet could run it as a formula."""
    if len(text) > CELL_UNITS // 2:
        text = text.encode("utf-16-le")[: 2 * CELL_UNITS].decode("utf-16-le", errors="ignore")
    runs = [f'<t xml:space="preserve">{escape(run)}</t>' for run in ESCAPED.split(text)]
    content = runs[0] if len(runs) == 1 else "".join(f"<r>{run}</r>" for run in runs)
    style = styles["text" if guarded(text) == text else "quoted"]
    return f'<c r="{place}" s="{style}" t="inlineStr"><is>{content}</is></c>'
