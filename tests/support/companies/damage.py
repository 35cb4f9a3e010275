"""Text files made up from a seed: whole, with broken lines among sound ones, or damaged anywhere."""

import copy
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import yaml

Row = tuple[str | None, ...]
ROWS_LIKE = "7,2024-01-01,EUR\n8,2024-01-02,EUR"
PIECES = [
    "",
    "x",
    " y ",
    "Zoë",
    "张伟",
    '5" pipe',
    "a,b;c\td|e",
    "two\nlines",
    ROWS_LIKE,
    "0",
    "-1.50",
    "\r",
    "\r\n",
    '""',
]
PIECES += ["a" * 300, "é" * 200]
ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "gb18030", "cp1252"]
NUL, NO_UTF8 = "\0", "\udcfc"  # written as the byte 0xfc
YML_KEYS = [
    "file",
    "format",
    "key",
    "event_time",
    "delimiter",
    "skip_rows",
    "columns",
    "encoding",
    "volume",
    "sales",
    "ä",
]
YML_VALUES = [
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    float("inf"),
    "",
    "x",
    "a,b",
    "\0",
    "2024-02-30",
    "../x",
    "*.txt",
    "${HOME}",
    "rot13",
    [],
    ["a"],
    ["a", "a"],
    [[0, 1]],
    {},
    {"a": [0, 1]},
    {"a": {}},
    datetime(2024, 1, 1, tzinfo=UTC),
]
BYTES = [b"\0", b"\xff", b'"', b"\n", b"\r", b",", b"{", b"\xc3\xa4", b"M\xfcller", b"\0" * 700]


@dataclass(frozen=True)
class Made:
    """A file, its table's definition, the rows that are in it, and how many lines are broken."""

    content: bytes
    table: dict[str, Any]
    rows: list[Row]
    broken: int


def delimited(random: Random, broken: int = 0) -> Made:
    """A CSV."""
    width, delimiter = random.randint(2, 5), random.choice(",;\t|")
    end = random.choice(["\n", "\n", "\r\n", "\r"])
    special = '"\r\n' + delimiter if random.random() < 0.5 else ""

    def quoted(value: str | None) -> str:
        is_bare = value is None or (special and not any(letter in value for letter in special))
        return value or "" if is_bare else '"' + value.replace('"', '""') + '"'

    rows = [row for row in _rows(random, width, broken) if any(row)]
    names = delimiter.join(f"c{number}" for number in range(width))
    bad = [f"{text}{delimiter * (width - 1)}" for text in (NUL, f"M{NO_UTF8}ller")] + ["x", delimiter * width + "x"]
    lines = [names, *_among(random, [delimiter.join(map(quoted, row)) for row in rows], bad, broken)]
    content, encoding = _encoded(random, end.join(lines) + random.choice([end, ""]))
    return Made(content, {"format": "csv", "delimiter": delimiter, "encoding": encoding}, rows, broken)


def json_lines(random: Random, broken: int = 0) -> Made:
    """JSON lines."""
    names = ["a", "b", "ü"][: random.randint(1, 3)]
    rows = [tuple(value or "" for value in row) for row in _rows(random, len(names), broken)]
    is_ascii = random.random() < 0.5
    lines = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=is_ascii) for row in rows]
    bad = ['{"a": ', "[1]", '{"a": 1, "a": 2}', f'{{"a": "{NUL}"}}', f'{{"a": "{NO_UTF8}"}}']
    text = random.choice(["\n", "\n", "\r\n", "\n\n"]).join(_among(random, lines, bad, broken))
    content, encoding = _encoded(random, text)
    return Made(content, {"format": "jsonl", "columns": names, "encoding": encoding}, rows, broken)


def fixed_width(random: Random, broken: int = 0) -> Made:
    """Fixed-width text."""
    widths = [random.randint(2, 12) for _ in range(random.randint(1, 4))]
    made = _rows(random, len(widths), broken)
    rows = [tuple(map(_cut, row, widths)) for row in made]
    rows = [row for row in rows if any(row)]
    lines = ["".join((value or "").ljust(width) for value, width in zip(row, widths, strict=True)) for row in rows]
    bad = ["x", NUL * sum(widths), NO_UTF8 * sum(widths)]
    text = "".join(line + random.choice(["\n", "\r\n"]) for line in _among(random, lines, bad, broken))
    ends = [sum(widths[: number + 1]) for number in range(len(widths))]
    columns = {f"c{number}": [end - width, end] for number, (end, width) in enumerate(zip(ends, widths, strict=True))}
    content, encoding = _encoded(random, text)
    return Made(content, {"format": "fixed_width", "columns": columns, "encoding": encoding}, rows, broken)


def packed(random: Random, broken: int = 0) -> Made:
    """One of the others as gzip, of one member or two."""
    made = random.choice([delimited, json_lines, fixed_width])(random, broken)
    cut = random.choice([0, random.randint(0, len(made.content))])
    members = [made.content[:cut], made.content[cut:]] if cut else [made.content]
    return replace(made, content=b"".join(map(gzip.compress, members)))


def damaged(random: Random, made: Made) -> bytes:
    """The file with some bytes changed, put in, doubled or taken out, or with its end cut off."""
    content = bytearray(made.content)
    for _ in range(random.choice([1, 1, 3, 30])):
        place = random.randint(0, len(content))
        some = content[place : place + random.randint(1, 5000)]
        new = random.choice([bytes([random.randint(0, 255)]), random.choice(BYTES), some])
        content[place : place + random.choice([0, len(new), random.randint(0, 100)])] = new
    if random.random() < 0.2:
        del content[random.randint(0, len(content)) :]
    return bytes(content)


def source_yml(random: Random, whole: dict[str, Any]) -> bytes:
    """A source definition in which some keys and values are others, or some bytes."""
    changed = copy.deepcopy(whole)
    for _ in range(random.choice([0, 1, 2, 5])):
        place = random.choice([changed, changed.get("tables"), *_tables(changed)])
        if isinstance(place, dict) and place:
            key = random.choice([*place, random.choice(YML_KEYS)])
            place[key] = random.choice(YML_VALUES)
    content = yaml.safe_dump(changed, allow_unicode=True).encode()
    return damaged(random, Made(content, {}, [], 0)) if random.random() < 0.5 else content


def _tables(source: dict[str, Any]) -> list[Any]:
    tables = source.get("tables")
    return list(tables.values()) if isinstance(tables, dict) else []


KINDS: list[Callable[..., Made]] = [delimited, json_lines, fixed_width, packed]


def _rows(random: Random, width: int, broken: int) -> list[Row]:
    """Many more rows than broken lines: else they are an encoding."""
    number = random.choice([20, 20, 200, 3000] if broken else [0, 1, 3, 20, 20, 200, 3000])
    return [tuple(_value(random) for _ in range(width)) for _ in range(number)]


def _value(random: Random) -> str | None:
    value = "".join(random.choice(PIECES) for _ in range(random.choice([1, 1, 1, 2, 3])))
    return (value * 2000 if random.random() < 0.0005 else value) or None


def _cut(value: str | None, width: int) -> str | None:
    return " ".join((value or "").split())[:width].strip() or None


def _among(random: Random, lines: list[str], bad: Sequence[str], broken: int) -> list[str]:
    lines = list(lines)
    for _ in range(broken):
        lines.insert(random.randint(0, len(lines)), random.choice(bad))
    return lines


def _encoded(random: Random, text: str) -> tuple[bytes, str]:
    encoding = random.choice(ENCODINGS)
    try:
        return text.encode(encoding), encoding.removesuffix("-sig")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape"), "utf-8"
