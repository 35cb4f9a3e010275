"""A guard stands at each place where a formula could begin, nowhere else, and can be left out again."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outputs.lists.files.formulas import BEGINNINGS, SIGNS, guarded, printable

SIGN = ("=", "+", "-", "@")
FOLDED = [char for code in range(sys.maxunicode + 1) if unicodedata.normalize("NFKC", char := chr(code))[0] in SIGN]
INVISIBLE = [
    char
    for char in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(char) in {"Cf", "Zs", "Mn", "Me"} or char in "\u115f\u1160\u3164\uffa0\u2800"
]
hostile = st.text(st.sampled_from("=+-@\uff1d;,|\n'\"x7. \u200b") | st.characters(codec="utf-8"), max_size=12)


def test_every_character_that_is_folded_to_a_sign_is_guarded():
    assert len(FOLDED) > 15
    assert [char for char in FOLDED if guarded(f"{char}1+1") != f"'{char}1+1"] == []


def test_invisible_characters_before_a_sign_are_skipped():
    assert len(INVISIBLE) > 1000
    assert [char for char in INVISIBLE if guarded(f"{char}=1") != f"{char}'=1"] == []
    assert [char for char in INVISIBLE if guarded(f"x;{char}=1") != f"x;{char}'=1"] == []


@pytest.mark.parametrize(
    "text",
    [
        *("+jo@mail.example.org", "-jo.tan+news@mail-er.example.co", "-007", "+6591234567", "0042; -007", "-7; +8"),
        *("Tan", "Mei-Ling Tan", "Tan -Lim", "c/- Tan", "7 + 8", "a=b", 'Via Roma 1, "Casa"', "Unit 5, 7", "", " "),
        *("St.-Anna-Str. 5", "jo@mail.example", "Tan & Co.", "3-4", "O'Neil"),
    ],
)
def test_text_that_begins_no_formula_is_unchanged(text):
    assert guarded(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-1+2", "'-1+2"),
        ("-A1", "'-A1"),
        ("-7 8", "'-7 8"),
        ("+5+@mail.example", "'+5+@mail.example"),
        ("+jo@mail.example.org, =1", "'+jo@mail.example.org, '=1"),
        ("=jo@mail.example.org", "'=jo@mail.example.org"),
        ("x;=1", "x;'=1"),
        ("x; ;=1", "x; ;'=1"),
        ('x;"=1', "x;'\"=1"),
        ('x; "y', "x; '\"y"),
        ("x,=1|-A1\n@y", "x,'=1|'-A1\n'@y"),
        ('"=1', "\"'=1"),
        ("x;", "x;'"),
        ("'=1", "''=1"),
        ("==", "'=="),
        ("=-@+1", "'=-@+1"),
    ],
)
def test_text_that_could_begin_a_formula_is_guarded(text, expected):
    assert guarded(text) == expected


@given(hostile)
def test_removing_the_guards_restores_the_text(text):
    assert BEGINNINGS.sub(lambda found: found[0].removesuffix("'"), guarded(text)) == text


@given(hostile)
def test_a_guarded_text_has_nothing_more_than_guards(text):
    assert guarded(text).replace("'", "") == text.replace("'", "")


@given(st.text())
def test_every_program_reads_the_same_printable_text(text):
    shown = printable(text)
    assert shown == printable(shown)
    assert shown.splitlines() == shown.removesuffix("\n").split("\n") or not shown
    assert [char for char in shown if unicodedata.category(char) == "Cc" and char != "\n"] == []


def test_a_long_text_is_guarded_in_a_moment():
    for piece in (";", "'", ";'", "\n ", "+a", ";+a.b", "+a@a.", "-", " ", "+a.a@", ';"', SIGNS):
        text = piece * (200_000 // len(piece))
        assert len(guarded(text)) >= len(text)
