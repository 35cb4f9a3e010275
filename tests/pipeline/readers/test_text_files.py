"""Text that is not as it should be: one line costs that line, a wrong encoding names the one that fits."""

import gzip
import io
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.landing import land_table
from pipeline.landing.readers.texts import quotes, text
from pipeline.landing.readers.texts.quotes import Way, way_to_read
from tests.pipeline.readers.test_readers import read, said
from tests.support.builds.loads import day

CSV = {"format": "csv"}
JSONL = {"format": "jsonl"}
FIXED = {"format": "fixed_width", "columns": {"a": (0, 2), "b": (2, 4)}}
BLANKS = {"format": "whitespace"}
LONG = text.LONGEST + 1
NAMES = [f"{number},{'Jürgen Groß' if number % 20 == 0 else 'Ana'}" for number in range(2000)]


@pytest.fixture
def file(tmp_path):
    def make(content: bytes, name: str = "sales.txt"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return make


# One line


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (b"c\0", "character 2 is NUL"),
        (b"c\xfc", "character 2 is byte 0xfc, which is not utf-8"),
        (b"c\xed\xa0\x80", "character 2 is byte 0xed, which is not utf-8"),
        (b"\xc3", "character 1 is byte 0xc3, which is not utf-8"),
    ],
)
@pytest.mark.parametrize(
    ("table", "head", "line"),
    [
        (CSV, b"a,b\n", b"%s,dd\n"),
        (CSV, b"a,b\n", b'"%s","d"\n'),
        (CSV, b"a,b\n", b'%s,"d\ne"\n'),
        (JSONL, b"", b'{"a": "%s", "b": "dd"}\n'),
        (FIXED, b"", b"%sdddd\n"),
        (BLANKS, b"a b\n", b"%s dd\n"),
    ],
)
def test_a_line_that_is_not_text_costs_only_itself(file, table, head, line, bad, error):
    content = head + line % "Zoë".encode() + line % bad + line % b"ab"
    rows, rejects = read([file(content)], **table)
    assert len(rows) == 2
    (reject,) = rejects
    bytes_before = (line % bad).index(bad)
    number = int(error.split()[1]) + bytes_before
    assert reject["error"] == f"character {number} {error.split(' ', 2)[2]}"
    assert reject["line"] == 1 + head.count(b"\n") + line.count(b"\n")
    assert "\0" not in reject["content"]


@pytest.mark.parametrize(
    ("table", "line"), [(CSV, b'1,"%s"\n'), (CSV, b"1,%s\n"), (JSONL, b'{"a": "%s"}\n'), (FIXED, b"a   %s\n")]
)
def test_a_line_that_is_too_long_costs_itself(file, table, line):
    head = b"a,b\n" if table is CSV else b""
    content = head + line % b"x" + line % (b"y" * LONG) + line % b"z"
    rows, (reject,) = read([file(content)], **table)
    assert len(rows) == 2
    assert reject["error"] in ("the line is longer than 16 MB", "a quote is not closed")
    assert len(reject["content"]) <= text.CONTENT + 1


def test_a_line_over_the_buffer_of_duckdb_is_read_or_counted(file):
    for size in (3 << 20, 33 << 20):
        rows, rejects = read([file(b"a,b\n1,x\n2," + b"y" * size + b"\n3,z\n")])
        assert [row[0] for row in rows] == (["1", "2", "3"] if size < LONG else ["1", "3"])
        assert len(rows) + len(rejects) == 3


def test_a_nul_that_duckdb_would_take_is_found_in_a_large_file(file):
    lines = [b"%d," % number + b"x" * 40 for number in range(100_000)]
    lines[80_000] = b"80000,\0"
    rows, (reject,) = read([file(b"a,b\n" + b"\n".join(lines))])
    assert len(rows) == 99_999
    assert (reject["line"], reject["error"]) == (80_002, "character 7 is NUL")


def test_one_broken_line_does_not_change_how_blanks_around_quotes_are_read(file):
    content = b'a,b\n1, "x, y"\n"2" ,"z" \n 3, u \n'
    whole, _ = read([file(content)])
    assert whole == [("1", "x, y"), ("2", "z"), (" 3", " u ")]
    assert read([file(content + b"4\n")])[0] == whole


def test_a_header_with_an_open_quote_is_named(file):
    assert "the header" in said([file(b'"a,b\n1,2\n')])


# Encodings


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_wrong_encoding_names_the_one_that_fits(file, encoding, form):
    lines = ["id,name", *NAMES] if form == "csv" else [f'{{"a": "{name}"}}' for name in NAMES]
    content = "\n".join(lines).encode(encoding)
    message = said([file(content)], format=form)
    for word in (
        "is not utf-8",
        "lines cannot be read, the first in line",
        f"{encoding} fits",
        "`encoding`",
        "'purchases'",
    ):
        assert word in message
    assert len(read([file(content)], format=form, encoding=encoding)[0]) == len(NAMES)


def test_a_wrong_encoding_is_named_far_into_a_large_file(file):
    content = b"id,name\n" + b"1,Ana\n" * 400_000 + "2,Jürgen\n".encode("cp1252") * 2000
    message = said([file(content)])
    assert "2,000 of its 402,001 lines cannot be read, the first in line 400002: character 4 is byte 0xfc" in message


def test_names_in_another_encoding_are_named(file):
    message = said([file("größe,b\n1,2\n3,4\n5,6\n".encode("cp1252"))])
    for word in ("its header, line 1", "0xf6", "cp1252 fits"):
        assert word in message


def test_lines_of_two_encodings_are_no_wrong_encoding(file):
    content = b"a,b\n" + "1,Zoë\n".encode() * 200 + "2,Müller\n".encode("cp1252") * 20
    rows, rejects = read([file(content)])
    assert (len(rows), len(rejects)) == (200, 20)
    assert rejects[0]["content"] == "2,M\\xfcller"


def test_a_byte_that_the_declared_encoding_lacks_costs_its_line(file):
    rows, (reject,) = read([file(b"a,b\n1,\xe9\n2,\x81\n3,x\n")], encoding="cp1252")
    assert rows == [("1", "é"), ("3", "x")]
    assert reject["error"] == "character 3 is byte 0x81, which is not cp1252"


def test_a_declared_encoding_says_which_of_two_byte_order_marks_it_is(file):
    """The mark of UTF-32 is the one of UTF-16 and a NUL."""
    text = "\0,1\n" + "2,3\n" * 20
    rows, rejects = read([file(text.encode("utf-16"))], encoding="utf-16", header=False, columns=["a", "b"])
    assert (len(rows), len(rejects)) == (20, 1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "whitespace"])
def test_a_byte_order_mark_says_the_encoding(file, encoding, form):
    line = '{"ä": "ü"}' if form == "jsonl" else "ä\nü\n"
    assert read([file(line.encode(encoding))], format=form)[0] == [("ü",)]


def test_utf16_without_its_mark_is_named(file):
    assert "utf-8 fits" in said([file("a,b\n1,ü\n".encode())], encoding="utf-16")


def test_another_format_is_named(file):
    assert "is not text but a ZIP archive or Excel workbook" in said([file(b"PK\x03\x04" + b"\0" * 50)])


# Line ends


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_json_lines_may_end_in_carriage_returns_alone(file, mark):
    rows, rejects = read([file(mark + b'{"a":"x\\ry"}\r{"a":2}\r\r{"a":\r{"a":4}')], **JSONL)
    assert rows == [("x\ry",), ("2",), ("4",)]
    assert [reject["line"] for reject in rejects] == [4]


def test_a_carriage_return_between_the_parts_of_an_object_is_white_space(file):
    assert read([file(b'{"a":\r1,\r"b":2}')], **JSONL) == ([("1", "2")], [])


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "mixed"])
@pytest.mark.parametrize("last", ["", "end"])
def test_line_ends(file, ends, last):
    some = {"mixed": ["\n", "\r\n", "\r", "\n\n"]}.get(ends, [ends])
    lines = [f"{number},x" for number in range(9)]
    content = "a,b" + "".join(some[n % len(some)] + line for n, line in enumerate(lines)) + (some[0] if last else "")
    rows, rejects = read([file(content.encode())])
    assert rows == [(str(number), "x") for number in range(9)]
    assert rejects == []


def test_a_header_alone_has_no_rows_and_an_empty_file_no_header(file):
    assert read([file(b"a,b")]) == ([], [])
    assert "no header in line 1" in said([file(b"")])


# gzip


@pytest.mark.parametrize(("table", "content"), [(CSV, b"a\nx\n"), (JSONL, b'{"a":"x"}\n'), (FIXED, b"abcd\n")])
def test_gzip_may_have_members_and_no_suffix(file, table, content):
    packed = gzip.compress(content[:3]) + gzip.compress(content[3:])
    assert len(read([file(packed, "sales.gz")], **table)[0]) == 1
    assert len(read([file(packed)], **table)[0]) == 1


@pytest.mark.parametrize("table", [CSV, JSONL, FIXED])
def test_broken_gzip_is_named(file, table):
    whole = gzip.compress(b"".join(b"%d,x\n" % number for number in range(9000)))
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for content in (whole[:-4], whole[:7], bytes(flipped), whole + b"more", b"a,b\n1,2\n"):
        message = said([file(content, "sales.gz")], **table)
        assert "is not a whole gzip file" in message
        assert "Copy it again" in message


def test_a_gzip_bomb_is_refused(file, monkeypatch):
    monkeypatch.setattr(text, "GZIP_BYTES", 8 << 20)
    message = said([file(gzip.compress(b"a,b\n" + b"1,2\n" * (4 << 20)), "sales.gz")])
    for word in ("holds more than", "8 MB", "100 times its size", "unpack it"):
        assert word in message


# Line breaks within quotes


def test_rows_in_a_quoted_value_are_no_rows(file, tmp_path, define_source, make_settings):
    lines = "\n".join(f"{number},2024-01-0{number % 9 + 1},line of a note" for number in range(40))
    content = b"id,at,note\n" + b"".join(b'%d,2024-01-01,"%s"\n' % (n, lines[n % 90 :].encode()) for n in range(22_000))
    path = file(content)
    tables = {"sales": {"file": path.name, "format": "csv", "load": "snapshot", "key": "position"}}
    define_source("shop", location=str(tmp_path), tables=tables, schedule="0 0 * * *")
    receipt = land_table(make_settings(CRM_SOURCES="shop"), "shop", "sales", interval_end=day(2))
    assert (receipt["received"], receipt["unreadable"]) == (22_000, 0)


def slow_way(content: str, delimiter: str) -> Way:
    """The same as `way_to_read`, letter by letter."""
    place, breaks = "begin", False
    for letter in content:
        if place == "within":
            place = "behind" if letter == '"' else place
            breaks = breaks or letter in "\r\n"
        elif letter == '"':
            if place not in ("begin", "blank", "behind"):
                return Way.BY_RECORD
            place = "within"
        else:
            is_blank = letter == " " and place == "begin"
            place = "begin" if letter in delimiter + "\r\n" else "blank" if is_blank else "value"
    if place == "within":
        return Way.BY_RECORD
    return Way.IN_ONE_GO if breaks else Way.IN_PARTS


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('"",;\n\r x'), min_size=1, max_size=300), st.sampled_from([64, 128]))
def test_quotes_are_followed_over_all_chunks(tmp_path_factory, content, chunk):
    path = tmp_path_factory.mktemp("quotes") / "x.csv"
    path.write_text(content, newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quotes, "CHUNK", chunk)
        is_long = any(not set("\r\n") & set(content[n : n + chunk]) for n in range(0, len(content) - chunk + 1, chunk))
        assert way_to_read(path, ",", 0) == (Way.BY_RECORD if is_long else slow_way(content, ","))


# A large file


@pytest.mark.slow
def test_200_mb_of_mixed_damage_are_all_accounted_for(tmp_path, define_source, make_settings):
    random = Random(1)
    sound = [b'%d,2024-01-02,"note, ""%d"" Zo\xc3\xab%s"\n' % (n, n, b" and so on" * (n % 20)) for n in range(8000)]
    sound += [b'%d,2024-01-02,"two\n5,2024-01-03,lines"\r\n' % n for n in range(400)]
    broken = [b"7,2024-01-02,a\0b\n", b"7,2024-01-02,M\xfcller\n", b"7\n", b"7,8,9,10\n", b'7,8,"open\n"8,8,8\n']
    lines = [*sound, b"\n", b"\r\n", *broken]
    random.shuffle(lines)
    block = b"".join(lines)
    times = (200 << 20) // len(block)
    output = io.BytesIO(b"id,at,note\n" + block * times + b"9,9," + b"x" * (33 << 20) + b"\n" + block)
    (tmp_path / "sales.csv").write_bytes(output.getvalue())
    tables = {"sales": {"file": "sales.csv", "format": "csv", "load": "snapshot", "key": "position"}}
    define_source("shop", location=str(tmp_path), tables=tables, schedule="0 0 * * *")
    receipt = land_table(make_settings(CRM_SOURCES="shop"), "shop", "sales", interval_end=day(2))
    unreadable = (times + 1) * (len(broken) + 1) + 1  # of the last broken one both lines are
    assert (receipt["received"], receipt["unreadable"]) == ((times + 1) * len(sound) + unreadable, unreadable)
