"""Text files: the encoding is checked, and lines that no reader can parse are found, before anything is parsed."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from pipeline.base.errors import UserError
from pipeline.landing.readers.base import Request, Session
from pipeline.landing.readers.rejects import Rejects
from pipeline.landing.readers.texts.encodings import FIRST_MARK, MARK_BYTES, UTF8, encoding_of, fitting_encodings
from pipeline.landing.readers.texts.records import LONGEST

CHUNK = 1 << 20
BLOCK = 16 << 20
CONTENT = 65_536  # so many characters of what cannot be read are kept
GZIP = b"\x1f\x8b"
# A gzip file may hold this much, and more only up to this many times its own size.
GZIP_BYTES = 256 << 20
GZIP_TIMES = 100
NO_TEXT = {b"PK\x03\x04": "a ZIP archive or Excel workbook", b"PAR1": "a Parquet file", b"SQLite": "an SQLite database"}
# The encoding is wrong, not a line, where more lines than this cannot be read, and this share.
FEW_LINES = 10
FEW = 0.001
SAMPLE = 100_000
CUT = "\udfff"  # ends a line that was cut at LONGEST
WIDE = ("utf-16", "utf-32")
NOT_TEXT = re.compile("[\0\udc00-\udcff]")


@dataclass(frozen=True)
class Text:
    """A file as UTF-8.

    Attributes
    ----------
    path
        The file itself where it is UTF-8, else a copy.
    encoding
        What it was read as.
    errors
        How bytes that could not be read are marked in it.
    is_plain
        Whether there are no such bytes, no NUL, and no line that may be too long.
    """

    path: Path
    encoding: str
    errors: str
    is_plain: bool

    def bytes_of(self, line: str) -> bytes:
        """The bytes that a line was read from; none where they do not say it by themselves."""
        return b"" if self.encoding.startswith(WIDE) else line.encode(self.encoding, MARK_BYTES)

    def blocks(self, newline: str | None) -> Iterator[list[str]]:
        """Lines, some at a time; `newline` as in open()."""
        with self.path.open(encoding="utf-8", errors=self.errors, newline=newline) as handle:
            while lines := handle.readlines(BLOCK) if self.is_plain else _bounded(handle):
                yield lines

    def lines(self) -> Iterator[str]:
        """Lines with their ends as they are."""
        for block in self.blocks(newline=""):
            yield from block

    def fault(self, line: str) -> str | None:
        """Say why a line or record cannot be read; None for a sound one."""
        try:  # a tenth of the time of a search
            is_text = "\0" not in line and bool(line.encode())
        except UnicodeEncodeError:
            is_text = False
        if is_text or not line:
            return None
        if CUT in line:
            return f"the line is longer than {LONGEST // 1_000_000} MB"
        found = NOT_TEXT.search(line)
        assert found is not None
        if found[0] == "\0":
            return f"character {found.start() + 1} is NUL"
        return f"character {found.start() + 1} is byte 0x{ord(found[0]) - FIRST_MARK:02x}, which is not {self.encoding}"


def set_aside(rejects: Rejects, path: Path, line: int, error: str, content: str) -> None:
    """Add a line that cannot be read to the rejects of its file."""
    kept = NOT_TEXT.sub(lambda found: f"\\x{ord(found[0]) % FIRST_MARK:02x}", content[: CONTENT + 2].rstrip("\r\n"))
    if len(content) > CONTENT:
        kept = f"{kept[:CONTENT]}…"
    rejects.add(path.name, line, error, kept)


def utf8_file(path: Path, session: Session, request: Request, rejects: Rejects, newline: str | None = None) -> Path:
    """Return a UTF-8 file without byte order mark: `path` itself when it is one, else a copy in the scratch folder.

    A line that cannot be read is set aside, and blank in the copy; `newline` says where lines end, as in open().

    Raises
    ------
    UserError
        See `open_text`.
    """
    text = open_text(path, session, request)
    if text.is_plain:
        return text.path
    target = session.new_file(".txt")
    number = 0
    with target.open("w", encoding="utf-8", newline="") as output:
        for block in text.blocks(newline):
            for line in block:
                number += 1
                if error := text.fault(line):
                    set_aside(rejects, path, number, error, line)
                output.write("\n" if error else line)
    return target


def line_blocks(text: Path, skip: int = 0, newline: str | None = None) -> Iterator[list[tuple[int, str]]]:
    """Numbered lines of a file that `utf8_file` gave, from behind the first `skip` on, some at a time."""
    first = 1
    for block in Text(text, "utf-8", "strict", is_plain=True).blocks(newline):
        yield list(enumerate(block, first))[max(0, skip + 1 - first) :]
        first += len(block)


def open_text(path: Path, session: Session, request: Request) -> Text:
    """Open a file as UTF-8. A byte order mark goes before the declared encoding.

    Raises
    ------
    UserError
        The encoding is wrong: many lines cannot be read. Or it is not text, or a gzip file is broken or too large.
    """
    packed, path = path, _decompressed(path, session, request)
    if request.table.format == "jsonl":
        path = _with_line_feeds(path, session)
    with path.open("rb") as handle:
        first = handle.read(SAMPLE)
    if kind := next((kind for magic, kind in NO_TEXT.items() if first.startswith(magic)), None):
        raise UserError(f"{request.label}: {packed} is not text but {kind}. Correct `format` of {request.definition}.")
    encoding = encoding_of(first, request.table.encoding)
    ends = "\n" if request.table.format == "jsonl" else "\r\n"
    if encoding in UTF8:
        text = Text(path, "utf-8", MARK_BYTES, _is_plain(path, ends))
    else:
        target = session.new_file(".txt")
        try:
            is_plain = _transcode(path, target, encoding, ends)
        except UnicodeError as error:  # no byte order mark where there must be one
            raise wrong_encoding(packed, encoding, str(error), first, request) from error
        text = Text(target, encoding.removesuffix("-sig"), "surrogatepass", is_plain)
    if not text.is_plain:
        _check_encoding(packed, text, request)
    return text


def text_as_it_stands(path: Path, request: Request) -> Text | None:
    """A file that is UTF-8, as far as its first bytes say, without looking further; None for another."""
    with path.open("rb") as handle:
        first = handle.read(8)
    is_other = first.startswith((GZIP, *NO_TEXT)) or path.suffix == ".gz"
    if is_other or encoding_of(first, request.table.encoding) not in UTF8:
        return None
    return Text(path, "utf-8", MARK_BYTES, is_plain=True)


def wrong_encoding(path: Path, encoding: str, what: str, sample: bytes, request: Request) -> UserError:
    """Say that a file is in another encoding, and which one fits a sample of what could not be read."""
    fitting = fitting_encodings(sample, encoding)
    advice = (
        f"{' or '.join(fitting)} fits: set it as `encoding` for {request.definition}, and look whether the letters are "
        "right."
        if fitting
        else f"No usual encoding fits: ask for the file again, or correct `format` of {request.definition}."
    )
    return UserError(f"{request.label}: {path} is not {encoding}: {what}. {advice}")


def _decompressed(path: Path, session: Session, request: Request) -> Path:
    """Return the text of a gzip file as a file of the scratch folder; another path as it is."""
    with path.open("rb") as handle:
        is_packed = handle.read(len(GZIP)) == GZIP
    if not is_packed and path.suffix != ".gz":
        return path
    target = session.new_file(".txt")
    limit = max(GZIP_BYTES, GZIP_TIMES * path.stat().st_size)
    size = 0
    try:
        with gzip.open(path) as compressed, target.open("wb") as output:
            while chunk := compressed.read(CHUNK):
                size += output.write(chunk)
                if size > limit:
                    raise UserError(
                        f"{request.label}: {path} is {path.stat().st_size:,} bytes and holds more than {limit:,}. A "
                        f"gzip file may hold {GZIP_BYTES >> 20} MB, and more only up to {GZIP_TIMES} times its size. "
                        "If the file is right, unpack it."
                    )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(
            f"{request.label}: {path} is not a whole gzip file ({error}). Copy it again; if it is not compressed, "
            "take .gz off its name."
        ) from error
    return target


def _with_line_feeds(path: Path, session: Session) -> Path:
    """Return JSON lines that end in carriage returns alone as a copy with line feeds; another file as it is.

    A carriage return cannot stand within a string of JSON, and between its parts it is white space: where the first
    line is not an object by itself, one object may run over the whole file.
    """
    with path.open("rb") as handle:
        first, is_ended, _ = handle.read(LONGEST).partition(b"\r")
        is_object = first.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{") and first.rstrip().endswith(b"}")
        handle.seek(0)
        if not is_ended or not is_object or any(b"\n" in chunk for chunk in iter(partial(handle.read, CHUNK), b"")):
            return path
        target = session.new_file(".txt")
        handle.seek(0)
        with target.open("wb") as output:
            for chunk in iter(partial(handle.read, CHUNK), b""):
                output.write(chunk.replace(b"\r", b"\n"))
    return target


def _is_plain(path: Path, ends: str) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError:
                return False
            if b"\0" in chunk or _may_be_too_long(chunk, text, ends):
                return False
    return not decoder.getstate()[0]


def _may_be_too_long(chunk: bytes, text: str, ends: str) -> bool:
    """Whether a chunk may lie in a line that is too long: it is whole, and no line ends in it."""
    return len(chunk) == CHUNK and not any(end in text for end in ends)


def _transcode(path: Path, target: Path, encoding: str, ends: str) -> bool:
    """Write a file as UTF-8; return whether it is plain."""
    decoder = codecs.getincrementaldecoder(encoding)(MARK_BYTES)
    is_plain = True
    with path.open("rb") as handle, target.open("wb") as output:
        chunk = b" "
        while chunk:
            chunk = handle.read(CHUNK)
            text = decoder.decode(chunk, final=not chunk)
            try:
                written = text.encode()
            except UnicodeEncodeError:  # marks of bytes
                written, is_plain = text.encode(errors="surrogatepass"), False
            output.write(written)
            is_plain = is_plain and b"\0" not in written and not _may_be_too_long(chunk, text, ends)
    return is_plain


def _bounded(handle: IO[str]) -> list[str]:
    """Some lines; one that is too long ends in CUT."""
    lines: list[str] = []
    size = 0
    while size < BLOCK and (line := handle.readline(LONGEST)):
        if len(line) == LONGEST or (len(line) > LONGEST // 4 and len(line.encode(errors="surrogatepass")) > LONGEST):
            is_whole = line.endswith(("\n", "\r"))
            while not is_whole and (rest := handle.readline(LONGEST)):
                is_whole = rest.endswith(("\n", "\r"))
            line = line[: CONTENT + 1] + CUT
        size += len(line)
        lines.append(line)
    return lines


def _check_encoding(path: Path, text: Text, request: Request) -> None:
    """Raise where so much cannot be read that the encoding is wrong, not a line."""
    table = request.table
    lines = unreadable = beyond_ascii = 0
    first, sample = "", b""
    for block in text.blocks("\n"):
        for number, line in enumerate(block, lines + 1):
            error = text.fault(line)
            if error is None or CUT in line:
                beyond_ascii += not line.isascii()
                continue
            unreadable += 1
            first = first or f"line {number}: {error}"
            if len(sample) < SAMPLE:
                sample += text.bytes_of(line[:SAMPLE])
        lines += len(block)
    rows = lines - table.skip_rows - (table.header and table.format in ("csv", "whitespace"))
    is_most = unreadable > rows / 2
    is_much = unreadable > max(FEW_LINES, FEW * rows, beyond_ascii)
    is_other = (is_most or is_much) and fitting_encodings(sample, text.encoding)
    if is_other or (is_most and unreadable > FEW_LINES):
        what = f"{unreadable:,} of its {lines:,} lines cannot be read, the first in {first}"
        raise wrong_encoding(path, text.encoding, what, sample, request)
