"""The encoding of a text of which nothing says it: the one in which it has words."""

import re

from pipeline.landing.readers.texts.encodings import fitting_encodings, is_text, likely_encoding
from pipeline.onboarding.draft.words import ideas, words_of

SAMPLE = 1 << 18
# Encodings of several bytes a letter, and of one; the first of equals is taken.
WIDE = ("gb18030", "cp932", "big5", "euc_kr", "euc_jp")
NARROW = ("cp1252", "cp1250", "cp1251")
RUNS = re.compile(rb"[\x80-\xff]{2,}")
HIGH = re.compile(rb"[\x80-\xff]")
FEW = 0.5
FEW_LETTERS = 50  # so few letters beyond ASCII say nothing
NOT_A_WORD = re.compile(r"[,;|\"\s_]+")


def encoding_by_words(content: bytes) -> str:
    """Return the encoding of a text: of its byte order mark, UTF-8, or the one in which its first lines have words.

    Where the names of the columns are plain ASCII, the letters of the values decide.
    """
    usual = likely_encoding(content)
    if usual.startswith("utf"):
        return usual
    sample = content[:SAMPLE]
    sample = sample[: sample.rfind(b"\n") + 1] or sample
    fitting = [name for name in (*WIDE, *NARROW) if is_text(content if name in WIDE else sample, name)]
    known = {name: _known_words(sample, name) for name in fitting}
    best = max(known.values(), default=0)
    if best:
        return next(name for name in fitting if known[name] == best)
    is_wide = sum(map(len, RUNS.findall(sample))) > FEW * len(HIGH.findall(sample))
    if not is_wide and len(HIGH.findall(sample)) < FEW_LETTERS:
        return usual
    guessed = [name for name in fitting_encodings(sample, "utf-8") if name in (*WIDE, *NARROW)]
    guessed = [name for name in guessed if (name in WIDE) == is_wide and name in fitting]
    return next(iter(guessed), usual)


def _known_words(sample: bytes, encoding: str) -> int:
    """How many words with letters beyond ASCII in the first lines are known."""
    known = set(ideas().values())
    lines = sample.split(b"\n")[:5]
    words = NOT_A_WORD.split(b"\n".join(lines).decode(encoding, "ignore"))
    return sum(not word.isascii() and any(idea in known for idea in words_of(word)) for word in words)
