"""Workbooks written part by part, so that they can have what no library writes; and ways to damage one."""

import io
import random
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = {
    OFFICE: "http://purl.oclc.org/ooxml/officeDocument/relationships",
    MAIN: "http://purl.oclc.org/ooxml/spreadsheetml/main",
}
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
SHEET = "xl/worksheets/sheet1.xml"


def parts(
    rows: str,
    *,
    after: str = "",
    sheets: Sequence[tuple[str, str, str]] = (("Orders", "worksheet", ""),),
    formats: Sequence[str] = (),
    texts: Iterable[str] = (),
    settings: str = "",
) -> dict[str, str]:
    """The parts of a workbook.

    Parameters
    ----------
    rows, after
        XML inside and behind the `sheetData` of the last sheet; the others are empty.
    sheets
        Name, kind and further attributes of each.
    formats
        Codes of number formats, for the styles 1, 2, …; a number is one that has no code in the file.
    texts
        XML of the shared texts.
    settings
        XML in front of the sheets of `workbook.xml`.
    """
    numbers = [int(code) if code.isdigit() else 164 + place for place, code in enumerate(formats)]
    codes = "".join(
        f'<numFmt numFmtId="{number}" formatCode="{code}"/>'
        for number, code in zip(numbers, formats, strict=True)
        if not code.isdigit()
    )
    styles = "".join(f'<xf numFmtId="{number}"/>' for number in (0, *numbers))
    kinds = [kind for _, kind, _ in sheets]
    named = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="r{number}" {more}/>'
        for number, (name, _, more) in enumerate(sheets, 1)
    )
    targets = {f"r{number}": (kind, f"{kind}s/sheet{number}.xml") for number, kind in enumerate(kinds, 1)}
    targets |= {"s": ("styles", "styles.xml"), "t": ("sharedStrings", "/xl/sharedStrings.xml")}
    empty = f'<worksheet xmlns="{MAIN}"><sheetData/></worksheet>'
    found = {f"xl/{target}": empty for kind, target in targets.values() if kind.endswith("sheet")}
    found[f"xl/{kinds[-1]}s/sheet{len(kinds)}.xml"] = (
        f'<worksheet xmlns="{MAIN}"><dimension ref="A1"/><sheetData>{rows}</sheetData>{after}</worksheet>'
    )
    return found | {
        "_rels/.rels": _relations({"r": ("officeDocument", "xl/workbook.xml")}),
        "xl/_rels/workbook.xml.rels": _relations(targets),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{settings}<sheets>{named}</sheets></workbook>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{codes}</numFmts><cellStyleXfs><xf numFmtId="14"/>'
        f"</cellStyleXfs><cellXfs>{styles}</cellXfs></styleSheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{"".join(f"<si>{text}</si>" for text in texts)}</sst>',
    }


def _relations(targets: dict[str, tuple[str, str]]) -> str:
    items = "".join(
        f'<Relationship Id="{name}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}">{items}</Relationships>'


def strict(content: dict[str, str]) -> dict[str, str]:
    """The parts of a workbook as a strict one has them."""
    for usual, other in STRICT.items():
        content = {name: text.replace(usual, other) for name, text in content.items()}
    return content


def save(path: Path, content: dict[str, str] | dict[str, bytes]) -> Path:
    """Write parts to a file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return path


def damaged(content: dict[str, str], seed: int) -> bytes:
    """Bytes of a workbook with one to three damages: in a part, among the parts, or in the file."""
    chance = random.Random(seed)
    members = {name: text.encode() for name, text in content.items()}
    for _ in range(chance.randint(0, 2)):
        name, other = chance.sample(sorted(members), 2)
        match chance.choice(["flip", "cut", "swap", "drop", "word", "repeat"]):
            case "flip":
                members[name] = _flipped(members[name], chance)
            case "cut":
                members[name] = members[name][: chance.randrange(len(members[name]) + 1)]
            case "swap":
                members[name], members[other] = members[other], members[name]
            case "drop" if len(members) > 2:
                del members[name]
            case "word":
                a, b = chance.choice([(b'r="', b'r="9'), (b'"1"', b'"99999999999"'), (b"<v>", b"<v>-"), (b"Id", b"id")])
                members[name] = members[name].replace(a, b)
            case _:
                members[name] += members[name]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    whole = target.getvalue()
    match chance.choice(["whole", "whole", "flip", "cut"]):
        case "flip":
            return _flipped(whole, chance)
        case "cut":
            return whole[: chance.randrange(len(whole))]
    return whole


def _flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)
