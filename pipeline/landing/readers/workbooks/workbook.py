"""Excel workbooks (.xlsx), in bounded memory and time: their sheets, and the rows of a sheet as text.

The XML is read here because openpyxl reads no strict workbook, takes a formula without a saved value for an empty cell
and holds all of whatever XML it is given, and python-calamine ends the process where one cell stands far from the rest.
"""

import math
import mmap
import posixpath
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import cast
from xml.etree import ElementTree as ET

from openpyxl.utils.cell import column_index_from_string, get_column_letter
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

from pipeline.base.errors import UserError
from pipeline.landing.readers.workbooks.cells import (
    BUILTIN,
    NUMBER,
    iso_text,
    joined_text,
    local_name,
    moment_text,
    number_text,
    shown_as,
    unescaped,
)

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384  # Excel's own
MAX_PART_BYTES = 512 << 20  # XML of a sheet
MAX_RATIO = 100  # of a part to the file, as in Apache POI
MAX_ELEMENT_BYTES = 4 << 20  # XML of a row or a text
MAX_TEXTS_BYTES = 512 << 20  # all texts, in memory
CHUNK_BYTES = 1 << 18

OLE, ZIP = b"\xd0\xcf\x11\xe0", b"PK"
OTHER_ZIPS = {
    "xl/workbook.bin": "it is a workbook of the format .xlsb",
    "content.xml": "it is of the format .ods",
    "word/document.xml": "it is a Word document",
    "ppt/presentation.xml": "it is a presentation",
}
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError)
BROKEN = (*BROKEN_ZIP, ET.ParseError, LookupError, ValueError)
MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^<>]*?ref=["']([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})["']""")
ON = ("1", "true")
SAVE = "open the workbook in Excel or LibreOffice and save it"


Row = tuple[int, list[str | None], str | None]  # its number, its values up to the last one, what is wrong in it


@contextmanager
def open_workbook(path: Path) -> "Iterator[Workbook]":
    """Open a workbook.

    Raises
    ------
    UserError
        The file is not a workbook, is broken, or exceeds the limits above: now, or while its rows are read.
    """
    try:
        _check_kind(path)
        with zipfile.ZipFile(path) as archive:
            yield Workbook(archive, path.stat().st_size)
    except BROKEN as error:
        raise UserError(
            f"{path} is not a whole Excel workbook (.xlsx): {error}. "
            "Copy it again, or open it in Excel or LibreOffice and save it as .xlsx or CSV."
        ) from error


class Workbook:
    """The parts of a workbook that its values stand in."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        self._limit = max(MAX_ELEMENT_BYTES, min(MAX_PART_BYTES, MAX_RATIO * size))
        self._parts = {info.filename.replace("\\", "/").lower(): info for info in archive.infolist()}
        if kind := next((kind for name, kind in OTHER_ZIPS.items() if name in self._parts), None):
            raise ValueError(kind)
        main = dict(self._targets("").values()).get("officeDocument", "xl/workbook.xml")
        targets = self._targets(main)
        self._by_kind = dict(targets.values())
        self._epoch, self._is_calculated = WINDOWS_EPOCH, True
        self.charts: list[str] = []
        hidden: dict[str, str] = {}
        self.sheets: dict[str, str] = {}
        for element in self._elements(main, "workbookPr", "sheet", "calcPr"):
            if element.get("date1904") in ON:
                self._epoch = MAC_EPOCH
            if element.get("fullCalcOnLoad") in ON:
                self._is_calculated = False
            if local_name(element) == "sheet":
                reference = next((value for key, value in element.items() if key.endswith("}id")), "")
                kind, part = targets.get(reference, ("", ""))
                if kind != "worksheet":
                    self.charts.append(element.get("name", ""))
                else:
                    (hidden if "idden" in element.get("state", "") else self.sheets)[element.get("name", "")] = part
        self.sheets |= hidden

    def rows(self, sheet: str, merged_in: int = 0) -> Generator[Row]:
        """Yield the rows of a sheet that have a value.

        `merged_in`: in how many columns a cell that is merged with one of a row above is a fault.
        """
        merged = self._merged(sheet, merged_in) if merged_in else []
        number = last = 0
        name = ""
        for element in self._elements(self.sheets[sheet], "row"):
            before, number = number, int(element.get("r") or number + 1)
            if not before < number <= MAX_ROWS:
                raise ValueError(f"row {number:,} of sheet '{sheet}' stands behind row {before:,}")
            values, fault = self._row(element, number)
            while merged and merged[-1][0] < number:
                _, last, name = max(merged.pop(), (0, last, name), key=lambda cells: cells[1])
            if number <= last:
                fault = f"cells {name} are merged: give each row its own value"
            if values:
                yield number, values, fault

    def _row(self, row: ET.Element, number: int) -> tuple[list[str | None], str | None]:
        values: list[str | None] = []
        fault = None
        column = 0
        for cell in row:
            place = cell.get("r")
            before, column = column, column_index_from_string(place.rstrip("0123456789")) if place else column + 1
            if not before < column <= MAX_COLUMNS:
                raise ValueError(f"the cells of row {number:,} are not in order")
            text, wrong = self._value(cell)
            if wrong:
                fault = f"cell {get_column_letter(column)}{number} has {wrong}"
            if text:
                values += [None] * (column - 1 - len(values))
                values.append(text)
        return values, fault

    def _value(self, cell: ET.Element) -> tuple[str | None, str | None]:
        """Return the text of a cell, and what is wrong with it."""
        raw = value = formula = None
        for child in cell:
            match local_name(child):
                case "v":
                    value, raw = child, child.text
                case "is":
                    raw = joined_text(child)
                case "f":
                    formula = child
        kind, style = cell.get("t", "n"), cell.get("s")
        if not raw:
            is_unknown = formula is not None and (kind != "str" or value is None)
            return ("?", f"a formula without a saved value: {SAVE}") if is_unknown else (None, None)
        shown = self._formats[int(style)] if style and kind == "n" else ""
        if kind == "n":
            return self._number(raw, shown, formula is not None)
        if kind == "s":
            known = raw.isdigit() and int(raw) < len(self._texts)
            return (
                (self._texts[int(raw)], None) if known else (raw, f"the number {raw[:20]} of a text that is not there")
            )
        if kind == "d":
            return iso_text(raw), None
        text = str(raw in ON).lower() if kind == "b" else unescaped(raw) if kind == "str" else raw
        return text, f"the error {raw}" if kind == "e" else None

    def _number(self, raw: str, shown: str, is_formula: bool) -> tuple[str, str | None]:
        if not NUMBER.fullmatch(raw) or not math.isfinite(float(raw)):
            return raw, f"{raw[:20]!r} for a number"
        if is_formula and not self._is_calculated and not float(raw):
            return raw, f"a formula that was not calculated: {SAVE}"
        return (shown and moment_text(float(raw), shown, self._epoch)) or number_text(raw), None

    def _merged(self, sheet: str, columns: int) -> list[tuple[int, int, str]]:
        """Merged cells of several rows: their first and last row and their name, the uppermost at the end."""
        found: set[tuple[bytes, ...]] = set()
        beginning = b""
        for chunk in self._chunks(self.sheets[sheet]):
            found.update(match.groups() for match in MERGED.finditer(beginning + chunk))
            beginning = chunk[-256:]
        cells = [(int(first), int(last), name.decode()) for name, first, last in found]
        inside = [cell for cell in cells if cell[0] < cell[1] and column_index_from_string(cell[2]) <= columns]
        return sorted(((first, last, f"{c}{first}:{c}{last}") for first, last, c in inside), reverse=True)

    @cached_property
    def _texts(self) -> list[str]:
        texts: list[str] = []
        size = 0
        if part := self._by_kind.get("sharedStrings"):
            for element in self._elements(part, "si"):
                texts.append(joined_text(element))
                size += sys.getsizeof(texts[-1]) + 8
                if size > MAX_TEXTS_BYTES:
                    raise ValueError(f"its texts take more than {MAX_TEXTS_BYTES >> 20} MB")
        return texts

    @cached_property
    def _formats(self) -> list[str]:
        codes = dict(BUILTIN)
        styles: list[int] = []
        if part := self._by_kind.get("styles"):
            for element in self._elements(part, "numFmts", "cellXfs"):
                if local_name(element) == "numFmts":
                    codes |= {int(child.get("numFmtId", "")): child.get("formatCode", "") for child in element}
                else:
                    styles += [int(child.get("numFmtId", "0")) for child in element]
        shown = {code: shown_as(codes.get(code, "General")) for code in set(styles)}
        return [shown[code] for code in styles]

    def _targets(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part refers to: by id, its kind and the part."""
        folder, name = posixpath.split(part)
        targets = {}
        for element in self._elements(posixpath.join(folder, "_rels", f"{name}.rels"), "Relationship"):
            target = posixpath.join("/", folder, element.get("Target", "").replace("\\", "/"))
            kind = element.get("Type", "").rpartition("/")[2]
            targets[element.get("Id", "")] = kind, posixpath.normpath(target).lstrip("/")
        return targets

    def _elements(self, part: str, *names: str) -> Iterator[ET.Element]:
        """Yield elements of these names, each when it is complete; all else is forgotten while the part is read."""
        around: list[ET.Element] = []
        wanted = None
        size = others = 0
        parser = ET.XMLPullParser(("start", "end"))
        for chunk in self._chunks(part):
            size += len(chunk)
            if size > MAX_ELEMENT_BYTES + CHUNK_BYTES:
                raise ValueError(f"{part} has an element of more than {MAX_ELEMENT_BYTES >> 20} MB")
            parser.feed(chunk)
            for event, element in cast("Iterator[tuple[str, ET.Element]]", parser.read_events()):
                if event == "start":
                    if wanted is None:
                        around.append(element)
                        wanted = element if local_name(element) in names else None
                elif element is around[-1]:
                    if element is wanted:
                        yield element
                    around.pop()
                    others += wanted is None
                    if others > MAX_ROWS:
                        raise ValueError(f"{part} has more than {MAX_ROWS:,} elements that are not '{names[0]}'")
                    if around:
                        around[-1].clear()
                    wanted, size = None, 0
        parser.close()

    def _chunks(self, part: str) -> Iterator[bytes]:
        info = self._parts.get(part.lower())
        if info is None:
            raise ValueError(f"it has no part {part}")
        if info.file_size > self._limit:
            raise ValueError(f"{part} unpacks to {info.file_size >> 20:,} MB, of {self._limit >> 20:,} MB at most")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{part} is packed in another way than workbooks are")
        before = b""
        with self._archive.open(info) as handle:
            while chunk := handle.read(CHUNK_BYTES):
                if b"<!DOCTYPE" in before + chunk or (not before and b"\0" in chunk[:4]):
                    raise ValueError(f"{part} declares entities or is not UTF-8")
                before = chunk[-8:]
                yield chunk


def _check_kind(path: Path) -> None:
    """Raise for a file of another kind, and say of which."""
    with path.open("rb") as handle:
        start = handle.read(4096).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
        if start.startswith(OLE):
            with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
                is_encrypted = content.find("EncryptedPackage".encode("utf-16-le")) >= 0
            raise ValueError("it is protected by a password" if is_encrypted else "it is of the old format .xls")
    if start.startswith(ZIP.lower()):
        return
    if start.startswith(b"<"):
        is_page = b"<html" in start or b"<table" in start
        raise ValueError(f"it is {'an HTML page' if is_page else 'an XML file'}")
    raise ValueError("it is a file of another kind" if b"\0" in start else "it is a text file, such as CSV")
