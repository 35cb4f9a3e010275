"""Every damage of a yml: one sentence with file and line where its source is active, a warning where it is not."""

from itertools import pairwise

import pytest

from pipeline.base.yaml_file import MOST_BYTES, read_yaml
from pipeline.sources.definitions import active_sources, broken_inactive, load_source
from tests.support.builds.loads import said

NINE = [(name, ", ".join([f"*{before}"] * 9)) for before, name in pairwise("abcdefg")]
NESTED = "".join(f"{name}: &{name} [{nine}]\n" for name, nine in NINE)
MERGED = "".join(f"{name}: &{name}\n  <<: [{nine}]\n" for name, nine in NINE)

# What stands in the file, the line that is named, what is said of it.
DAMAGES = {
    "30 February": (
        b"description: x\nfirst_interval_start: 2024-02-30\n",
        2,
        "'first_interval_start': '2024-02-30' is no",
    ),
    "a time of the 25th hour": (b"a: 2024-01-01 25:00:00\n", 1, "'a': '2024-01-01 25:00:00' is no date or time"),
    "an offset of 99 hours": (b"a: 2024-01-01 00:00:00 +99:00\n", 1, "is no date or time"),
    "a number of 5000 digits": (b"a: " + b"9" * 5000, 1, "is no number that can be read"),
    "a tag that does not fit": (b"a: !!bool maybe\n", 1, "'maybe' is no bool"),
    "a tag of Python": (b"a: 1\nb: !!python/object:os.system x\n", 2, "'b': a tag"),
    "tabs": (b"tables:\n\tsales: {}\n", 2, "indent with blanks"),
    "a key twice": (b"tables:\n  sales: {}\n  sales: {}\n", 3, "'sales' is there twice, first in line 2"),
    "a key that is a list": (b"? [a]\n: 1\n", 1, "a key is a list"),
    "a list": (b"- a\n- b\n", None, "is a list"),
    "words": (b"just words", None, "is a single value"),
    "nothing": (b"", None, "is empty"),
    "a comment": (b"# later\n", None, "is empty"),
    "two documents": (b"a: 1\n---\nb: 2\n", 2, "a second document"),
    "cut off": (b"tables: {sales: {file: 'sal", 1, "unexpected end"),
    "a bracket without end": (b"tables: [", 1, "expected the node content"),
    "binary": (b"a: 1\n\x00\xff\xfe\x80", 2, "not UTF-8"),
    "a NUL": (b"a: 1\nb: \x00\n", 2, "U+0000"),
    "UTF-16": ("a: 1\n".encode("utf-16"), 1, "not UTF-8"),
    "Latin-1": ("a: 1\nb: Köln\n".encode("latin-1"), 2, "not UTF-8"),
    "an unknown alias": (b"a: *b\n", 1, "undefined alias 'b'"),
    "an alias of itself": (b"a: &a [*a]\n", 1, "what it is a part of"),
    "an alias bomb": (f"a: &a [{', '.join('x' * 9)}]\n{NESTED}".encode(), 6, "more than 100,000 values"),
    "a bomb of merged keys": (f"a: &a {{k: v}}\n{MERGED}".encode(), None, "more than 100,000 values"),
    "too deep": (b"a: " + b"[" * 40 + b"]" * 40, 1, "deeper than 20 levels"),
    "much too deep": ("".join(f"{' ' * level}a:\n" for level in range(400)).encode(), None, "deeper than 20 levels"),
    "too large": (b"a: 1\n" * (MOST_BYTES // 5 + 1), None, "more than 250,000 bytes"),
}
every_damage = pytest.mark.parametrize(("content", "line", "words"), DAMAGES.values(), ids=DAMAGES)


@every_damage
def test_a_broken_yml_of_an_active_source_is_named(define_source, tmp_path, content, line, words):
    define_source("shop")
    (tmp_path / "dags" / "sources" / "shop.yml").write_bytes(content)
    message = said(load_source, "shop")
    assert "dags/sources/shop.yml" in message and words in message
    assert line is None or f"line {line}" in message
    assert "\n" not in message and message.endswith((".", "UTF-8."))


@every_damage
def test_it_is_a_warning_of_a_source_that_is_not_active(define_source, make_settings, tmp_path, content, line, words):
    define_source("desk")
    define_source("shop")
    (tmp_path / "dags" / "sources" / "shop.yml").write_bytes(content)
    settings = make_settings(CRM_SOURCES="desk")
    assert [source.name for source in active_sources(settings)] == ["desk"]
    (warning,) = broken_inactive(settings)
    assert warning.startswith("Source 'shop' is not active, and could not be: ") and words in warning


def test_what_is_plain_yaml_is_read(tmp_path):
    path = tmp_path / "plain.yml"
    path.write_bytes(b"\xef\xbb\xbfa: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: 2024-02-29\n")
    file = read_yaml(path)
    assert file.content["b"] == {"x": 1, "y": 3}
    assert [file.line_of(keys) for keys in (["a"], ["b", "y"], ["c"])] == [1, 4, 5]


def test_a_character_of_a_value_has_its_column(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("a: {b: plain, c: 'it''s x', d: \"say \\\"x\"}\ne: >-\n  folded x\nf:\n  - g\n", encoding="utf-8")
    file = read_yaml(path)
    assert file.content["a"] == {"b": "plain", "c": "it's x", "d": 'say "x'}
    line = path.read_text(encoding="utf-8").splitlines()[0]
    assert file.column_of(["a", "b"]) == line.index("plain") + 1
    assert file.column_of(["a", "b"], 5) == line.index("n, c") + 1
    assert file.column_of(["a", "c"], 6) == line.index("x'") + 1
    assert file.column_of(["a", "d"], 6) == line.rindex("x") + 1
    assert file.column_of(["e"], 8) is None
    assert file.column_of(["f", 0]) == 5
