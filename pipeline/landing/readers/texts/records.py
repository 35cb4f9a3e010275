"""Delimited records one by one, so that a broken line costs that line and no other."""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Self

LINES_OF_A_RECORD = 20_000
# A longer line, or record of several lines, is set aside: in bytes. DuckDB reads JSON objects up to 16 MiB.
LONGEST = 16_000_000
csv.field_size_limit(LONGEST)


@dataclass(frozen=True)
class Broken:
    """A record that cannot be read: its first line's number, why, and its text."""

    line: int
    error: str
    content: str


class _Lines:
    """Lines that a CSV reader takes for a record; they can be given back."""

    def __init__(self, lines: Iterable[str], delimiter: str) -> None:
        self.taken: list[str] = []
        self._lines = iter(lines)
        self._back = deque[str]()
        self._size = 0
        end = re.escape(delimiter)
        self._blanks = re.compile(rf'("(?:[^"]|"")*+")(?: +(?={end}|[\r\n]|$))?|(^|{end}) +(?=")')

    def begin(self) -> None:
        self.taken = []
        self._size = 0

    def keep_one(self) -> None:
        self._back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._size > LONGEST or len(self.taken) == LINES_OF_A_RECORD:
            raise StopIteration
        line = self._back.popleft() if self._back else next(self._lines)
        self.taken.append(line)
        self._size += len(line)
        if len(self.taken) == 1 and ('" ' in line or ' "' in line):  # blanks beside a quoted value are not read
            return self._blanks.sub(lambda found: found[1] or found[2], line)
        return line


def records(
    lines: Iterable[str],
    *,
    width: int,
    delimiter: str,
    skip_lines: int = 0,
    fault: Callable[[str], str | None] = lambda _: None,
) -> Iterator[list[str | None] | Broken]:
    """Yield the records of a file: lists of `width` values (an empty one is None), or what is broken.

    A quoted value may run over up to 20,000 lines. A quote that does not close within them breaks its first line only.
    `fault` says what is wrong with the text of a record.
    """
    source = _Lines(islice(lines, skip_lines, None), delimiter)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    number = skip_lines + 1
    while True:
        source.begin()
        values, error = _next(reader, source)
        if not source.taken:
            return
        first, number = number, number + len(source.taken)
        if not values and error is None:
            if width > 1:
                continue
            values = [""]
        content = "".join(source.taken)
        if error is None and len(values) == width + 1 and not values[-1]:
            values.pop()  # as DuckDB does: a delimiter at the end of a line begins no column
        if error is None and len(values) != width:
            error = f"{width} columns expected, {len(values)} found"
        error = fault(content) or error
        if error is None:
            yield [value or None for value in values]
        else:
            yield Broken(first, error, content.rstrip("\r\n"))


def _next(reader: Iterator[list[str]], source: _Lines) -> tuple[list[str], str | None]:
    """Read a record. Of a broken one only the first line is taken."""
    try:
        return next(reader, []), None
    except csv.Error as error:
        is_open = len(source.taken) > 1 or str(error) == "unexpected end of data"
        source.keep_one()
        return [], "a quote is not closed" if is_open else str(error)
