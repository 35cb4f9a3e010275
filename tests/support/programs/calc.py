"""LibreOffice Calc opens a file, without a window, and says what it sees in each cell."""

import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MISSING = (
    "This test opens lists in LibreOffice Calc, which is not installed: install it (Debian: `apt-get install "
    "libreoffice-calc-nogui`), then run `make test-all` again."
)
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


@dataclass(frozen=True)
class Seen:
    """What a cell shows, what kind of value it has, and its formula, if it is one."""

    text: str
    kind: str
    formula: str | None


@dataclass(frozen=True)
class CsvImport:
    """Calc's options for a CSV file: https://wiki.documentfoundation.org/Documentation/DevGuide/Spreadsheet_Documents."""

    separator: str
    columns_are_text: bool = False
    language: int = 1033  # of Windows: 1033 English, 1031 German, 1041 Japanese
    detects_special_numbers: bool = False
    evaluates_formulas: bool = False
    trims: bool = False
    charset: int = 76  # UTF-8; 0 is what the system's language says

    @property
    def filter(self) -> str:
        """The tokens in their order: separator, quote, characters, first line, column formats, language and so on."""
        formats = "/".join(f"{column}/2" for column in range(1, 100)) if self.columns_are_text else ""
        switches = [self.detects_special_numbers, True, False, self.trims]
        words = ["true" if switch else "false" for switch in switches]
        tokens = [ord(self.separator), 34, self.charset, 1, formats, self.language, "false", *words, 1]
        evaluates = "true" if self.evaluates_formulas else "false"
        return f"CSV:{','.join(map(str, tokens))},{evaluates}"


def open_in_calc(path: Path, folder: Path, csv_import: CsvImport | None = None) -> list[list[Seen]]:
    """Open a workbook, or a CSV file with some options; return the rows of its first sheet."""
    program = shutil.which("soffice")
    assert program, MISSING
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    options = [f"--infilter={csv_import.filter}"] if csv_import else []
    command = [program, profile, "--headless", *options, "--convert-to", "fods", "--outdir", str(folder), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    sheet = ET.parse(folder / f"{path.stem}.fods").find(f".//{TABLE}table")
    assert sheet is not None
    rows = [list(_cells(row)) for row in _repeated(sheet.iter(f"{TABLE}table-row"), "rows")]
    while rows and not any(cell.text for cell in rows[-1]):
        rows.pop()
    return rows


def _repeated(elements: Iterator[ET.Element], name: str) -> Iterator[ET.Element]:
    for element in elements:
        times = int(element.get(f"{TABLE}number-{name}-repeated", "1"))
        # The empty rest of a sheet is one element that is repeated to its end.
        for _ in range(times if len(element) or times < 1000 else 1):
            yield element


def _cells(row: ET.Element) -> Iterator[Seen]:
    cells = (element for element in row if element.tag in {f"{TABLE}table-cell", f"{TABLE}covered-table-cell"})
    for cell in _repeated(cells, "columns"):
        text = "\n".join(_text(line) for line in cell.findall(f"{TEXT}p"))
        yield Seen(text, cell.get(f"{OFFICE}value-type", ""), cell.get(f"{TABLE}formula"))


def _text(element: ET.Element) -> str:
    """Text of a paragraph: runs of blanks, tabs and line breaks are elements of their own."""
    found = [element.text or ""]
    for inner in element:
        if inner.tag == f"{TEXT}s":
            found.append(" " * int(inner.get(f"{TEXT}c", "1")))
        elif inner.tag == f"{TEXT}tab":
            found.append("\t")
        elif inner.tag == f"{TEXT}line-break":
            found.append("\n")
        else:
            found.append(_text(inner))
        found.append(inner.tail or "")
    return "".join(found)
