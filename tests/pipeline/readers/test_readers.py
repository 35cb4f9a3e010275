"""Each kind of file: what is read, in which order, and what is said when it cannot be."""

import csv
import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.errors import UserError
from pipeline.landing import readers
from pipeline.landing.readers import Request
from pipeline.landing.readers.base import with_fallback
from pipeline.landing.readers.texts.records import Broken, records
from pipeline.sources.definitions import load_source


def opened(request: Request):
    """Open a request with temporary files beside what it reads."""
    return readers.opened(request, request.files[0].parent / "home")


def read(files: list[Path], **table):
    """Rows and rejects of a table that is read from files."""
    request = request_of(files, **table)
    found: list = []
    with opened(request) as (connection, rows):
        query = "select * from {}"
        taken = with_fallback(
            rows, lambda readable: found.append(connection.execute(query.format(readable.relation)).fetchall())
        )
        return found[-1], taken.rejects.to_pylist()


def request_of(files: list[Path], **table) -> Request:
    source = load_source("cdnow")
    plain = {"format": "csv", "key": "position", "load": "snapshot"}
    definition = type(source.tables["purchases"]).model_validate({**plain, **table})
    return Request(source, "purchases", definition, files)


def said(files: list[Path], **table) -> str:
    with pytest.raises(UserError) as error:
        read(files, **table)
    return str(error.value)


@pytest.fixture
def file(tmp_path):
    def make(content: bytes | str, name: str = "sales.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


# CSV


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_is_text_as_received(file, end):
    text = end.join(['id,"amount",note', '007, 1.50 ,"a, ""b"""', '8,,""', ""])
    rows, rejects = read([file(text)])
    assert rows == [("007", " 1.50 ", 'a, "b"'), ("8", None, None)]
    assert rejects == []


def test_a_broken_line_costs_that_line_and_no_other(file):
    lines = [f"{number},value {number}" for number in range(5000)]
    lines[10] = '10,"open quote'
    lines[20] = "20"
    lines[30] = "30,too,many"
    lines[40] = '40,"two\nlines"'
    rows, rejects = read([file("id,note\n" + "\n".join(lines) + "\n")])
    assert len(rows) == 4997
    assert ("40", "two\nlines") in rows
    assert [(reject["line"], reject["error"], reject["content"]) for reject in rejects] == [
        (12, "a quote is not closed", '10,"open quote'),
        (22, "2 columns expected, 1 found", "20"),
        (32, "2 columns expected, 3 found", "30,too,many"),
    ]
    assert [row[0] for row in rows][:12] == [str(number) for number in [*range(10), 11, 12]]


def test_mixed_line_ends_are_read(file):
    rows, rejects = read([file("a,b\n1,2\r\n3,4\n5,6\r\n")])
    assert rows == [("1", "2"), ("3", "4"), ("5", "6")]
    assert rejects == []


def test_csv_options(file):
    path = file("report of May\n\na;b\n1;2\n")
    assert read([path], delimiter=";", skip_rows=2)[0] == [("1", "2")]
    assert read([file("1\t2\n")], delimiter="\t", header=False, columns=["a", "b"])[0] == [("1", "2")]


def test_several_files_in_order_with_columns_in_any_order(file):
    paths = [file("a,b\n1,2\n", "1.csv"), file("b,a\n4,3\n", "2.csv")]
    assert read(paths)[0] == [("1", "2"), ("3", "4")]
    broken = [file("a,b\n1,2\n", "1.csv"), file("b,a\n4,3\n5\n", "2.csv")]
    rows, rejects = read(broken)
    assert rows == [("1", "2"), ("3", "4")]
    assert [(reject["file"], reject["line"]) for reject in rejects] == [("2.csv", 3)]


def test_many_small_files_are_read_as_if_they_were_one(file):
    header = ["a,b", "a,b", "b,a", "a,b"]
    paths = [file(f"{header[n % 4]}\n{n},{n}\r\n\n{n},x{n}", f"{n:04}.csv") for n in range(300)]
    rows, rejects = read(paths)
    expected = []
    for n in range(300):
        lines = [(str(n), str(n)), (str(n), f"x{n}")]
        expected += [line[::-1] for line in lines] if n % 4 == 2 else lines
    assert rows == expected
    assert rejects == []


@pytest.mark.parametrize(
    ("broken", "error", "kept"),
    [
        ('7,"open\n', "a quote is not closed", [("5", "5")]),
        ('7,"open\n5,5\n', "a quote is not closed", [("5", "5")]),
        ('b""",\r\n"5,5\n', "a quote is not closed", [('b"""', None)]),
        ("7\n5,5\n", "2 columns expected, 1 found", [("5", "5")]),
    ],
)
def test_a_broken_line_in_one_of_many_files_costs_that_line(file, broken, error, kept):
    texts = {f"{n:04}.csv": f'a,b\n{n},",x"\n' for n in range(40)}
    texts["0020.csv"] = "a,b\n" + ("5,5\n" if broken.endswith("open\n") else "") + broken
    rows, rejects = read([file(text, name) for name, text in texts.items()])
    assert rows == [(str(n), ",x") for n in range(20)] + kept + [(str(n), ",x") for n in range(21, 40)]
    assert [(reject["file"], reject["error"]) for reject in rejects] == [("0020.csv", error)]


def test_a_delimiter_at_the_end_of_a_line_begins_no_column(file):
    for text in ("a,b\n1,2,\n", "a,b\n1,2,\n3\n"):
        assert read([file(text)])[0] == [("1", "2")]


def test_large_files_among_small_ones(file, monkeypatch):
    monkeypatch.setattr("pipeline.landing.readers.texts.delimited.SMALL", 20)
    paths = [file(f"a\n{'1' * n}\n", f"{n:02}.csv") for n in range(1, 40)]
    assert read(paths)[0] == [("1" * n,) for n in range(1, 40)]


def test_files_with_other_columns_are_named(file):
    message = said([file("a,b\n1,2\n", "1.csv"), file("a,c\n1,2\n", "2.csv")])
    for word in ("1.csv", "2.csv", "'b'"):
        assert word in message


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("naïve,€\n1,ü\n".encode("cp1252"), "cp1252"),
        ("naïve,€\n1,ü\n".encode("utf-16"), "utf-16"),
        ("naïve,€\n1,ü\n".encode("utf-8-sig"), "utf-8"),
        ("naïve,€\n1,ü\n".encode("gb18030"), "gb18030"),
    ],
)
def test_encodings(file, content, encoding):
    with opened(request_of([file(content)], encoding=encoding)) as (_, rows):
        assert rows.columns == ["naïve", "€"]
    assert read([file(content)], encoding=encoding)[0] == [("1", "ü")]


@pytest.mark.parametrize(
    ("content", "table", "words"),
    [
        ("a;b\n1;2\n", {"columns": ["b"]}, ["'b'", "It has: a;b", "Is `delimiter` right?"]),
        ("a,b\n1,2\n", {"columns": ["c"]}, ["sales.csv has no column 'c'", "It has: a, b", "cdnow.yml"]),
        ("a,b\n1,2\n", {"key": ["id"]}, ["no column 'id'"]),
        ("a,b\n1,2\n", {"key": ["a"], "cursor": "at"}, ["no column 'at'"]),
        ("a,b\n1,2\n", {"key": ["a"], "deleted": "void"}, ["no column 'void'"]),
        ("a,A\n1,2\n", {}, ["two columns 'a' and 'A'"]),
        ("a,_position\n1,2\n", {}, ["'_position'"]),
        ("\n1,2\n", {}, ["no header in line 1", "`skip_rows`"]),
    ],
)
def test_wrong_columns_are_named(file, content, table, words):
    message = said([file(content)], **table)
    for word in words:
        assert word in message


cell = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_both_ways_of_reading_csv_agree(tmp_path_factory, rows, end):
    output = io.StringIO()
    csv.writer(output, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    path.write_bytes(output.getvalue().encode())
    expected = [tuple(value or None for value in row) for row in rows]
    assert read([path])[0] == expected
    with path.open(encoding="utf-8", newline="") as handle:
        assert [tuple(record) for record in records(handle, width=3, delimiter=",")][1:] == expected


def test_a_quote_that_never_closes_breaks_one_line():
    found = list(records(['1,"x\n', "2,y\n", "3,z\n"], width=2, delimiter=","))
    assert found == [Broken(1, "a quote is not closed", '1,"x'), ["2", "y"], ["3", "z"]]


# JSON lines

JSONL = {"format": "jsonl"}


def test_jsonl_is_text_as_written(file):
    path = file(
        '{"id": 7, "price": 12.50, "tags": ["a", {"b": null}], "ok": true}\r\n'
        "\n"
        '{"note": "é \\"q\\"\\nx", "id": null, "tags": {}, "price": 1e3, "ok": false}',
        "s.jsonl",
    )
    with opened(request_of([path], **JSONL)) as (_, rows):
        assert rows.columns == ["id", "note", "ok", "price", "tags"]
    rows, rejects = read([path], **JSONL)
    assert rows == [("7", None, "true", "12.50", '["a",{"b":null}]'), (None, 'é "q"\nx', "false", "1e3", "{}")]
    assert rejects == []


@pytest.mark.parametrize(
    "number",
    ["0.10", "-0", "-0.0", "1E5", "1.5e-7", "12345678901234567890123", "0.1234567890123456789", "100", "1e400", "-5"],
)
def test_jsonl_numbers_keep_their_digits(file, number):
    text = "5 apples, 1.50, \\\\"
    assert read([file(f'{{"a": {number}, "b": "{text}", "c":[{number} ]}}\n', "s.jsonl")], **JSONL)[0][0][:2] == (
        number,
        text.replace("\\\\", "\\"),
    )


def test_jsonl_keys_may_be_absent(file):
    paths = [file('{"b": 1}\n{"c": 2, "a": 3}\n', "1.jsonl"), file('{"d": 4, "b": 5}\n', "2.jsonl")]
    with opened(request_of(paths, **JSONL, columns=["c", "b"])) as (_, rows):
        assert rows.columns == ["c", "b", "a", "d"]
    assert read(paths, **JSONL, columns=["c", "b"])[0] == [
        (None, "1", None, None),
        ("2", None, "3", None),
        (None, "5", None, "4"),
    ]


def test_a_broken_json_line_costs_that_line_and_no_other(file):
    lines = [json.dumps({"n": n, "x": f"value {n}"}) for n in range(3000)]
    lines[10] = '{"n": 10, "x": "open'
    lines[20] = "[1, 2]"
    lines[30] = '{"n": 30, "n": 31}'
    lines[40] = '{"n": 40} {"n": 41}'
    lines[50] = ""
    lines[60] = '{"": 1}'
    lines[70] = "7"
    paths = [file('{"n": -1}\n', "1.jsonl"), file("\n".join(lines), "2.jsonl"), file('{"n": -2}\n', "3.jsonl")]
    rows, rejects = read(paths, **JSONL)
    numbers = [n for n in range(3000) if n not in (10, 20, 30, 40, 50, 60, 70)]
    assert [row[0] for row in rows] == [str(n) for n in (-1, *numbers, -2)]
    assert rows[1] == ("0", "value 0")
    assert [(reject["line"], reject["error"]) for reject in rejects] == [
        (11, "not valid JSON: Unterminated string starting at (character 16)"),
        (21, "a line must be one object, {…}"),
        (31, "the key 'n' is there twice"),
        (41, "not valid JSON: Extra data (character 11)"),
        (61, "a key has no name"),
        (71, "a line must be one object, {…}"),
    ]
    assert {reject["file"] for reject in rejects} == {"2.jsonl"}
    assert rejects[0]["content"] == '{"n": 10, "x": "open'


def test_what_only_duckdb_calls_broken_is_unreadable_too(file):
    rows, rejects = read([file('{"a": "\\ud800"}\n{"a": "ok"}\n', "s.jsonl")], **JSONL)
    assert rows == [("ok",)]
    assert [(reject["line"], reject["error"]) for reject in rejects] == [(1, "not valid JSON")]


value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | cell,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(cell, inner, max_size=2),
    max_leaves=4,
)


def written(value) -> str:
    """JSON text in which decimals keep their digits."""
    if isinstance(value, Decimal):
        return format(value)
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{written(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(value, value), min_size=1, max_size=4))
def test_jsonl_values_come_back(tmp_path_factory, objects):
    path = tmp_path_factory.mktemp("jsonl") / "x.jsonl"
    path.write_text("".join(f'{{"a":{written(a)}, "b" :{written(b)} }}\n' for a, b in objects), encoding="utf-8")
    rows, rejects = read([path], **JSONL)
    assert rejects == []
    for expected, found in zip(objects, rows, strict=True):
        for wanted, text in zip(expected, found, strict=True):
            if isinstance(wanted, list | dict):
                assert json.loads(text) == json.loads(written(wanted))
            else:
                assert text == (wanted if wanted is None or isinstance(wanted, str) else written(wanted))


@pytest.mark.parametrize(
    ("content", "table", "words"),
    [
        ('{"a": 1}\n', {"columns": ["b", "a"]}, ["s.jsonl has no column 'b'", "It has: a", "cdnow.yml"]),
        ('{"a": 1}\n', {"key": ["id"]}, ["no column 'id'"]),
        ('{"a": 1}\n{"A": 2}\n', {}, ["two columns 'A' and 'a'"]),
        ('{"_op": 1}\n', {}, ["'_op'", "landing uses itself"]),
        ("\n\n", {}, ["no lines", "`columns`", "cdnow.yml"]),
        ('{"a": "ü"}\n'.encode("latin-1"), {}, ["not utf-8", "line 1", "0xfc"]),
    ],
)
def test_wrong_jsonl_is_named(file, content, table, words):
    message = said([file(content, "s.jsonl")], **JSONL, **table)
    for word in words:
        assert word in message


def test_jsonl_reads_one_column_alone_where_no_more_is_needed(file):
    paths = [file('{"at": "9", "b": 1}\n{"b": 2}\n{"at"\n', "1.jsonl"), file('{"at": "8"}\n', "2.jsonl")]
    request = replace(request_of(paths, **JSONL), only=["at"])
    with opened(request) as (connection, rows):
        assert connection.execute(f"select * from {rows.relation}").fetchall() == [("9",), (None,), ("8",)]
    request = replace(request_of(paths, **JSONL, event_time="when"), only=["when"])
    with pytest.raises(UserError, match="the union of 2 files has no column 'when'"), opened(request):
        pass


def test_columns_that_no_line_of_several_files_has_are_named(file):
    message = said([file('{"a": 1}\n', f"{n}.jsonl") for n in range(3)], **JSONL, columns=["b"])
    assert "the union of 3 files has no column 'b'" in message


def test_jsonl_without_lines_has_the_declared_columns(file):
    with opened(request_of([file("\n", "s.jsonl")], **JSONL, columns=["b", "a"], key=["a"])) as (connection, rows):
        assert rows.columns == ["b", "a"]
        assert connection.execute(f"select * from {rows.relation}").fetchall() == []


def test_jsonl_in_another_encoding_and_with_a_mark(file):
    for content, encoding in (('{"a": "ü"}\n'.encode("utf-16"), "utf-16"), ('{"a": "ü"}'.encode("utf-8-sig"), "utf-8")):
        assert read([file(content, "s.jsonl")], **JSONL, encoding=encoding)[0] == [("ü",)]


# fixed width


def test_fixed_width(file):
    path = file("name  amount\r\nAna      1.50\r\n\r\nBo\r\nCléo    12.00\r\n         7.00\r\n", "s.txt")
    table = {"format": "fixed_width", "skip_rows": 1, "columns": {"name": (0, 6), "amount": (6, 13)}}
    rows, rejects = read([path], **table)
    assert rows == [("Ana", "1.50"), ("Cléo", "12.00"), (None, "7.00")]
    assert [(reject["line"], reject["content"]) for reject in rejects] == [(4, "Bo")]
    assert rejects[0]["error"] == "the line has 2 characters, its columns need 13"


# Parquet


def test_parquet_keeps_types_and_order(tmp_path):
    table = pa.table({"id": list(range(300_000)), "amount": [float(n % 7) for n in range(300_000)]})
    pq.write_table(table, tmp_path / "s.parquet", row_group_size=1000)
    with opened(request_of([tmp_path / "s.parquet"], format="parquet")) as (connection, rows):
        numbered = f"select *, row_number() over () as n from {rows.relation}"
        query = f"select bool_and(id = n - 1), any_value(typeof(amount)) from ({numbered})"
        assert connection.execute(query).fetchall() == [(True, "DOUBLE")]


@pytest.mark.parametrize("keep", [10, 300])
def test_what_is_not_a_whole_parquet_file_is_named(tmp_path, keep):
    path = tmp_path / "s.parquet"
    pq.write_table(pa.table({"id": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:keep])
    message = said([path], format="parquet")
    for word in (str(path), "not a whole Parquet file", "Copy it again", "cdnow.yml"):
        assert word in message


def test_parquet_names_the_missing_column(tmp_path):
    pq.write_table(pa.table({"id": [1], "amount": [2.0]}), tmp_path / "s.parquet")
    message = said([tmp_path / "s.parquet"], format="parquet", columns=["price"])
    for word in ("s.parquet", "'price'", "id, amount"):
        assert word in message


def test_readers_leave_nothing_behind(file, tmp_path):
    read([file("a\n1\n".encode("utf-16"))], encoding="utf-16")
    said([file(b"a\n\xff\n")])
    (of_this_process,) = (path for path in (tmp_path / "home" / "tmp").iterdir() if path.is_dir())
    assert [path.name for path in of_this_process.iterdir()] == [".lock"]
