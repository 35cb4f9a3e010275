"""Text files: check the encoding before anything is parsed."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UserError
from pipeline.landing.readers.base import Request

CHUNK = 1 << 20
AS_IS = ("utf-8", "ascii")


def utf8_file(path: Path, request: Request, scratch: Path) -> Path:
    """Return a UTF-8 file without byte order mark, with one kind of line end and the same text.

    It is `path` itself when it is that already, else a copy in the scratch folder.

    Raises
    ------
    UserError
        Bytes do not fit the declared encoding; the message names the byte and the line.
    """
    encoding = codecs.lookup(request.table.encoding).name
    with path.open("rb") as handle:
        has_mark = handle.read(3) == codecs.BOM_UTF8
    if encoding in AS_IS and not has_mark:
        if not _has_mixed_line_ends(path, request):
            return path
    target = scratch / f"{len(list(scratch.iterdir()))}-{path.name}.utf8"
    with target.open("w", encoding="utf-8", newline="") as output:
        for text in _decoded(path, request, "utf-8-sig" if encoding in AS_IS else encoding):
            output.write(text.replace("\r\n", "\n"))
    return target


def _has_mixed_line_ends(path: Path, request: Request) -> bool:
    ends = set()
    for text in _decoded(path, request, "utf-8"):
        pairs = text.count("\r\n")
        ends.update(
            kind
            for kind, number in (("\r\n", pairs), ("\n", text.count("\n") - pairs), ("\r", text.count("\r") - pairs))
            if number
        )
    return len(ends) > 1


def _decoded(path: Path, request: Request, encoding: str) -> Iterator[str]:
    """Yield a file's text in chunks that never end between \\r and \\n."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset = 0
    lines = 1
    held = ""
    with path.open("rb") as handle:
        while True:
            chunk = handle.read(CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                text = held + decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                byte = offset - pending + error.start
                line = lines + error.object[: error.start].count(b"\n")
                raise UserError(
                    f"{request.label}: {path} is not {request.table.encoding}: byte {byte + 1} (line {line}), value "
                    f"0x{error.object[error.start]:02x}. Set `encoding:` for table '{request.name}' in "
                    f"dags/sources/{request.source.name}.yml, for example cp1252, latin-1 or utf-16."
                ) from error
            if "\0" in text:
                line = lines + text[: text.index("\0")].count("\n")
                raise UserError(
                    f"{request.label}: {path} has NUL bytes (first in line {line}): it is binary or not "
                    f"{request.table.encoding}. Set `encoding:` for table '{request.name}' in "
                    f"dags/sources/{request.source.name}.yml, for example utf-16-le."
                )
            offset += len(chunk)
            lines += chunk.count(b"\n")
            held = "\r" if chunk and text.endswith("\r") else ""
            yield text[: len(text) - len(held)]
            if not chunk:
                return
