"""Delimited records one by one, so that a broken line costs that line and no other."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

LINES_OF_A_RECORD = 100


@dataclass(frozen=True)
class Broken:
    """A record that cannot be read: its first line's number, why, and its text."""

    line: int
    error: str
    content: str


def records(
    lines: Iterable[str], *, width: int, delimiter: str, skip_lines: int = 0
) -> Iterator[list[str | None] | Broken]:
    """Yield the records of a file: lists of `width` values (an empty one is None), or what is broken.

    A quoted value may run over up to 100 lines. A quote that does not close within them breaks its first line only.
    """
    source = iter(lines)
    waiting = deque[str]()
    number = skip_lines
    for _ in islice(source, skip_lines):
        pass
    while True:
        line = waiting.popleft() if waiting else next(source, None)
        if line is None:
            return
        number += 1
        if not line.strip("\r\n") and width > 1:
            continue
        values, error = _parse(line, delimiter)
        taken = 1
        if error and _is_open(error):
            waiting.extend(islice(source, LINES_OF_A_RECORD - len(waiting)))
            values, error, taken = _parse_longer(line, waiting, delimiter)
        if error is None and len(values) == width + 1 and not values[-1]:
            values.pop()  # as DuckDB does: a delimiter at the end of a line begins no column
        if error is None and len(values) != width:
            error = f"{width} columns expected, {len(values)} found"
        content = "".join([line, *(waiting.popleft() for _ in range(taken - 1))])
        if error is None:
            yield [value or None for value in values]
        else:
            yield Broken(number, error, content.rstrip("\r\n"))
        number += taken - 1


def _parse(text: str, delimiter: str) -> tuple[list[str], str | None]:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True)) or [""], None
    except csv.Error as error:
        return [], str(error)


def _is_open(error: str) -> bool:
    return error == "unexpected end of data"


def _parse_longer(line: str, following: Iterable[str], delimiter: str) -> tuple[list[str], str | None, int]:
    text = line
    for taken, more in enumerate(following, 2):
        text += more
        values, problem = _parse(text, delimiter)
        if problem is None:
            return values, None, taken
        if not _is_open(problem):
            break
    return [], "a quote is not closed", 1
