"""Which encoding the bytes of a text are in."""

import codecs
import re

import chardet

UTF8 = ("utf-8", "ascii")
USUAL = ("utf-8", "cp1252", "latin-1")  # the last one decodes everything
# Byte order marks; a UTF-32 mark begins as a UTF-16 mark does.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
CONTROL = re.compile(r"[\0-\x08\x0b\x0e-\x1f\x7f-\x9f]")
# A byte that cannot be decoded becomes the surrogate 0xDC00 + byte, which no text has, until its line is set aside.
MARK_BYTES = "perennial.mark"
FIRST_MARK = 0xDC00


def _mark(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeDecodeError):
        return "".join(chr(FIRST_MARK + byte) for byte in error.object[error.start : error.end]), error.end
    if isinstance(error, UnicodeEncodeError):
        return bytes(ord(mark) - FIRST_MARK for mark in error.object[error.start : error.end]), error.end
    raise error


codecs.register_error(MARK_BYTES, _mark)


def encoding_of(first: bytes, declared: str) -> str:
    """Encoding of a text that begins with these bytes: that of its byte order mark, or else the declared one.

    The UTF-32 mark is also a UTF-16 mark before a NUL: there the declared encoding says which of the two it is.
    """
    name, marked = codecs.lookup(declared).name, _marked(first)
    return next((each for each in marked if name.startswith(each)), marked[0] if marked else name)


def likely_encoding(content: bytes) -> str:
    """Encoding of a text for which none is declared: that of its byte order mark, or else the first usual one."""
    return next(iter(_marked(content)), None) or next(name for name in USUAL if _can_decode(content, name))


def _marked(first: bytes) -> list[str]:
    return [name for mark, name in MARKS.items() if first.startswith(mark)]


def fitting_encodings(sample: bytes, declared: str) -> list[str]:
    """Encodings in which bytes are text, the likeliest first; not the declared one."""
    if not sample:
        return []
    guess = chardet.detect(sample, encoding_era=chardet.EncodingEra.MODERN_WEB)["encoding"] or ""
    names = [guess] if guess.lower().startswith("utf") and is_text(sample, guess) else [guess, "cp1252"]
    fitting = dict.fromkeys(codecs.lookup(name).name for name in names if is_text(sample, name))
    return [name for name in fitting if name != declared]


def _can_decode(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def is_text(sample: bytes, encoding: str) -> bool:
    """Whether bytes are text in an encoding: they can be decoded, and no character is a control."""
    try:
        return not CONTROL.search(sample.decode(encoding))
    except (LookupError, UnicodeError):
        return False
