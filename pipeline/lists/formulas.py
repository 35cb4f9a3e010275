"""Where a spreadsheet could begin a formula in a CSV file, and the apostrophe that keeps it a text.

A spreadsheet cuts a line at *its* separator, which is a semicolon in half of Europe, and does not see the quotes of a
field that it did not cut out itself. So a formula can begin at the start of a text, and after each separator or line
break inside it. Full-width signs count, too: a spreadsheet in Japanese or Chinese runs them.
"""

import re

# = + - @, what Unicode's compatibility forms (NFKC) fold to them, and what is read as a minus.
SIGNS = (
    r"=+\-@\u207a-\u207c\u208a-\u208c\u2010\u2011\u2212\u2a75\u2a76\ufb29"
    r"\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
)
# Separators of lists in the languages of the world, in compatibility forms, too; and what begins a row.
COMMAS = r",\u060c\ufe10\ufe50\uff0c"
SEPARATORS = r";|\n\u037e\u061b\ufe14\ufe54\uff1b\uff5c"
# Letters to Unicode, nothing to the eye.
FILLERS = r"\u115f\u1160\u3164\uffa0"
# Nobody can send to a changed address, or look up a changed number, and neither is a formula with what may follow it.
EMAIL = r"[+\-]?[A-Za-z0-9]+(?:[._+\-]+[A-Za-z0-9]+)*@(?:[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}"
HARMLESS = rf"(?:{EMAIL}|[+\-][0-9]+)(?:;|\Z)"
BEGINNINGS = re.compile(
    # A quote there would swallow what follows, other rows included; at the end of a text, the closing one.
    rf"""[{SEPARATORS}][^\S\n]*'*(?="|\Z)"""
    rf"|(?:\A|[{SEPARATORS}{COMMAS}])(?:[^\w{SEPARATORS}{COMMAS}]|[{FILLERS}])*?(?=[{SIGNS}])(?!{HARMLESS})"
)
SUSPECT = re.compile(f"[{SIGNS}{SEPARATORS}]")  # without one, which is nearly always, there is no beginning
LINE_BREAK = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
# Control characters, halves of characters, and the two that XML forbids.
UNPRINTABLE = re.compile(r"[\x00-\x09\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """The text as every program can hold it: one kind of line break, a blank for each other control character."""
    return UNPRINTABLE.sub(" ", LINE_BREAK.sub("\n", text))


def guarded(text: str) -> str:
    """Return the text with an apostrophe at each place where a spreadsheet could begin a formula.

    A program gets the text back by leaving out the last apostrophe before each such place.
    """
    return BEGINNINGS.sub(r"\g<0>'", text) if SUSPECT.search(text) else text
