"""Where the quotes of a CSV stand, found in its bytes at a gigabyte a second.

DuckDB reads a large file in parts side by side and guesses whether a part begins within quotes: where a line break
stands within quotes it may take what follows for rows. Read in one go it drops a row whose quote is still open at the
end, and either way a line over its buffer.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import numpy.typing as npt

CHUNK = 1 << 19  # what is made of it stays in the processor's cache
QUOTE, BLANK, LINE_FEED, RETURN = b'" \n\r'
SHIFTS = [np.uint64(1 << power) for power in range(6)]
LAST = np.uint64(63)
ONE = np.uint64(1)
ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
Bits = npt.NDArray[np.uint64]


class Way(Enum):
    """How DuckDB can read a CSV: its parts side by side, in one go, or not at all (`records` does)."""

    IN_PARTS = "in parts"
    IN_ONE_GO = "in one go"
    BY_RECORD = "by record"


@dataclass
class _Place:
    """Where in a CSV a chunk ends: within quotes, where a value begins, behind a quote."""

    is_within: bool = False
    is_begin: bool = True
    is_behind_quote: bool = False
    breaks_within: bool = False


def way_to_read(path: Path, delimiter: str, skip_rows: int, up_to: int | None = None) -> Way:
    """Look at the bytes of a CSV in UTF-8, behind its first `skip_rows` lines; at the first `up_to` alone, if given."""
    if not delimiter.isascii() or delimiter == " ":
        return Way.BY_RECORD
    ends = f"{delimiter}\r\n".encode()
    place = _Place()
    with path.open("rb") as handle:
        if not all(handle.readline(CHUNK).endswith(b"\n") for _ in range(skip_rows)):
            return Way.BY_RECORD
        while (up_to is None or handle.tell() < up_to) and (chunk := handle.read(CHUNK)):
            if b"\0" in chunk or (len(chunk) == CHUNK and b"\n" not in chunk and b"\r" not in chunk):
                return Way.BY_RECORD
            if not place.is_within and b'"' not in chunk:
                place.is_begin, place.is_behind_quote = chunk[-1] in ends, False
            elif not _look(chunk, ord(delimiter), place):
                return Way.BY_RECORD
    if place.is_within and up_to is None:
        return Way.BY_RECORD
    return Way.IN_ONE_GO if place.breaks_within else Way.IN_PARTS


def _look(chunk: bytes, delimiter: int, place: _Place) -> bool:
    """Follow the quotes of a chunk; return whether each of them opens or closes a value.

    A byte is within quotes where the number of quotes up to it is odd. That holds as long as each quote that makes it
    odd stands where a value begins, a blank before it allowed, or behind another quote.
    """
    content = np.frombuffer(chunk.ljust(-(-len(chunk) // 64) * 64, b" "), np.uint8)
    found = np.empty(len(content), np.bool_)

    def bits(letter: int) -> Bits:
        return np.packbits(np.equal(content, letter, out=found), bitorder="little").view(np.uint64)

    quotes = bits(QUOTE)
    within = quotes.copy()
    for shift in SHIFTS:
        within ^= within << shift
    odd_words = np.bitwise_xor.accumulate(within >> LAST) ^ np.uint64(place.is_within)
    within[1:] ^= odd_words[:-1] * ALL
    within[0] ^= np.uint64(place.is_within) * ALL
    breaks = bits(LINE_FEED) | bits(RETURN) if b"\r" in chunk else bits(LINE_FEED)
    ends = breaks | bits(delimiter)
    begins = _behind(ends, place.is_begin)
    openings = quotes & within & ~begins & ~_behind(quotes, place.is_behind_quote)
    if openings.any() and (openings & ~_behind(begins & bits(BLANK), False)).any():
        return False
    place.is_within = bool(odd_words[-1])
    place.is_begin, place.is_behind_quote = bool(ends[-1] >> LAST), bool(quotes[-1] >> LAST)
    place.breaks_within = place.breaks_within or bool((within & breaks).any())
    return True


def _behind(bits: Bits, before: bool) -> Bits:
    """The places behind those of some bits."""
    behind = bits << ONE
    behind[1:] |= bits[:-1] >> LAST
    behind[0] |= np.uint64(before)
    return behind
