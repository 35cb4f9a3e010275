"""Text files: check the encoding before anything is parsed."""

import codecs
import gzip
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UserError
from pipeline.landing.readers.base import Request, Session

CHUNK = 1 << 20
UTF8 = ("utf-8", "ascii")


def utf8_file(path: Path, session: Session, request: Request) -> Path:
    """Return a UTF-8 file without byte order mark: `path` itself when it is one, else a copy in the scratch folder.

    Raises
    ------
    UserError
        Bytes do not fit the declared encoding; the message names the byte and the line. Or a gzip file is broken.
    """
    path = _decompressed(path, session, request)
    encoding = codecs.lookup(request.table.encoding).name
    with path.open("rb") as handle:
        has_mark = handle.read(3) == codecs.BOM_UTF8
    if encoding in UTF8 and not has_mark:
        for _ in _decoded(path, request, "utf-8"):
            pass
        return path
    target = session.new_file(f"-{path.name}")
    with target.open("w", encoding="utf-8", newline="") as output:
        output.writelines(_decoded(path, request, "utf-8-sig" if encoding in UTF8 else encoding))
    return target


def _decompressed(path: Path, session: Session, request: Request) -> Path:
    """Return the text of a `.gz` file as a file of the scratch folder; another path as it is."""
    if path.suffix != ".gz":
        return path
    target = session.new_file(f"-{path.stem}")
    try:
        with gzip.open(path) as compressed, target.open("wb") as output:
            shutil.copyfileobj(compressed, output, CHUNK)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(
            f"{request.label}: {path} is not a whole gzip file ({error}). Copy it again; if it is not compressed, "
            "take .gz off its name."
        ) from error
    return target


def _decoded(path: Path, request: Request, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    offset = 0
    lines = 1
    with path.open("rb") as handle:
        while True:
            chunk = handle.read(CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                byte = offset - pending + error.start + 1
                line = lines + error.object[: error.start].count(b"\n")
                raise UserError(
                    f"{request.label}: {path} is not {request.table.encoding}: byte {byte} (line {line}) is "
                    f"0x{error.object[error.start]:02x}. "
                    f"Set `encoding:` for {request.definition}, for example cp1252, latin-1 or utf-16."
                ) from error
            if "\0" in text:
                line = lines + text[: text.index("\0")].count("\n")
                raise UserError(
                    f"{request.label}: {path} has a NUL character in line {line}, so it is not text in "
                    f"{request.table.encoding}. Set `encoding:` for {request.definition}, for example utf-16-le."
                )
            yield text
            offset += len(chunk)
            lines += text.count("\n")
            if not chunk:
                return
