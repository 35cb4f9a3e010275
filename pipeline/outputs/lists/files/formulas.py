"""Find where a spreadsheet could begin a formula in a CSV file, and put an apostrophe there.

A spreadsheet splits a line at *its* separator, which is a semicolon in half of Europe, and ignores the quotes of a
field that was split elsewhere. A formula can therefore begin at the start of a text, and after each separator or line
break inside it. Full-width signs count too: a spreadsheet in Japanese or Chinese runs them.
"""

import re

# = + - @, characters that Unicode's compatibility forms (NFKC) turn into them, and characters read as a minus.
SIGNS = (
    r"=+\-@\u207a-\u207c\u208a-\u208c\u2010\u2011\u2212\u2a75\u2a76\ufb29"
    r"\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
)
# List separators of all languages, also in compatibility forms, and characters that begin a row.
COMMAS = r",\u060c\ufe10\ufe50\uff0c"
SEPARATORS = r";|\n\u037e\u061b\ufe14\ufe54\uff1b\uff5c"
# Letters by Unicode's rules, but invisible.
FILLERS = r"\u115f\u1160\u3164\uffa0"
# A changed address or number could not be used. Neither is a formula, whatever follows it.
EMAIL = r"[+\-]?[A-Za-z0-9]+(?:[._+\-]+[A-Za-z0-9]+)*@(?:[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}"
HARMLESS = rf"(?:{EMAIL}|[+\-][0-9]+)(?:;|\Z)"
BEGINNINGS = re.compile(
    # A quote there would swallow what follows, even other rows; at the end of a text, the closing quote would.
    rf"""[{SEPARATORS}][^\S\n]*'*(?="|\Z)"""
    # Atomic: after an empty match, re.sub looks for a longer one at the same place.
    rf"|(?>(?:\A|[{SEPARATORS}{COMMAS}])(?:[^\w{SEPARATORS}{COMMAS}]|[{FILLERS}])*?(?=[{SIGNS}])(?!{HARMLESS}))"
)
SUSPECT = re.compile(f"[{SIGNS}{SEPARATORS}]")  # nearly always there is no such character, and nothing to do
LINE_BREAK = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
# Control characters, unpaired surrogates, and the two characters that XML forbids.
UNPRINTABLE = re.compile(r"[\x00-\x09\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Return the text with one kind of line break, and a blank for each other control character."""
    return UNPRINTABLE.sub(" ", LINE_BREAK.sub("\n", text))


def guarded(text: str) -> str:
    """Return the text with an apostrophe at each place where a spreadsheet could begin a formula.

    A program restores the text by removing the last apostrophe before each such place.
    """
    return BEGINNINGS.sub(r"\g<0>'", text) if SUSPECT.search(text) else text
